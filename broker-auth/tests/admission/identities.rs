//! Whose certificate it is: exactly one value, in the grammar of device ids, or nobody's.

use authenticator::identity::{Identity, IdentityTemplate, Template, TemplateError, identify};
use authenticator::reason::{Reason, Refusal};
use authenticator::trust::Role;
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, SanType};

use crate::handshakes::Broker;
use crate::pki::{Ca, Fleet, ca_params, client_params};
use crate::unusual_crl::element;

fn identity_of(params: CertificateParams, template: &str, role: Role) -> Result<Identity, Refusal> {
    let mut fleet = Fleet::unloaded();
    fleet.trust.role = role;
    fleet.load().expect("a proper trust");
    let template: Template = template.parse().expect("a template");
    let templates = IdentityTemplate { device_id: template.clone().into(), service_name: template.into() };
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
        let templates = IdentityTemplate { device_id: parsed.clone().into(), service_name: parsed.into() };
        let client = identify(chain, &templates).unwrap_or_else(|refusal| panic!("{template}: {refusal:?}"));
        assert_eq!(client.identity().name(), id, "{template}");
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

/// A client whose certificate has one value, under the field that `template` takes a part of.
fn with_value(template: &str, value: &str) -> CertificateParams {
    let mut params = client_params("placeholder", 1);
    match template {
        "{SAN:email|local-part}" => {
            params.subject_alt_names = vec![SanType::Rfc822Name(value.try_into().expect("ASCII"))];
        }
        "{SAN:URI|last-segment}" => {
            params.subject_alt_names = vec![SanType::URI(value.try_into().expect("ASCII"))];
        }
        "{emailAddress|local-part}" | "{1.2.840.113549.1.9.1|local-part}" => params.distinguished_name.push(
            DnType::CustomDnType(vec![1, 2, 840, 113549, 1, 9, 1]),
            DnValue::Ia5String(value.try_into().expect("ASCII")),
        ),
        _ => params.distinguished_name.push(DnType::CommonName, value),
    }
    params
}

#[test]
fn a_template_takes_a_part_of_a_value() {
    for (template, value, id) in [
        ("{SAN:email|local-part}", "pump-1@acme.test", "pump-1"),
        ("{SAN:email|local-part}", "Pump-1@ACME.test", "Pump-1"),
        ("{emailAddress|local-part}", "pump-1@acme.test", "pump-1"),
        ("{1.2.840.113549.1.9.1|local-part}", "pump-1@acme.test", "pump-1"),
        ("{CN|local-part}", "pump-1@acme.test", "pump-1"),
        ("{SAN:URI|last-segment}", "https://acme.test/hall-3/pump-1", "pump-1"),
        ("{SAN:URI|last-segment}", "spiffe://acme.test/PUMP-1", "PUMP-1"),
        ("{SAN:URI|last-segment}", "urn:dev:mac:0024befffe804ff1", "0024befffe804ff1"),
        ("{CN|last-segment}", "Acme Pumps/Hall 3/pump-1", "pump-1"),
    ] {
        assert_eq!(
            device_id(with_value(template, value), template).expect(value),
            id,
            "{template} of {value}"
        );
    }
    let mut params = with_value("{SAN:email|local-part}", "pump-1@acme.test");
    params.subject_alt_names.push(SanType::URI("urn:acme:hall-3".try_into().expect("uri")));
    assert_eq!(
        device_id(params, "{SAN:URI|last-segment}:{SAN:email|local-part}.x").expect("both"),
        "hall-3:pump-1.x"
    );
}

/// Each of these could be read as `pump-1` by somebody. Nobody is `pump-1` by them, over a live handshake either: the
/// chain is proven there, and the name is refused all the same.
#[test]
fn a_value_that_looks_like_another_devices_yields_no_identity() {
    let broker = Broker::new();
    let refused = |template: &str, params: CertificateParams, what: &str| {
        let outcome = broker.connect_as(&broker.fleet.ca.client_with(params));
        let parsed: Template = template.parse().expect("a template");
        let templates = IdentityTemplate { device_id: parsed.clone().into(), service_name: parsed.into() };
        let chain = outcome.verdict.unwrap_or_else(|refusal| panic!("{what:?}: {refusal:?}"));
        match identify(chain, &templates) {
            Ok(client) => panic!("{template} of {what:?} is {}", client.identity()),
            Err(refusal) => {
                assert_eq!(refusal.reason, Reason::UnmappedIdentity, "{what:?}");
                assert!(!refusal.evidence.chars().any(char::is_control), "{:?}", refusal.evidence);
                refusal.evidence
            }
        }
    };
    let long = format!("{}@acme.test", "x".repeat(5000));
    for (template, values) in [
        (
            "{SAN:email|local-part}",
            &[
                "",
                "@",
                "pump-1",
                "pump-1@",
                "@pump-1",
                "pump-1@evil@acme.test",
                "\"pump-1@evil\"@acme.test",
                "\"pump-1\"@acme.test",
                "pump-1(comment)@acme.test",
                "pump-1\0@acme.test",
                "pump-1@acme.test\0.evil.test",
                "evil\0pump-1@acme.test",
                "pump-1@acme.test\r\n",
                " pump-1@acme.test",
                "pump%2D1@acme.test",
                "evil!pump-1@acme.test",
                "Pump 1 <pump-1@acme.test>",
                &long,
            ][..],
        ),
        (
            "{SAN:URI|last-segment}",
            &[
                "",
                "pump-1",
                "https://pump-1",
                "https://acme.test/pump-1/",
                "https://acme.test/pump-1?",
                "https://acme.test/evil?/pump-1",
                "https://acme.test/evil#/pump-1",
                "https://acme.test/pump%2d1",
                "https://acme.test/evil%2Fpump-1",
                "https://acme.test/%2e/pump-1",
                "https://acme.test/evil\\pump-1",
                "https://acme.test/evil\0/pump-1",
                "https://acme.test/pump-1\0",
                "https://acme.test/pump-1 ",
                "https://acme.test/pump-1;v=1",
                "https://acme.test/evil@pump-1",
                "https://acme.test/..",
                "urn:pump-1",
                "urn::pump-1",
                "urn:x:pump-1:",
                "urn:x:pump-1/",
                "urn:x:pump-1?=a",
                "tag:acme.test,2030:pump-1",
            ],
        ),
        (
            "{CN|local-part}",
            &[
                "pump-1",
                "pump\u{2010}1@acme.test",
                "p\u{443}mp-1@acme.test",
                "pump-1\u{ff20}acme.test",
                "pump-1\u{200b}@x",
            ],
        ),
        (
            "{CN|last-segment}",
            &[
                "pump-1",
                "evil\u{2044}pump-1",
                "evil/pump-1\u{2215}",
                "evil/\u{202e}1-pmup",
                "evil/p\u{443}mp-1",
                "a/-pump-1",
            ],
        ),
        ("{emailAddress|local-part}", &["pump-1", "pump-1@evil@x", "pump-1\0@x"]),
    ] {
        for value in values {
            let evidence = refused(template, with_value(template, value), value);
            assert!(evidence.len() < 1000, "{} bytes of evidence", evidence.len());
        }
    }
    // Two values: whoever asked for the certificate could choose which one counts.
    let mut two = with_value("{SAN:email|local-part}", "pump-1@acme.test");
    two.subject_alt_names.push(SanType::Rfc822Name("pump-1@acme.test".try_into().expect("ASCII")));
    let evidence = refused("{SAN:email|local-part}", two, "two");
    assert!(evidence.contains("2 values for {SAN:email|local-part}"), "{evidence}");
    // A URI is IA5String (RFC 5280 §4.2.1.6), and one of other octets is a value all the same.
    for (uri, template) in [
        (&b"https://acme.test/p\xc3\xbc/pump-1"[..], "{SAN:URI|last-segment}"),
        (b"https://acme.test/p\xff/pump-1", "{SAN:URI|last-segment}"),
        (b"urn:acme:\xc3\xbc", "{SAN:URI}"),
    ] {
        let good = element(0x86, b"https://acme.test/pump-1");
        for (names, why) in [
            (element(0x86, uri), "is no readable text"),
            ([element(0x86, uri), good.clone()].concat(), "2 values"),
            ([good, element(0x86, uri)].concat(), "2 values"),
        ] {
            let mut foreign = client_params("placeholder", 1);
            let names = element(0x30, &names);
            foreign.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], names));
            let evidence = refused(template, foreign, "other octets");
            assert!(evidence.contains(why), "{why}: {evidence}");
        }
    }
}

/// Letters are not folded: another spelling is another device.
#[test]
fn a_part_in_other_letters_is_another_device() {
    let id = |value: &str| {
        device_id(with_value("{SAN:URI|last-segment}", value), "{SAN:URI|last-segment}").expect(value)
    };
    assert_ne!(id("https://acme.test/pump-1"), id("https://acme.test/PUMP-1"));
    assert_ne!(id("urn:acme:pump-1"), id("urn:acme:Pump-1"));
}

/// The first alternative that the certificate has the fields for; what must not be used is not made up for.
#[test]
fn alternatives_are_tried_in_order_and_none_makes_up_for_a_doubtful_value() {
    let text = |alternatives: &str| format!("device-id = {alternatives}\n");
    let read = |alternatives: &str| {
        let config = crate::configuration::GOOD.replacen("device-id = \"{CN}\"\n", &text(alternatives), 1);
        assert!(config.contains(alternatives), "it is in the configuration");
        broker_auth::config::Config::parse(std::path::Path::new("/etc/fleet/broker.toml"), &config)
    };
    let uri = |text: &str| SanType::URI(text.try_into().expect("a URI"));
    let dns = |text: &str| SanType::DnsName(text.try_into().expect("a name"));
    let both = r#"["{SAN:URI|last-segment}", { template = "{SAN:DNS}", regex = "([a-z0-9-]+)\\.acme\\.test" }, "{CN}"]"#;
    let mailbox = r#"{ template = "{SAN:email}", regex = "(pump-[0-9]+)@acme\\.test" }"#;
    for (alternatives, names, identity) in [
        (both, vec![uri("https://acme.test/pump-2"), dns("pump-3.acme.test")], Some("pump-2")),
        (both, vec![dns("pump-3.acme.test")], Some("pump-3")),
        (both, vec![dns("pump-3.other.test")], Some("pump-1")),
        (both, vec![dns("pump-3.acme.test.evil.test")], Some("pump-1")),
        (both, vec![], Some("pump-1")),
        // Two of a kind, or one without the part: no other alternative counts.
        (both, vec![dns("pump-3.acme.test"), dns("pump-4.acme.test")], None),
        (both, vec![uri("https://acme.test/")], None),
        (mailbox, vec![SanType::Rfc822Name("pump-7@acme.test".try_into().expect("one"))], Some("pump-7")),
        (mailbox, vec![SanType::Rfc822Name("pump-7@acme.test.evil".try_into().expect("one"))], None),
        (mailbox, vec![], None),
    ] {
        let config = read(alternatives).unwrap_or_else(|error| panic!("{alternatives}: {error}"));
        let fleet = Fleet::unloaded();
        fleet.load().expect("a trust");
        let mut params = client_params("pump-1", 1);
        params.subject_alt_names.clone_from(&names);
        let chain = fleet.verify(&[&fleet.ca.client_with(params).der]).expect("proven");
        let client = identify(chain, &config.access.identity);
        let found = client.as_ref().ok().map(|client| client.identity().name().to_owned());
        assert_eq!(found.as_deref(), identity, "{alternatives} {names:?}: {client:?}");
    }
    for (wrong, words) in [
        ("[]", "an empty list reads no identity"),
        (r#"{ template = "{CN}", regex = "(a)(b)" }"#, "it has 2 groups"),
        (r#"{ template = "{CN}", regex = "(" }"#, "it is no regular expression"),
        (r#"{ template = "{issuer:CN}", regex = "(.*)" }"#, "every certificate of one CA"),
        (r#"{ template = "pump", regex = "(.*)" }"#, "it names no field"),
        (r#"["{CN}", "{SAN:email}"]"#, "is an address with an @ in it"),
        (r#"{ regex = "(.*)" }"#, "template"),
        (r#"{ template = "{CN}", pattern = "x" }"#, "pattern"),
        ("7", "a table is wanted"),
    ] {
        let error = read(wrong).expect_err(wrong).to_string();
        assert!(error.contains(words), "{wrong}: {error}");
    }
}

/// subjectAltName with the name of a hardware module, as OpenSSL encodes it.
fn hardware_module(fleet: &Fleet, kind: &str, serial: &str) -> CustomExtension {
    use x509_parser::prelude::FromDer;
    // OpenSSL takes no empty hex.
    let format = if serial.is_empty() { "ASCII" } else { "HEX" };
    let config = fleet.write(
        "openssl.cnf",
        format!(
            "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=x\n[v3]\n\
             subjectAltName=otherName:1.3.6.1.5.5.7.8.4;SEQUENCE:module\n[module]\n\
             type=OID:{kind}\nserial=FORMAT:{format},OCTETSTRING:{serial}\n"
        ),
    );
    let (key, certificate) = (config.with_extension("key"), config.with_extension("der"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .arg("-config")
        .arg(&config)
        .arg("-keyout")
        .arg(&key)
        .args(["-outform", "DER", "-out"])
        .arg(&certificate)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let der = std::fs::read(certificate).expect("a certificate");
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(&der).expect("a certificate");
    let names = parsed.extensions().iter().find(|extension| extension.oid.to_id_string() == "2.5.29.17");
    CustomExtension::from_oid_content(&[2, 5, 29, 17], names.expect("the extension").value.to_vec())
}

#[test]
fn a_hardware_module_is_called_by_its_type_and_serial_number() {
    let fleet = Fleet::unloaded();
    let of = |kind: &str, serial: &str, template: &str| {
        let mut params = client_params("placeholder", 1);
        params.custom_extensions = vec![hardware_module(&fleet, kind, serial)];
        device_id(params, template).map_err(|refusal| refusal.evidence)
    };
    for (serial, template, wanted) in [
        ("00A1b2", "{SAN:HardwareModuleName}", Ok("1.3.6.1.4.1.4128.7:00a1b2")),
        ("00A1b2", "{SAN:hwSerialNum}", Ok("00a1b2")),
        ("534e2d31", "{SAN:hwSerialNum|text}", Ok("SN-1")),
        ("534e2d31", "m-{SAN:hwSerialNum}", Ok("m-534e2d31")),
        // What is no text has none, and what is no id is none.
        ("00A1b2", "{SAN:hwSerialNum|text}", Err("no ASCII text")),
        ("534e2031", "{SAN:hwSerialNum|text}", Err("no ASCII text")),
        ("534e2f31", "{SAN:hwSerialNum|text}", Err("has '/' at position 2")),
        ("53c3bc", "{SAN:hwSerialNum|text}", Err("no ASCII text")),
        (&"ab".repeat(33), "{SAN:hwSerialNum}", Err("66")),
        ("", "{SAN:hwSerialNum}", Err("no readable text")),
    ] {
        let found = of("1.3.6.1.4.1.4128.7", serial, template);
        match (&found, wanted) {
            (Ok(id), Ok(wanted)) => assert_eq!(id, wanted, "{serial} by {template}"),
            (Err(evidence), Err(wanted)) => assert!(evidence.contains(wanted), "{serial}: {evidence}"),
            _ => panic!("{serial} by {template}: {found:?}"),
        }
    }
    // Two modules of a type, or of one number, are two.
    let mut params = client_params("placeholder", 1);
    params.subject_alt_names = vec![SanType::Rfc822Name("a@b".try_into().expect("ASCII"))];
    let refusal = device_id(params, "{SAN:hwSerialNum}").expect_err("it has none");
    assert!(refusal.evidence.contains("has no {SAN:hwSerialNum}"), "{}", refusal.evidence);
}
