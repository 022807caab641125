//! Who may answer for a CA.

use authenticator::certificate::Serial;
use authenticator::ocsp::{OcspFault, OcspStatus, SignerFault, judge};
use rcgen::{BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose as Usage, IsCa, KeyUsagePurpose};

use super::openssl::{Responder, line};
use crate::pki::{DAY, Holder, SERIAL, at, ca, chain_of, date, delegate, now, question};

/// What comes of an answer that `signer` gives for `ca`, and whether OpenSSL believes it.
fn answered(ca: &Holder, signer: &Holder, options: &[&str]) -> (Result<Option<Serial>, OcspFault>, bool) {
    let responder = Responder::new(ca, &line(SERIAL, None));
    let request = question(&chain_of(ca, SERIAL), 1);
    let response = responder.answer(request.der(), signer, &[&["-ndays", "1"], options].concat());
    let judged = judge(&response, &request, at(now())).map(|answer| {
        assert_eq!(answer.status(), OcspStatus::Good);
        answer.delegate().copied()
    });
    (judged, responder.is_believed(&response, SERIAL))
}

#[test]
fn the_ca_and_a_delegate_may_answer_named_by_name_or_key() {
    let ca = ca("Device CA");
    let proper = delegate(&ca, |_| ());
    let serial: Serial = "99".parse().expect("a serial number");
    for options in [&[][..], &["-resp_key_id"]] {
        assert_eq!(answered(&ca, &ca, options), (Ok(None), true));
        assert_eq!(answered(&ca, &proper, options), (Ok(Some(serial)), true));
    }
    // The CA's own certificate need not come along; that of a delegate must.
    assert_eq!(answered(&ca, &ca, &["-resp_no_certs"]), (Ok(None), true));
    assert_eq!(answered(&ca, &proper, &["-resp_no_certs"]), (Err(OcspFault::UnknownSigner), false));
}

#[test]
fn nobody_else_may_answer() {
    let (own, other, namesake) = (ca("Device CA"), ca("Another CA"), ca("Device CA"));
    let unfit = |judged: Result<Option<Serial>, OcspFault>| match judged {
        Err(OcspFault::UnfitSigner(fault)) => fault.to_string(),
        other => format!("{other:?}"),
    };
    let is_critical = |params: &mut rcgen::CertificateParams| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    // Who signs, what is said, and whether OpenSSL believes it.
    for (signer, said, believed) in [
        (delegate(&own, |params| params.extended_key_usages.clear()), "does not name OCSP signing", false),
        (
            delegate(&own, |params| params.extended_key_usages = vec![Usage::Any]),
            "does not name OCSP signing",
            false,
        ),
        (
            delegate(&own, |params| params.extended_key_usages = vec![Usage::ClientAuth, Usage::ServerAuth]),
            "does not name OCSP signing",
            false,
        ),
        (
            delegate(&own, |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            "does not allow digital signatures",
            // OpenSSL does not look.
            true,
        ),
        (
            delegate(&own, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            "a CA certificate",
            true,
        ),
        (delegate(&own, is_critical), "critical extension 1.3.6.1.4.1.99999.1", false),
        (delegate(&own, |params| params.not_after = date(now() - DAY)), "expired at", false),
        (delegate(&own, |params| params.not_before = date(now() + DAY)), "begins only at", false),
        (delegate(&other, |_| ()), "issued by CN=Another CA", false),
        // Of a CA of the same name, with and without the identifier of the key that signed it.
        (delegate(&namesake, |_| ()), "issued by CN=Device CA", false),
        (
            delegate(&namesake, |params| params.use_authority_key_identifier_extension = false),
            "not signed by the key of the CA",
            false,
        ),
    ] {
        let (judged, openssl) = answered(&own, &signer, &[]);
        let text = unfit(judged);
        assert!(text.contains(said), "{said} in {text}");
        assert_eq!(openssl, believed, "{said}");
    }
    // A CA of the same name is no delegate either: it says to be the CA, and is not.
    let (judged, openssl) = answered(&own, &namesake, &[]);
    assert!(matches!(judged, Err(OcspFault::BadSignature { .. })), "{judged:?}");
    assert!(!openssl);
}

/// RFC 6960 §4.2.2.2: the CA's key itself must have signed, not one that it vouches for.
#[test]
fn a_delegate_of_a_ca_below_may_not_answer() {
    let own = ca("Device CA");
    let below = delegate(&own, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    });
    let signer = delegate(&below, |params| {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Below");
    });
    let (judged, _) = answered(&own, &signer, &[]);
    let issuer = "CN=Responder".to_owned();
    assert_eq!(judged, Err(OcspFault::UnfitSigner(SignerFault::OtherIssuer { issuer })));
}
