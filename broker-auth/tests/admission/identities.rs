//! Whose certificate it is: exactly one value, in the grammar of device ids, or nobody's.

use authenticator::identity::{Identity, IdentityTemplate, Template, TemplateError, identify};
use authenticator::reason::{Reason, Refusal};
use authenticator::trust::Role;
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, SanType};

use crate::pki::{Ca, Fleet, ca_params, client_params};
use crate::unusual_crl::element;

fn identity_of(params: CertificateParams, template: &str, role: Role) -> Result<Identity, Refusal> {
    let mut fleet = Fleet::unloaded();
    fleet.trust.role = role;
    fleet.load().expect("a proper trust");
    let template: Template = template.parse().expect("a template");
    let templates = IdentityTemplate { device_id: template.clone(), service_name: template };
    let chain = fleet.verify(&[&fleet.ca.client_with(params).der])?;
    identify(chain, &templates).map(|device| device.identity().clone())
}

fn device_id(params: CertificateParams, template: &str) -> Result<String, Refusal> {
    identity_of(params, template, Role::Device).map(|identity| identity.to_string())
}

/// A certificate whose common names are these, in this order. rcgen keeps one value per type, so the subject is put
/// in place of one of the same length.
fn with_common_names(names: &[&str]) -> Result<String, Refusal> {
    let fleet = Fleet::new();
    let attributes: Vec<u8> = names
        .iter()
        .flat_map(|name| {
            let value = element(0x0c, name.as_bytes());
            element(0x31, &element(0x30, &[element(0x06, &[0x55, 0x04, 0x03]), value].concat()))
        })
        .collect();
    let subject = element(0x30, &attributes);
    let placeholder = fleet.ca.client("placeholder", 1);
    let signed = resigned(&fleet, placeholder.der.as_ref(), &subject);
    let chain = fleet.store.verify_chain(&[signed.into()]).proven()?.clone();
    identify(chain, &IdentityTemplate::default()).map(|device| device.identity().to_string())
}

/// `certificate` with another subject, signed again.
fn resigned(fleet: &Fleet, certificate: &[u8], subject: &[u8]) -> Vec<u8> {
    use rcgen::SigningKey;
    use x509_parser::prelude::FromDer;
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate).expect("certificate");
    let tbs = parsed.tbs_certificate.as_ref();
    let old = parsed.subject().as_raw();
    let at = tbs.windows(old.len()).rposition(|window| window == old).expect("the subject is in it");
    // Past the header of the outer SEQUENCE, which is two length octets long for any real certificate.
    let contents = [&tbs[4..at], subject, &tbs[at + old.len()..]].concat();
    let tbs = element(0x30, &contents);
    let algorithm = element(0x30, &element(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
    let signature = fleet.ca.key.sign(&tbs).expect("signature");
    element(0x30, &[tbs, algorithm, element(0x03, &[vec![0], signature].concat())].concat())
}

#[test]
fn the_common_name_is_the_device_id_by_default() {
    assert_eq!(with_common_names(&["pump-1"]).expect("one name"), "pump-1");
}

#[test]
fn none_or_several_common_names_are_unmapped() {
    for names in [&[][..], &["pump-1", "pump-2"], &["pump-1", "pump-1"]] {
        let refusal = with_common_names(names).expect_err("not exactly one");
        assert_eq!(refusal.reason, Reason::UnmappedIdentity, "{names:?}: {}", refusal.evidence);
    }
}

#[test]
fn a_name_outside_the_grammar_is_unmapped_and_the_evidence_says_why() {
    let long = "x".repeat(65);
    for name in ["", "pump 1", "pump/1", "pump+1", "pump#1", "pump\u{0}1", "-pump", "pümp", "pump\n1", &long]
    {
        let refusal = with_common_names(&[name]).expect_err(name);
        assert_eq!(refusal.reason, Reason::UnmappedIdentity, "{name:?}");
        assert!(refusal.evidence.contains("device id"), "{name:?}: {}", refusal.evidence);
        assert!(!refusal.evidence.chars().any(char::is_control), "{name:?}: {:?}", refusal.evidence);
    }
    assert_eq!(with_common_names(&[&long[1..]]).expect("64 characters fit"), long[1..]);
}

#[test]
fn templates_read_any_part_of_the_certificate() {
    let params = || {
        let mut params = client_params("pump-1", 1);
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "hall-3");
        params.distinguished_name.push(
            DnType::CustomDnType(vec![2, 5, 4, 5]),
            DnValue::PrintableString("SN42".try_into().expect("text")),
        );
        params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "custom");
        params.subject_alt_names = vec![
            SanType::DnsName("pump-1.acme.test".try_into().expect("name")),
            SanType::URI("urn:dev:mac:0024befffe804ff1".try_into().expect("uri")),
            SanType::Rfc822Name("pump@acme.test".try_into().expect("address")),
            SanType::IpAddress([10, 0, 0, 7].into()),
        ];
        params
    };
    for (template, id) in [
        ("{CN}", "pump-1"),
        ("{O}", "Acme"),
        ("{OU}:{CN}", "hall-3:pump-1"),
        ("d-{serialNumber}", "d-SN42"),
        ("{2.5.4.5}", "SN42"),
        ("{1.2.3.4}", "custom"),
        ("{SAN:DNS}", "pump-1.acme.test"),
        ("{SAN:URI}", "urn:dev:mac:0024befffe804ff1"),
        ("{SAN:IP}", "10.0.0.7"),
    ] {
        assert_eq!(device_id(params(), template).expect(template), id, "{template}");
    }
    // The issuer's name has spaces; no locality is there at all.
    for template in ["{issuer:CN}-{CN}", "{L}", "{CN}-{L}"] {
        let refusal = device_id(params(), template).expect_err(template);
        assert_eq!(refusal.reason, Reason::UnmappedIdentity, "{template}");
    }
    let mut two = params();
    two.subject_alt_names.push(SanType::DnsName("pump-2.acme.test".try_into().expect("name")));
    assert!(device_id(two, "{SAN:DNS}").expect_err("two names").evidence.contains("2 values"));
}

/// The shortest identities that templates are accepted for, each read from a certificate that says so.
#[test]
fn a_template_that_is_accepted_yields_an_id_for_some_certificate() {
    let long = "x".repeat(61);
    for (template, alternative_name, id) in [
        ("{CN}".to_owned(), None, "0".to_owned()),
        (format!("{long}xx{{CN}}"), None, format!("{long}xx0")),
        ("{issuer:O}{CN}".to_owned(), None, "Acme0".to_owned()),
        (
            format!("{long}{{SAN:URI}}"),
            Some(SanType::URI("a:0".try_into().expect("uri"))),
            format!("{long}a:0"),
        ),
        ("{SAN:URI}".to_owned(), Some(SanType::URI("a:0".try_into().expect("uri"))), "a:0".to_owned()),
        (
            format!("{long}{{SAN:IP}}"),
            Some(SanType::IpAddress([1u16, 0, 0, 0, 0, 0, 0, 0].into())),
            format!("{long}1::"),
        ),
        ("{SAN:IP}".to_owned(), Some(SanType::IpAddress([192, 0, 2, 1].into())), "192.0.2.1".to_owned()),
        ("{SAN:DNS}".to_owned(), Some(SanType::DnsName("0".try_into().expect("name"))), "0".to_owned()),
        ("{2.999.3}".to_owned(), None, "joint".to_owned()),
        ("{1.39.3}".to_owned(), None, "iso".to_owned()),
    ] {
        let mut fleet = Fleet::unloaded();
        let mut ca = ca_params("Fleet Device CA");
        ca.distinguished_name.push(DnType::OrganizationName, "Acme");
        fleet.ca = Ca::self_signed(ca);
        fleet.write("ca.pem", fleet.ca.certificate.pem());
        fleet.write("ca.crl", fleet.ca.crl(10, &[]));
        fleet.load().expect("a proper trust");
        let mut params = client_params("0", 1);
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 999, 3]), "joint");
        params.distinguished_name.push(DnType::CustomDnType(vec![1, 39, 3]), "iso");
        params.subject_alt_names.extend(alternative_name);
        let chain = fleet.verify(&[&fleet.ca.client_with(params).der]).expect("a proper chain");
        let parsed: Template = template.parse().expect("a template");
        let templates = IdentityTemplate { device_id: parsed.clone(), service_name: parsed };
        let client = identify(chain, &templates).unwrap_or_else(|refusal| panic!("{template}: {refusal:?}"));
        assert_eq!(client.identity().as_str(), id, "{template}");
    }
}

/// Every certificate with an empty value would be the same device: the one that the template's own text names.
#[test]
fn an_empty_value_makes_no_identity() {
    let refusal = device_id(client_params("", 1), "pump-{CN}").expect_err("nothing");
    assert_eq!(refusal.reason, Reason::UnmappedIdentity);
    assert!(refusal.evidence.contains("{CN} is empty"), "{}", refusal.evidence);
}

/// BMPString is text in two octets a character; TeletexString is text where it is ASCII, and beyond that nobody knows.
#[test]
fn every_string_type_is_text_where_its_characters_are_known() {
    let id = |value: DnValue| {
        let mut params = client_params("pump-1", 1);
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), value);
        device_id(params, "{serialNumber}")
    };
    let teletex = |text: &str| DnValue::TeletexString(text.try_into().expect("text"));
    assert_eq!(id(DnValue::BmpString("SN42".try_into().expect("text"))).expect("text"), "SN42");
    assert_eq!(id(teletex("SN42")).expect("text"), "SN42");
    assert_eq!(id(DnValue::UniversalString("SN42".try_into().expect("text"))).expect("text"), "SN42");
    // Letters are not folded: another spelling is another device.
    assert_eq!(id(DnValue::BmpString("sn42".try_into().expect("text"))).expect("text"), "sn42");
    let refusal = id(DnValue::UniversalString("SN\u{e4}".try_into().expect("text"))).expect_err("no id");
    assert_eq!(refusal.reason, Reason::UnmappedIdentity, "{}", refusal.evidence);
}

#[test]
fn a_service_is_no_device() {
    let service = identity_of(client_params("pump-1", 1), "{CN}", Role::Service).expect("a service");
    assert_eq!(service.device_id(), None);
    let device = identity_of(client_params("pump-1", 1), "{CN}", Role::Device).expect("a device");
    assert_ne!(service, device);
    assert_eq!(service.name(), device.name());
}

#[test]
fn a_text_that_is_no_template_is_refused() {
    let parse = |text: &str| text.parse::<Template>().map(|_| ());
    assert_eq!(parse("pump"), Err(TemplateError::NoField));
    assert_eq!(parse(""), Err(TemplateError::NoField));
    assert_eq!(parse("{CN"), Err(TemplateError::Unclosed));
    assert_eq!(parse("CN}"), Err(TemplateError::Unopened));
    for name in ["", "cn", "SAN:dns", "issuer:", "2.5.", "SAN:"] {
        assert_eq!(parse(&format!("{{{name}}}")), Err(TemplateError::UnknownField { name: name.to_owned() }));
    }
}

#[test]
fn a_subject_is_written_as_rfc_4514_says() {
    let fleet = Fleet::new();
    let mut params = client_params("a,b+c\"d\\e<f>g;h", 1);
    params.distinguished_name.push(DnType::OrganizationName, " #x ");
    params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 3]), "z\n");
    let chain = fleet.verify(&[&fleet.ca.client_with(params).der]).expect("a proper chain");
    assert_eq!(
        chain.leaf().subject().to_string(),
        "1.2.3=z\\0a,O=\\ #x\\ ,CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h"
    );
}

#[test]
fn a_repeated_extension_is_refused() {
    let fleet = Fleet::new();
    let mut params = client_params("pump-1", 1);
    // A second key usage, beside the one that the profile writes.
    params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 7, 0x80]));
    let refusal = fleet.verify(&[&fleet.ca.client_with(params).der]).expect_err("twice");
    assert_eq!(refusal.reason, Reason::Malformed, "{}", refusal.evidence);
}
