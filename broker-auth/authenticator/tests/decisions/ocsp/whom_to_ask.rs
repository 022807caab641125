//! Which responder is asked about a certificate.

use authenticator::certificate::PeerCertificate;
use authenticator::ocsp::{NotAllowed, responder};
use authenticator::trust::OcspAllow;
use rcgen::CustomExtension;
use x509_cert::der::Encode;
use x509_cert::der::asn1::{Ia5String, ObjectIdentifier};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax};

use crate::pki::{SERIAL, ca, client};

const OCSP: &str = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// A certificate with this authority information access.
fn naming(access: &[(&str, &str)]) -> PeerCertificate {
    let descriptions = access.iter().map(|(method, url)| AccessDescription {
        access_method: ObjectIdentifier::new(method).expect("an identifier"),
        access_location: GeneralName::UniformResourceIdentifier(Ia5String::new(url).expect("ASCII")),
    });
    let value = AuthorityInfoAccessSyntax(descriptions.collect()).to_der().expect("DER");
    let der = client(&ca("Device CA"), SERIAL, |params| {
        if !access.is_empty() {
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
            params.custom_extensions.push(CustomExtension::from_oid_content(&oid, value));
        }
    });
    PeerCertificate::parse(&der).expect("a certificate")
}

fn asked(access: &[(&str, &str)], allow: &[&str]) -> Result<String, NotAllowed> {
    let allow: Vec<OcspAllow> = allow.iter().map(|url| url.parse().expect("a URL")).collect();
    responder(&naming(access), &allow).map(|url| url.to_string())
}

#[test]
fn the_first_that_is_named_and_allowed_is_asked() {
    let allow = ["http://ocsp.example/a", "https://ocsp.example"];
    for (access, url) in [
        // It names none: the first that is allowed.
        (&[][..], Ok("http://ocsp.example/a")),
        (&[(CA_ISSUERS, "http://elsewhere.example/ca.cer")], Ok("http://ocsp.example/a")),
        (&[(OCSP, "http://ocsp.example/a/1")], Ok("http://ocsp.example/a/1")),
        (
            &[(CA_ISSUERS, "http://ocsp.example/a"), (OCSP, "https://ocsp.example")],
            Ok("https://ocsp.example"),
        ),
        (&[(OCSP, "http://evil.example"), (OCSP, "http://ocsp.example/a")], Ok("http://ocsp.example/a")),
        // It names others.
        (&[(OCSP, "http://evil.example")], Err("http://evil.example")),
        (&[(OCSP, "http://ocsp.example")], Err("http://ocsp.example")),
        (&[(OCSP, "http://ocsp.example.evil/a")], Err("http://ocsp.example.evil/a")),
        (&[(OCSP, "http://ocsp.example/a@evil.example")], Err("http://ocsp.example/a@evil.example")),
        (&[(OCSP, "http://ocsp.example/a/../b")], Err("http://ocsp.example/a/../b")),
        (&[(OCSP, "ldap://ocsp.example/a")], Err("ldap://ocsp.example/a")),
        (&[(OCSP, "http://ocsp.example/a\r\nX: y")], Err("http://ocsp.example/a\r\nX: y")),
        (&[(OCSP, "")], Err("")),
    ] {
        let expected = url.map(str::to_owned).map_err(|url| NotAllowed { url: url.to_owned() });
        assert_eq!(asked(access, &allow), expected, "{access:?}");
    }
}

#[test]
fn a_certificate_that_names_a_thousand_costs_no_more_than_eight() {
    let evil = ["http://evil.example"; 8].map(|url| (OCSP, url));
    let good = (OCSP, "http://ocsp.example");
    let eighth = [&evil[..7], &[good]].concat();
    let ninth = [&evil[..], &[good]].concat();
    assert_eq!(asked(&eighth, &["http://ocsp.example"]), Ok("http://ocsp.example".to_owned()));
    assert!(asked(&ninth, &["http://ocsp.example"]).is_err());
}

#[test]
fn what_is_shown_of_a_url_is_short_and_on_one_line() {
    let long = format!("http://evil.example/\n{}", "x".repeat(2000));
    let refusal = asked(&[(OCSP, &long)], &["http://ocsp.example"]).expect_err("not allowed").to_string();
    assert!(refusal.len() < 250 && !refusal.contains('\n'), "{refusal}");
}
