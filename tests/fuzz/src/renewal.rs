//! Messages of a renewal: what is read is written again as it was, what is signed is laid out as it says, and a certificate that
//! a device takes is its own by x509-parser, too.
//!
//! An input is a byte that says who reads it, and a payload.

use countersign_agent::credential::issued::accept;
use countersign_agent::ecdsa::PublicKey;
use device_identity::image::{Certificates, Image, PrivateKey};
use device_identity::renewal::{
    Confirmation, ConfirmationContent, FromDevice, Issued, MAX_MESSAGE_LEN, Request, RequestContent,
    Statement,
};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use std::sync::LazyLock;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::Verdict;
use crate::fleet::fleet;
use adversary::pki::{Certified, device_params, issuing_params, key_of};

/// The key that the device has made.
const SCALAR: [u8; 32] = [0x31; 32];

/// The CA that renews certificates.
fn renewal_ca() -> &'static Certified {
    static CA: LazyLock<Certified> =
        LazyLock::new(|| fleet().device_root.issue_to(issuing_params("device renewal"), key_of(&[0x32; 32])));
    &CA
}

fn renewed() -> &'static Certified {
    static RENEWED: LazyLock<Certified> =
        LazyLock::new(|| renewal_ca().issue_to(device_params("dev-1"), key_of(&SCALAR)));
    &RENEWED
}

pub fn run(input: &[u8]) -> Verdict {
    match input.split_first() {
        Some((0, payload)) => Verdict::accepted_if(by_service(payload)),
        Some((_, payload)) => Verdict::accepted_if(by_device(payload)),
        None => Verdict::Refused,
    }
}

fn by_service(payload: &[u8]) -> bool {
    let Ok(message) = FromDevice::read(payload) else { return false };
    let mut again = [0; MAX_MESSAGE_LEN];
    let length = message.write(&mut again).expect("what is read can be written");
    assert_eq!(&again[..length], payload);
    match message {
        FromDevice::Request(request) => check_request(&request),
        FromDevice::Confirmation(confirmation) => check_confirmation(&confirmation),
    }
    true
}

fn check_request(request: &Request<'_>) {
    let content = request.content();
    let (id, csr, serial) = (content.device_id().as_str(), content.csr(), content.serial());
    let length = u16::try_from(csr.len()).expect("a short CSR").to_le_bytes();
    let one = |bytes: &[u8]| [u8::try_from(bytes.len()).expect("a short field")];
    let expected = [
        &b"countersign-renewal-1"[..],
        &one(id.as_bytes()),
        id.as_bytes(),
        &length,
        csr,
        &one(serial),
        serial,
    ];
    assert_eq!(content.signed().as_bytes(), expected.concat());
    assert_eq!(request.signature().len(), 64);
}

fn check_confirmation(confirmation: &Confirmation<'_>) {
    let content = confirmation.content();
    let (id, serial) = (content.device_id().as_str(), content.serial());
    let one = |bytes: &[u8]| [u8::try_from(bytes.len()).expect("a short field")];
    let expected = [&b"countersign-confirm-1"[..], &one(id.as_bytes()), id.as_bytes(), &one(serial), serial];
    assert_eq!(content.signed().as_bytes(), expected.concat());
    assert_eq!(confirmation.signature().len(), 64);
}

fn by_device(payload: &[u8]) -> bool {
    let Ok(issued) = Issued::read(payload) else { return false };
    let mut again = [0; MAX_MESSAGE_LEN];
    let length = issued.write(&mut again).expect("what is read can be written");
    assert_eq!(&again[..length], payload);

    let slot = fleet().slot();
    let device_anchors = Certificates::from_iter([fleet().device_root.der.as_slice()]);
    let current = Image { device_anchors, ..Image::read(&slot).expect("an image") };
    let public = p256::SecretKey::from_slice(&SCALAR).expect("a key").public_key().to_encoded_point(false);
    let point = PublicKey::new(public.as_bytes()).expect("a point");
    let Ok(image) = accept(&issued, &current, PrivateKey::P256(&SCALAR), point) else { return false };
    check_taken(&image, &issued, public.as_bytes());
    true
}

/// What another library finds in a certificate that the device has taken.
fn check_taken(image: &Image<'_>, issued: &Issued<'_>, point: &[u8]) {
    assert_eq!(image.certificate, issued.certificate());
    let parse = |der| {
        let (rest, certificate) = X509Certificate::from_der(der).expect("a certificate");
        assert!(rest.is_empty());
        certificate
    };
    let (leaf, ca) = (parse(issued.certificate()), parse(issued.issuing_ca()));
    assert_eq!(&*leaf.public_key().subject_public_key.data, point);
    let names: Vec<_> = leaf.subject().iter_common_name().map(|name| name.as_str().ok()).collect();
    assert_eq!(names, [Some("dev-1")]);
    assert!(!leaf.is_ca() && ca.is_ca());
    let usage = leaf.extended_key_usage().ok().flatten().expect("extended key usage");
    assert!(usage.value.client_auth);
    leaf.verify_signature(Some(ca.public_key())).expect("the signature of the CA");
    if issued.issuing_ca() != fleet().device_root.der {
        let root = parse(&fleet().device_root.der);
        ca.verify_signature(Some(root.public_key())).expect("the signature of the root");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let id = "dev-1".parse().expect("a device id");
    let signature = [7; 64];
    let request = RequestContent::new(&id, &[0x30; 300], &[1; 16]).expect("a request");
    let confirmation = ConfirmationContent::new(&id, &[2; 16]).expect("a confirmation");
    let messages = [
        FromDevice::Request(Statement::new(request, &signature)),
        FromDevice::Confirmation(Statement::new(confirmation, &signature)),
    ];
    let mut seeds: Vec<_> =
        messages.iter().map(|message| written(0, |into| message.write(into).expect("a message"))).collect();
    let other = fleet().device_root.issue_to(device_params("dev-2"), key_of(&SCALAR));
    let answers = [
        (&renewed().der, &renewal_ca().der),
        (&other.der, &fleet().device_root.der),
        (&fleet().device.der, &fleet().device_root.der),
    ];
    for (certificate, issuing_ca) in answers {
        let issued = Issued::new(certificate, issuing_ca).expect("an answer");
        seeds.push(written(1, |into| issued.write(into).expect("a message")));
    }
    seeds.push(vec![1, b'C', b'S', b'R', b'N', 1]);
    seeds
}

fn written(who: u8, write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut payload = [0; MAX_MESSAGE_LEN];
    let length = write(&mut payload);
    [&[who], &payload[..length]].concat()
}
