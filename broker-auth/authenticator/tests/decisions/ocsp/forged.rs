//! Answers that contradict themselves, say too much, or say nothing.

use authenticator::certificate::RevocationReason;
use authenticator::ocsp::{
    MAX_RESPONSE_LEN, OcspAnswer, OcspFault, OcspRequest, OcspStatus, ResponderError, SignerFault, judge,
};
use x509_cert::der::asn1::{Null, ObjectIdentifier, OctetString};
use x509_cert::der::{Any, Encode, Tag};
use x509_cert::ext::pkix::CrlReason;
use x509_ocsp::{
    CertStatus, OcspResponse, OcspResponseStatus, ResponderId, ResponseBytes, ResponseData, RevokedInfo,
};

use super::forge::{NONCE, data, extension, signed, time};
use crate::pki::{DAY, Holder, SERIAL, at, ca, chain_of, delegate, now, question};

/// A CA, and a question to it.
fn asked() -> (Holder, OcspRequest) {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    (ca, request)
}

/// What comes of a good answer that is changed before the CA signs it.
fn judged(change: impl FnOnce(&mut ResponseData)) -> Result<OcspAnswer, OcspFault> {
    let (ca, request) = asked();
    let mut data = data(&request, &ca);
    change(&mut data);
    judge(&signed(&data, &ca, &[]), &request, at(now()))
}

#[test]
fn what_is_not_changed_is_good() {
    assert_eq!(judged(|_| ()).map(|answer| answer.status()), Ok(OcspStatus::Good));
}

#[test]
fn whoever_does_not_answer_says_so() {
    let (_, request) = asked();
    for (status, error) in [
        (OcspResponseStatus::MalformedRequest, ResponderError::MalformedRequest),
        (OcspResponseStatus::InternalError, ResponderError::InternalError),
        (OcspResponseStatus::TryLater, ResponderError::TryLater),
        (OcspResponseStatus::SigRequired, ResponderError::SigRequired),
        (OcspResponseStatus::Unauthorized, ResponderError::Unauthorized),
    ] {
        let response = OcspResponse { response_status: status, response_bytes: None };
        let judged = judge(&response.to_der().expect("DER"), &request, at(now()));
        assert_eq!(judged, Err(OcspFault::NotSuccessful(error)));
    }
    // 4 is not used (RFC 6960 §4.2.1), and no answer is no success.
    for response in
        [&[0x30, 3, 0x0a, 1, 4][..], &[0x30, 3, 0x0a, 1, 0], &[0x30, 3, 0x0a, 1, 7], &[], b"<html>"]
    {
        let judged = judge(response, &request, at(now()));
        assert!(matches!(judged, Err(OcspFault::Malformed(_))), "{response:?} {judged:?}");
    }
}

#[test]
fn only_basic_responses_of_a_bounded_length_are_read() {
    let (_, request) = asked();
    let bytes = ResponseBytes {
        response_type: ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.99"),
        response: OctetString::new([0x30, 0]).expect("short"),
    };
    let response =
        OcspResponse { response_status: OcspResponseStatus::Successful, response_bytes: Some(bytes) };
    let judged = judge(&response.to_der().expect("DER"), &request, at(now()));
    assert_eq!(judged, Err(OcspFault::UnknownType { oid: "1.3.6.1.5.5.7.48.1.99".to_owned() }));
    let long = vec![0x30; MAX_RESPONSE_LEN + 1];
    let fault = OcspFault::TooLong { length: MAX_RESPONSE_LEN + 1, limit: MAX_RESPONSE_LEN };
    assert_eq!(judge(&long, &request, at(now())), Err(fault));
}

#[test]
fn every_reason_that_rfc_5280_assigns_is_read() {
    for (reason, read) in [
        (None, RevocationReason::Unspecified),
        (Some(CrlReason::Unspecified), RevocationReason::Unspecified),
        (Some(CrlReason::KeyCompromise), RevocationReason::KeyCompromise),
        (Some(CrlReason::CertificateHold), RevocationReason::CertificateHold),
        (Some(CrlReason::RemoveFromCRL), RevocationReason::RemoveFromCrl),
        (Some(CrlReason::PrivilegeWithdrawn), RevocationReason::PrivilegeWithdrawn),
        (Some(CrlReason::AaCompromise), RevocationReason::AaCompromise),
    ] {
        let since = now() - DAY;
        let answer = judged(|data| {
            data.responses[0].cert_status =
                CertStatus::revoked(RevokedInfo { revocation_time: time(since), revocation_reason: reason });
        });
        let revoked = OcspStatus::Revoked { at: at(since), reason: read };
        assert_eq!(answer.map(|answer| answer.status()), Ok(revoked));
    }
}

#[test]
fn a_certificate_is_spoken_of_once_and_by_its_whole_id() {
    let others = judged(|data| {
        let mut other = data.responses[0].clone();
        other.cert_id.serial_number = 7_u8.into();
        other.cert_status = CertStatus::unknown();
        data.responses.insert(0, other);
    });
    assert_eq!(others.map(|answer| answer.status()), Ok(OcspStatus::Good));
    let twice = judged(|data| {
        let mut other = data.responses[0].clone();
        other.cert_status = CertStatus::unknown();
        data.responses.push(other);
    });
    assert_eq!(twice, Err(OcspFault::Twice));
    assert_eq!(judged(|data| data.responses.clear()), Err(OcspFault::OtherCertificate));
    // Each part of the CertID alone.
    let other_octets = || OctetString::new([7; 20]).expect("short");
    let changes: [&dyn Fn(&mut x509_ocsp::CertId); 5] = [
        &|id| id.serial_number = (SERIAL - 1).into(),
        &|id| id.issuer_name_hash = other_octets(),
        &|id| id.issuer_key_hash = other_octets(),
        // Nobody calls SHA-1 so.
        &|id| id.hash_algorithm.oid = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
        &|id| id.hash_algorithm.parameters = Some(Any::new(Tag::OctetString, [1]).expect("DER")),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let changed = judged(|data| change(&mut data.responses[0].cert_id));
        assert_eq!(changed, Err(OcspFault::OtherCertificate), "{place}");
    }
    // RFC 3370 §2.1: the parameters of SHA-1 are NULL or left out.
    for parameters in [None, Some(Null.into())] {
        assert!(judged(|data| data.responses[0].cert_id.hash_algorithm.parameters = parameters).is_ok());
    }
}

#[test]
fn a_nonce_is_ours_once_or_there_is_none() {
    let nonce = |value: &[u8]| extension(NONCE, false, value);
    let with =
        |nonces: Vec<x509_cert::ext::Extension>| judged(|data| data.response_extensions = Some(nonces));
    let ours = [&[4, 32][..], &[1; 32]].concat();
    assert!(with(vec![nonce(&ours)]).is_ok());
    assert!(judged(|data| data.response_extensions = None).is_ok());
    for nonces in [
        vec![nonce(&[&[4, 32][..], &[2; 32]].concat())],
        vec![nonce(&[&[4, 31][..], &[1; 31]].concat())],
        // Not in its OCTET STRING.
        vec![nonce(&[1; 32])],
        vec![nonce(&[])],
        vec![nonce(&ours), nonce(&ours)],
        vec![nonce(&ours), nonce(&[])],
    ] {
        assert_eq!(with(nonces.clone()), Err(OcspFault::OtherNonce), "{nonces:?}");
    }
    // It is known: it may be critical.
    assert!(with(vec![extension(NONCE, true, &ours)]).is_ok());
}

#[test]
fn what_is_critical_and_unknown_refuses() {
    let oid = "1.3.6.1.4.1.99999.1";
    for critical in [false, true] {
        let unknown = || extension(oid, critical, &[5, 0]);
        let fault = Err(OcspFault::UnknownCritical { oid: oid.to_owned() });
        let expected = if critical { fault } else { Ok(OcspStatus::Good) };
        let of_all = judged(|data| data.response_extensions.get_or_insert_default().push(unknown()));
        let of_one = judged(|data| data.responses[0].single_extensions = Some(vec![unknown()]));
        for judged in [of_all, of_one] {
            assert_eq!(judged.map(|answer| answer.status()), expected);
        }
        // What is said of others does not matter.
        let of_another = judged(|data| {
            let mut other = data.responses[0].clone();
            other.cert_id.serial_number = 7_u8.into();
            other.single_extensions = Some(vec![unknown()]);
            data.responses.push(other);
        });
        assert!(of_another.is_ok());
    }
}

#[test]
fn an_answer_is_signed_by_whom_it_says() {
    let (ca, request) = asked();
    let good = data(&request, &ca);
    let (one, other) = (delegate(&ca, |_| ()), delegate(&ca, |_| ()));
    let named = |responder_id| ResponseData { responder_id, ..good.clone() };
    let by_key = |octets: &[u8]| named(ResponderId::ByKey(OctetString::new(octets).expect("short")));
    // It names the CA, and a delegate has signed.
    let judged = judge(&signed(&good, &one, &[one.der()]), &request, at(now()));
    assert_eq!(judged, Err(OcspFault::BadSignature { signer: "CN=Device CA".to_owned() }));
    // It names nobody whose certificate is there.
    for data in [by_key(&[7; 20]), by_key(&[])] {
        let judged = judge(&signed(&data, &ca, &[one.der()]), &request, at(now()));
        assert_eq!(judged, Err(OcspFault::UnknownSigner));
    }
    // Two delegates of one name: the one who signed is found.
    let by_name = data(&request, &one);
    let judged = judge(&signed(&by_name, &other, &[one.der(), other.der()]), &request, at(now()));
    assert!(judged.is_ok(), "{judged:?}");
}

#[test]
fn work_is_bounded() {
    let (ca, request) = asked();
    let delegates: Vec<_> = (0..3).map(|_| delegate(&ca, |_| ())).collect();
    let others: Vec<_> = (0..9).map(|number| crate::pki::ca(&format!("CA {number}"))).collect();
    let signer = delegates.last().expect("three");
    let data = data(&request, signer);
    let of = |along: Vec<&[u8]>| judge(&signed(&data, signer, &along), &request, at(now())).map(|_| ());
    // The third of a name would be the fifth signature.
    let all: Vec<&[u8]> = delegates.iter().map(|holder| holder.der().as_ref()).collect();
    assert!(of(all[1..].to_vec()).is_ok());
    assert!(matches!(of(all.clone()), Err(OcspFault::BadSignature { .. })));
    assert!(of(vec![all[2], all[0], all[1]]).is_ok());
    // Where the CA has that name too, its own is tried first: the second delegate would be the fifth.
    let of_name = |params: &mut rcgen::CertificateParams| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "Device CA");
    };
    let (one, other) = (delegate(&ca, of_name), delegate(&ca, of_name));
    let named = super::forge::data(&request, &one);
    for (signer, accepted) in [(&one, true), (&other, false)] {
        let response = signed(&named, signer, &[one.der(), other.der()]);
        assert_eq!(judge(&response, &request, at(now())).is_ok(), accepted);
    }
    // Eight certificates are looked at; those of others cost no signature.
    let others: Vec<&[u8]> = others.iter().map(|holder| holder.der().as_ref()).collect();
    assert!(of([&others[..7], &all[2..]].concat()).is_ok());
    assert_eq!(of([&others[..8], &all[2..]].concat()), Err(OcspFault::TooManyCertificates(8)));
    // A signer who is not fit is told before the end of the work.
    let stranger = delegate(&crate::pki::ca("Nobody"), |_| ());
    let judged = of(vec![stranger.der().as_ref()]);
    let issuer = "CN=Nobody".to_owned();
    assert_eq!(judged, Err(OcspFault::UnfitSigner(SignerFault::OtherIssuer { issuer })));
}
