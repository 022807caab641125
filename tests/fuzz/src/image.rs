//! Credential images: what is no image is called by the first thing that is wrong with it, what is one is written again
//! as it was, and a credential is what p256 and x509-parser find in it.
//!
//! An input is a byte that says whether header and slot are made to fit, and an image or what would be in one.

use countersign_agent::credential::Credential;
use crc::{CRC_32_ISO_HDLC, Crc};
use device_identity::image::{Image, ImageError, MAX_LEN, PrivateKey, SLOT_LEN};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::Verdict;
use crate::fleet::fleet;

const HEADER_LEN: usize = 16;

pub fn run(input: &[u8]) -> Verdict {
    let Some((&how, bytes)) = input.split_first() else { return Verdict::Refused };
    let mut slot = if how & 1 == 0 { bytes.to_vec() } else { with_header(bytes) };
    if how & 2 != 0 && slot.len() < SLOT_LEN {
        slot.resize(SLOT_LEN, 0xff);
    }
    let read = Image::read(&slot);
    if let Some(error) = header_error(&slot) {
        assert_eq!(read, Err(error));
        return Verdict::Refused;
    }
    let Ok(image) = read else {
        assert!(matches!(read, Err(ImageError::Body(_) | ImageError::Trailing { .. })), "{read:?}");
        return Verdict::Refused;
    };
    let mut again = [0; SLOT_LEN];
    let length = image.write(&mut again).expect("what is read can be written");
    assert_eq!(again[..length], slot[..length]);
    assert!(slot[length..].iter().take(MAX_LEN - length).all(|byte| *byte == 0xff));
    Verdict::accepted_if(is_credential(&slot, &image))
}

/// The layout's header in front of a body.
fn with_header(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let covered = [&b"CSGN\x01\0\0\0"[..], &length].concat();
    [&covered[..], &checksum(&covered, body).to_le_bytes(), body].concat()
}

fn checksum(covered: &[u8], body: &[u8]) -> u32 {
    Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&[covered, body].concat())
}

/// What is wrong with the header, or with what it says of the rest; the first thing counts.
fn header_error(slot: &[u8]) -> Option<ImageError> {
    let number = |at: usize| u32::from_le_bytes([slot[at], slot[at + 1], slot[at + 2], slot[at + 3]]);
    let short = |needed| Some(ImageError::Short { length: slot.len(), needed });
    if !slot.starts_with(b"CSGN") {
        return Some(ImageError::Magic);
    }
    if slot.len() < HEADER_LEN {
        return short(HEADER_LEN);
    }
    let length = HEADER_LEN + number(8) as usize;
    match (u16::from_le_bytes([slot[4], slot[5]]), u16::from_le_bytes([slot[6], slot[7]])) {
        (1, 0) if length > MAX_LEN => Some(ImageError::TooLong { length }),
        (1, 0) if slot.len() < length => short(length),
        (1, 0) => {
            let (stored, computed) = (number(12), checksum(&slot[..12], &slot[HEADER_LEN..length]));
            (stored != computed).then_some(ImageError::Checksum { stored, computed })
        }
        (1, found) => Some(ImageError::Reserved { found }),
        (found, _) => Some(ImageError::Version { found }),
    }
}

/// Whether the image is a credential; if so, it must hang together.
fn is_credential(slot: &[u8], image: &Image<'_>) -> bool {
    let Ok(credential) = Credential::read(slot) else { return false };
    let PrivateKey::P256(scalar) = image.key else { panic!("a credential without a key") };
    let (rest, certificate) = X509Certificate::from_der(image.certificate).expect("a certificate");
    assert!(rest.is_empty());
    let names: Vec<_> = certificate.subject().iter_common_name().map(|name| name.as_str().ok()).collect();
    assert_eq!(names, [Some(image.device_id.as_str())]);
    let public = p256::SecretKey::from_slice(scalar).expect("a key").public_key();
    let point = p256::EncodedPoint::from(public);
    assert_eq!(point.as_bytes(), &*certificate.public_key().subject_public_key.data);
    assert_eq!(credential.anchors().len(), image.broker_anchors.len());
    for anchor in &image.broker_anchors {
        let (rest, anchor) = X509Certificate::from_der(anchor).expect("an anchor");
        assert_eq!((rest.len(), anchor.is_ca()), (0, true));
    }
    true
}

pub fn seeds() -> Vec<Vec<u8>> {
    let slot_of = |change: fn(&mut Image<'_>)| fleet().slot_with(change);
    let trimmed = |slot: [u8; SLOT_LEN]| {
        let length = slot.iter().rposition(|byte| *byte != 0xff).map_or(0, |last| last + 1);
        slot[..length].to_vec()
    };
    let whole = trimmed(slot_of(|_| ()));
    let two_anchors = trimmed(slot_of(|image| {
        let _ = image.broker_anchors.push(&fleet().device_root.der);
        let _ = image.device_anchors.push(&fleet().device_root.der);
    }));
    let in_slot = trimmed(slot_of(|image| image.key = PrivateKey::Slot(300)));
    let body = |image: &[u8], how: u8| [&[how], &image[HEADER_LEN..]].concat();
    vec![
        [&[0], whole.as_slice()].concat(),
        [&[2], whole.as_slice()].concat(),
        body(&whole, 1),
        body(&two_anchors, 3),
        body(&in_slot, 3),
        [&[2], &b"CSGN\x01\0\0\0"[..]].concat(),
    ]
}
