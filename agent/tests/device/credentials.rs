//! Images that make no credential, keys that do not sign, and times that are none.

use std::net::TcpListener;

use countersign_agent::credential::{Credential, CredentialError, SignError, Signer, SoftwareSigner};
use countersign_agent::ecdsa::Signature;
use countersign_agent::tls::{Buffers, RecordFault, TlsError, connect};
use countersign_agent::x509::{AnchorError, CertificateError, DerError, Time, UsageError};
use device_identity::image::{Image, ImageError, PrivateKey};
use device_identity::{DeviceId, SubjectError};

use crate::hostile::server::Server;
use crate::pki::{Certified, Fleet, NOW, params};
use crate::random::Random;
use crate::replay::{Replay, block_on};
use crate::transport::Tcp;

#[test]
fn an_image_is_a_credential_only_if_everything_in_it_fits() {
    let fleet = Fleet::new();
    let refusal =
        |change: &dyn Fn(&mut Image<'_>)| Credential::read(&fleet.slot_with(|image| change(image))).err();
    assert_eq!(refusal(&|_| ()), None);
    assert_eq!(Credential::read(&[0xff; 4096]).err(), Some(CredentialError::Image(ImageError::Magic)));
    assert_eq!(refusal(&|image| image.key = PrivateKey::P256(&[0; 32])), Some(CredentialError::NoKey));
    assert_eq!(refusal(&|image| image.key = PrivateKey::P256(&[0xff; 32])), Some(CredentialError::NoKey));
    assert_eq!(refusal(&|image| image.key = PrivateKey::P256(&[7; 32])), Some(CredentialError::KeyMismatch));
    assert_eq!(refusal(&|image| image.key = PrivateKey::Slot(3)), Some(CredentialError::KeySlot { slot: 3 }));
    assert_eq!(refusal(&|image| image.server_name = "-broker"), Some(CredentialError::ServerName));
    assert_eq!(refusal(&|image| image.server_name = "10.0.0.256"), Some(CredentialError::ServerName));
    assert_eq!(refusal(&|image| image.server_name = "broker.example."), Some(CredentialError::ServerName));
    assert_eq!(
        refusal(&|image| image.device_id = DeviceId::new("dev-2").unwrap()),
        Some(CredentialError::NotThisDevices { certificate: DeviceId::new("dev-1").unwrap() })
    );
    assert_eq!(
        refusal(&|image| image.certificate = &[0x30, 0]),
        Some(CredentialError::Certificate(CertificateError::Der(DerError::Truncated)))
    );
}

#[test]
fn an_anchor_that_is_no_ca_is_named_by_its_place() {
    let fleet = Fleet::new();
    let slot = fleet.slot_with(|image| {
        // The device's own certificate is at hand, and certainly none.
        image.broker_anchors.push(image.certificate).unwrap();
    });
    let source = AnchorError::Usage(UsageError::NotACa);
    assert_eq!(Credential::read(&slot).err(), Some(CredentialError::Anchor { index: 1, source }));
}

#[test]
fn a_certificate_names_exactly_one_device() {
    let mut fleet = Fleet::new();
    let mut judge = |device: Certified| {
        fleet.device = device;
        Credential::read(&fleet.slot()).err()
    };
    let ca = Certified::root("device CA");
    let mut nameless = params("x");
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    assert_eq!(judge(ca.issue(nameless)), Some(CredentialError::Subject(SubjectError::NoCommonName)));
    assert!(matches!(
        judge(ca.issue(params("dev/1"))),
        Some(CredentialError::Subject(SubjectError::DeviceId(_)))
    ));
    let twice = rcgen::DnType::CustomDnType(vec![2, 5, 4, 3]);
    let mut two = params("dev-1");
    two.distinguished_name.push(twice, "dev-2");
    assert_eq!(judge(ca.issue(two)), Some(CredentialError::Subject(SubjectError::SeveralCommonNames)));
}

/// Signs so many times, then never again.
struct Failing {
    key: SoftwareSigner,
    left: u32,
}

impl Signer for Failing {
    const LONGEST_BLOCK: std::time::Duration = std::time::Duration::ZERO;

    fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError> {
        self.left = self.left.checked_sub(1).ok_or(SignError::KeyStore { code: 0xbad })?;
        self.key.sign(message)
    }
}

#[test]
fn a_key_that_does_not_sign_is_an_error_and_nothing_is_sent_in_its_place() {
    let fleet = Fleet::new();
    let slot = fleet.slot();
    let image = Image::read(&slot).unwrap();
    let signer = |left| Failing { key: SoftwareSigner::new(&fleet.device.scalar()).unwrap(), left };
    let error = SignError::KeyStore { code: 0xbad };
    assert_eq!(Credential::with_signer(&image, signer(0)).err(), Some(CredentialError::Signer(error)));

    let mut credential = Credential::with_signer(&image, signer(1)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (outcome, seen) = std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut server = Server::accept(listener.accept().unwrap().0, &fleet);
            server.handshake();
            server.await_certificate();
            server.drain();
            server.seen
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let mut buffers = Buffers::new();
            let transport = Tcp::connect(port).await;
            connect(transport, &mut credential, Time::Clock(NOW), &mut Random::new(), &mut buffers)
                .await
                .map(drop)
        });
        (outcome, server.join().unwrap())
    });
    assert_eq!(outcome, Err(TlsError::Signer(error)));
    assert!(seen.certificate, "the broker had proved itself, and was shown the certificate");
    assert!(!seen.signature && !seen.finished && seen.data.is_empty(), "{seen:?}");
}

#[test]
fn without_time_there_is_no_connection() {
    let fleet = Fleet::new();
    let attempt = |slot: &[u8], time| {
        let mut credential = Credential::read(slot).unwrap();
        let mut buffers = Buffers::new();
        let mut transport = Replay::default();
        let outcome =
            block_on(connect(&mut transport, &mut credential, time, &mut Random::new(), &mut buffers))
                .map(drop);
        (outcome, transport.outgoing.is_empty())
    };
    let no_floor = fleet.slot_with(|image| image.time_floor = 0);
    assert_eq!(attempt(&no_floor, Time::Floor(0)), (Err(TlsError::NoTime), true));
    let floor = NOW - 1000;
    let behind = TlsError::ClockBehindFloor { clock: floor - 1, floor };
    assert_eq!(attempt(&fleet.slot(), Time::Clock(floor - 1)), (Err(behind), true));
    // The image's floor stands in for one that was not kept; what follows is the transport's end.
    assert_eq!(attempt(&fleet.slot(), Time::Floor(0)), (Err(RecordFault::Ended.into()), false));
}
