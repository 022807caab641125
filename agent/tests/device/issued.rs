//! What a device takes for the certificate it asked for, and what it does not.

use countersign_agent::credential::issued::{Answered, IssuedError, accept};
use countersign_agent::ecdsa::PublicKey;
use countersign_agent::x509::{Certificate, UsageError};
use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, PrivateKey};
use device_identity::renewal::Issued;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, date_time_ymd,
};

use crate::pki::{Certified, Fleet, device_params, issuing_params, key, key_of, params};

/// The key that the device has made.
const SCALAR: [u8; 32] = [7; 32];

/// A fleet with a CA for renewals, right unless changed.
struct Renewals {
    fleet: Fleet,
    renewal_ca: Certified,
}

impl Renewals {
    fn new() -> Self {
        Self::with(|_| ())
    }

    /// With another issuing CA.
    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let fleet = Fleet::new();
        let renewal_ca = fleet.device_root.issuing_with("device renewal", change);
        Self { fleet, renewal_ca }
    }

    /// The certificate for the device's new key.
    fn certificate(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = device_params("dev-1");
        change(&mut params);
        self.renewal_ca.issue_to(params, key_of(&SCALAR)).der
    }

    fn judge(&self, certificate: &[u8], issuing_ca: &[u8]) -> Result<(), IssuedError> {
        self.judge_by(&[&self.fleet.device_root.der], certificate, issuing_ca)
    }

    /// By an image with these device anchors.
    fn judge_by(&self, anchors: &[&[u8]], certificate: &[u8], issuing_ca: &[u8]) -> Result<(), IssuedError> {
        let slot = self.fleet.slot();
        let current = Image {
            device_anchors: Certificates::from_iter(anchors.iter().copied()),
            ..Image::read(&slot).unwrap()
        };
        let issued = Issued::new(certificate, issuing_ca).unwrap();
        let requested = Certified::self_signed(params("dev-1"), key_of(&SCALAR)).der;
        let point = Certificate::read(&requested).unwrap().public_key();
        let image = accept(&issued, &current, PrivateKey::P256(&SCALAR), point)?;
        // All but the credential is as it was.
        let expected = Image { key: PrivateKey::P256(&SCALAR), certificate, ..current };
        assert_eq!(image, expected);
        Ok(())
    }
}

#[test]
fn a_certificate_for_the_key_and_the_device_from_below_the_device_root_is_taken() {
    let renewals = Renewals::new();
    let certificate = renewals.certificate(|_| ());
    assert_eq!(renewals.judge(&certificate, &renewals.renewal_ca.der), Ok(()));
    // The issuing CA may be an anchor itself; another anchor does no harm, nor does one that cannot be read.
    let (root, issuing) = (&renewals.fleet.device_root.der, &renewals.renewal_ca.der);
    for anchors in [&[&issuing[..]][..], &[&renewals.fleet.broker_root.der, root], &[&[0x30, 0], root]] {
        assert_eq!(renewals.judge_by(anchors, &certificate, issuing), Ok(()));
    }
    // It may have extendedKeyUsage. When certificates hold is for the broker to judge.
    for (from, to) in [(2030, 2044), (2020, 2025)] {
        let hold = |params: &mut CertificateParams| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        };
        let renewals = Renewals::with(|ca| {
            ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            hold(ca);
        });
        let certificate = renewals.certificate(hold);
        assert_eq!(renewals.judge(&certificate, &renewals.renewal_ca.der), Ok(()));
    }
}

#[test]
fn another_key_or_device_is_not_taken() {
    let renewals = Renewals::new();
    let issuing = &renewals.renewal_ca.der;
    let of_another_key = renewals.renewal_ca.issue_to(device_params("dev-1"), key()).der;
    assert_eq!(renewals.judge(&of_another_key, issuing), Err(IssuedError::OtherKey));
    // Its own, which it has already.
    assert_eq!(renewals.judge(&renewals.fleet.device.der, issuing), Err(IssuedError::OtherKey));
    let of_another_device = renewals.renewal_ca.issue_to(device_params("dev-2"), key_of(&SCALAR)).der;
    let named = DeviceId::new("dev-2").unwrap();
    assert_eq!(renewals.judge(&of_another_device, issuing), Err(IssuedError::NotThisDevices { named }));
    let of_nobody = renewals.renewal_ca.issue_to(device_params("no device"), key_of(&SCALAR)).der;
    assert!(matches!(renewals.judge(&of_nobody, issuing), Err(IssuedError::Subject(_))));
}

#[test]
fn what_is_no_client_certificate_is_not_taken() {
    let renewals = Renewals::new();
    let judged = |change: &dyn Fn(&mut CertificateParams)| {
        renewals.judge(&renewals.certificate(change), &renewals.renewal_ca.der)
    };
    let refused = |source| Err(IssuedError::Usage { which: Answered::Device, source });
    let server = |leaf: &mut CertificateParams| {
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    assert_eq!(judged(&server), refused(UsageError::NotForClients));
    assert_eq!(judged(&|leaf| leaf.extended_key_usages.clear()), refused(UsageError::NotForClients));
    let no_signatures = |leaf: &mut CertificateParams| leaf.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    assert_eq!(judged(&no_signatures), refused(UsageError::MayNotSignHandshakes));
    let ca = |leaf: &mut CertificateParams| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(judged(&ca), refused(UsageError::IsACa));
}

#[test]
fn an_issuing_ca_that_may_not_issue_devices_is_not_taken() {
    let judged = |change: fn(&mut CertificateParams)| {
        let renewals = Renewals::with(change);
        renewals.judge(&renewals.certificate(|_| ()), &renewals.renewal_ca.der)
    };
    let refused = |source| Err(IssuedError::Usage { which: Answered::IssuingCa, source });
    assert_eq!(judged(|ca| ca.is_ca = IsCa::ExplicitNoCa), refused(UsageError::NotACa));
    assert_eq!(
        judged(|ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign]),
        refused(UsageError::MayNotSignCertificates)
    );
    assert_eq!(
        judged(|ca| ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        refused(UsageError::NotForClients)
    );
    // A device of the fleet is no CA, whatever it signs.
    let renewals = Renewals::new();
    let forged = renewals.fleet.device.issue_to(device_params("dev-1"), key_of(&SCALAR)).der;
    assert_eq!(renewals.judge(&forged, &renewals.fleet.device.der), refused(UsageError::NotACa));
}

#[test]
fn a_chain_that_ends_elsewhere_is_not_taken() {
    let renewals = Renewals::new();
    let certificate = renewals.certificate(|_| ());
    let issuing = &renewals.renewal_ca.der;
    let unknown = |which| Err(IssuedError::UnknownIssuer { which });
    let (device, ca) = (Answered::Device, Answered::IssuingCa);
    // A CA that issued something else, and the root itself, which is no anchor of this kind here.
    let other = renewals.fleet.device_root.issuing("another");
    assert_eq!(renewals.judge(&certificate, &other.der), unknown(device));
    assert_eq!(renewals.judge_by(&[], &certificate, issuing), unknown(ca));
    assert_eq!(renewals.judge_by(&[&renewals.fleet.broker_root.der], &certificate, issuing), unknown(ca));
    // Of the same names, and of other keys.
    let strangers = Certified::root("device root");
    let their_ca = strangers.issuing("device renewal");
    let signature = |which| Err(IssuedError::Signature { which });
    let theirs = their_ca.issue_to(device_params("dev-1"), key_of(&SCALAR)).der;
    assert_eq!(renewals.judge(&theirs, &their_ca.der), signature(ca));
    assert_eq!(renewals.judge(&theirs, issuing), signature(device));
    // An anchor that allows no CA below it.
    let anchor =
        Certified::self_signed(issuing_params("device root"), key_of(&renewals.fleet.device_root.scalar()));
    assert_eq!(renewals.judge_by(&[&anchor.der], &certificate, issuing), unknown(ca));
}

#[test]
fn whatever_bit_of_an_answer_is_changed_it_is_not_taken() {
    let renewals = Renewals::new();
    let (certificate, issuing) = (renewals.certificate(|_| ()), renewals.renewal_ca.der.clone());
    for (which, der) in [(Answered::Device, &certificate), (Answered::IssuingCa, &issuing)] {
        for position in 0..der.len() * 8 {
            let mut changed = der.clone();
            changed[position / 8] ^= 1 << (position % 8);
            let judged = match which {
                Answered::Device => renewals.judge(&changed, &issuing),
                Answered::IssuingCa => renewals.judge(&certificate, &changed),
            };
            assert!(judged.is_err(), "bit {position} of {which}");
        }
    }
}

#[test]
fn garbage_is_not_taken() {
    let renewals = Renewals::new();
    let certificate = renewals.certificate(|_| ());
    let judged = renewals.judge(&certificate[..certificate.len() - 1], &renewals.renewal_ca.der);
    assert!(matches!(judged, Err(IssuedError::Certificate { which: Answered::Device, .. })), "{judged:?}");
    let judged = renewals.judge(&certificate, &[0x30, 0x03, 1, 2, 3]);
    assert!(matches!(judged, Err(IssuedError::Certificate { which: Answered::IssuingCa, .. })), "{judged:?}");
    assert!(PublicKey::new(&[4; 64]).is_none());
}
