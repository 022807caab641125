//! The device's PKCS#10 request, read by others.

use countersign_agent::credential::{Signer as _, SoftwareSigner};
use countersign_agent::x509::{Certificate, CertificationRequest, CertificationRequestInfo, SubjectTooLong};
use rcgen::{DistinguishedName, DnType};
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

use crate::pki::{Certified, device_params};

const SCALAR: [u8; 32] = [7; 32];

fn point() -> [u8; 65] {
    let key = p256::SecretKey::from_slice(&SCALAR).unwrap();
    p256::EncodedPoint::from(key.public_key()).as_bytes().try_into().unwrap()
}

/// The request of a device whose certificate has these attributes before its common name.
fn request(attributes: &[(DnType, &str)]) -> (Vec<u8>, Result<CertificationRequest, SubjectTooLong>) {
    let mut params = device_params("pump-0042");
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params.distinguished_name.push(DnType::CommonName, "pump-0042");
    let device = Certified::root("device CA").issue(params);
    let certificate = Certificate::read(&device.der).unwrap();
    let subject = certificate.subject().der().to_vec();
    let (_, judged) = x509_parser::parse_x509_certificate(&device.der).unwrap();
    assert_eq!(certificate.serial(), judged.serial.to_bytes_be());
    let info = CertificationRequestInfo::new(certificate.subject(), &point());
    let request = info.and_then(|info| {
        let signature = SoftwareSigner::new(&SCALAR).unwrap().sign(info.as_bytes()).unwrap();
        info.signed(&signature)
    });
    (subject, request)
}

#[test]
fn others_read_the_subject_the_key_and_a_signature_that_holds() {
    let organization = "x".repeat(64);
    let long = [
        (DnType::CountryName, "DE"),
        (DnType::OrganizationName, organization.as_str()),
        (DnType::OrganizationalUnitName, "Werk 3, Halle 2"),
    ];
    // Lengths of one byte, of two, and of three.
    for attributes in [&long[..0], &long[..1], &long[..2], &long[..]] {
        let (subject, request) = request(attributes);
        let request = request.unwrap();
        let (rest, read) = X509CertificationRequest::from_der(request.as_bytes()).unwrap();
        assert!(rest.is_empty());
        read.verify_signature().unwrap();
        let info = &read.certification_request_info;
        assert_eq!(info.subject.as_raw(), subject);
        assert_eq!(info.subject_pki.subject_public_key.data.as_ref(), point());
        assert!(info.attributes().is_empty());
        assert_eq!(info.version.0, 0);
        // rcgen verifies the signature as it reads.
        rcgen::CertificateSigningRequestParams::from_der(&request.as_bytes().into()).unwrap();
    }
}

#[test]
fn a_subject_that_leaves_no_room_is_refused() {
    let long = "x".repeat(600);
    let (_, refused) = request(&[(DnType::OrganizationName, &long)]);
    assert_eq!(refused, Err(SubjectTooLong));
    // The longest that fits is signed, too.
    let lengths = 400..600;
    let fits =
        lengths.rev().find(|&length| request(&[(DnType::OrganizationName, &long[..length])]).1.is_ok());
    assert!(fits.is_some_and(|length| length > 450), "{fits:?}");
}
