extern crate std;

use super::*;
use crate::DeviceId;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

const SCALAR: [u8; 32] = [7; 32];

fn sample() -> Image<'static> {
    Image {
        device_id: DeviceId::new("pump-0042").unwrap(),
        key: PrivateKey::P256(&SCALAR),
        certificate: &[0x30; 500],
        broker_anchors: Certificates::from_slice(&[&[0x31; 450][..], &[0x32; 450][..]]).unwrap(),
        device_anchors: Certificates::from_slice(&[&[0x33; 450][..]]).unwrap(),
        broker_host: "broker.example",
        broker_port: 8883,
        server_name: "broker.example",
        time_floor: 1_760_000_000,
    }
}

fn written(image: &Image<'_>) -> ([u8; SLOT_LEN], usize) {
    let mut slot = [0; SLOT_LEN];
    let length = image.write(&mut slot).unwrap();
    (slot, length)
}

/// Puts a body into a slot under a good header, to reach the faults behind the checksum.
fn with_body(body: &[u8]) -> Vec<u8> {
    let mut slot = header::write(body).to_vec();
    slot.extend_from_slice(body);
    slot.resize(SLOT_LEN, 0xff);
    slot
}

#[test]
fn an_image_is_read_back_as_written_from_a_slot_and_from_its_own_bytes() {
    let (slot, length) = written(&sample());
    assert_eq!(Image::read(&slot), Ok(sample()));
    assert_eq!(Image::read(&slot[..length]), Ok(sample()));
    assert!(slot[length..].iter().all(|&byte| byte == 0xff));
}

#[test]
fn an_image_is_the_same_in_pieces_of_any_size() {
    let (slot, length) = written(&sample());
    let image = sample();
    let encoded = image.encoded().unwrap();
    assert_eq!(encoded.len(), length);
    for size in [1, 3, 16, 255, 4096] {
        let mut pieces = vec![0; SLOT_LEN];
        for (index, piece) in pieces.chunks_mut(size).enumerate() {
            encoded.copy(index * size, piece);
        }
        assert_eq!(pieces, slot, "pieces of {size}");
    }
}

#[test]
fn the_layout_is_the_documented_one() {
    let (slot, length) = written(&sample());
    assert_eq!(&slot[..8], b"CSGN\x01\0\0\0");
    assert_eq!(slot[8..12], u32::try_from(length - 16).unwrap().to_le_bytes());
    // The check value every implementation of CRC-32/ISO-HDLC agrees on.
    assert_eq!(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(b"123456789"), 0xcbf4_3926);
    // The body starts with the device id, as a length and its bytes.
    assert_eq!(&slot[16..26], b"\x09pump-0042");
}

#[test]
fn each_format_fault_has_its_own_error() {
    let (good, length) = written(&sample());
    let changed = |at: usize, to: u8| {
        let mut slot = good;
        slot[at] = to;
        slot
    };
    let error = |slot: &[u8]| Image::read(slot).unwrap_err();

    assert_eq!(error(&[0xff; SLOT_LEN]), ImageError::Magic);
    assert_eq!(error(&[]), ImageError::Magic);
    assert_eq!(error(&changed(0, b'X')), ImageError::Magic);
    assert_eq!(error(&changed(4, 2)), ImageError::Version { found: 2 });
    assert_eq!(error(&changed(6, 1)), ImageError::Reserved { found: 1 });
    assert_eq!(error(&good[..10]), ImageError::Short { length: 10, needed: 16 });
    assert_eq!(error(&good[..length - 1]), ImageError::Short { length: length - 1, needed: length });
    assert_eq!(
        error(&changed(9, 0xff)),
        ImageError::TooLong { length: 16 + (0xff00 | usize::from(good[8])) }
    );
    assert!(matches!(error(&changed(13, !good[13])), ImageError::Checksum { .. }));
    assert!(matches!(error(&changed(100, !good[100])), ImageError::Checksum { .. }));
    assert_eq!(error(&changed(length + 3, 0)), ImageError::Trailing { offset: length + 3 });

    let body = &good[16..length];
    let mut longer = body.to_vec();
    longer.push(0);
    assert_eq!(error(&with_body(&longer)), ImageError::Trailing { offset: length });
    assert!(matches!(error(&with_body(&body[..body.len() - 1])), ImageError::Body(BodyError::Encoding(_))));
    let mut bad_id = body.to_vec();
    bad_id[1] = b'/';
    assert!(matches!(error(&with_body(&bad_id)), ImageError::Body(BodyError::Encoding(_))));
}

#[test]
fn a_number_is_written_in_as_few_bytes_as_it_needs() {
    let (good, length) = written(&sample());
    let body = &good[16..length];
    // The length of the device id, the kind of key, the port's last byte and the time floor's.
    let (id, kind, port, floor) = (0, 10, body.len() - 21, body.len() - 1);
    assert_eq!((body[id], body[kind], body[port], body[floor]), (9, 0, 0x45, 6));
    for at in [id, kind, port, floor] {
        let mut longer = body.to_vec();
        longer[at] |= 0x80;
        longer.insert(at + 1, 0);
        let error = Image::read(&with_body(&longer)).unwrap_err();
        assert_eq!(error, ImageError::Body(BodyError::Overlong), "{at}");
    }
}

#[test]
fn the_slot_state_behind_the_image_is_not_the_images() {
    let (mut slot, _) = written(&sample());
    slot[MAX_LEN..].fill(0);
    assert_eq!(Image::read(&slot), Ok(sample()));
    slot[MAX_LEN - 1] = 0;
    assert_eq!(Image::read(&slot), Err(ImageError::Trailing { offset: MAX_LEN - 1 }));
}

#[test]
fn a_writer_refuses_what_a_reader_would_and_leaves_no_key_behind() {
    let mut slot = [0; SLOT_LEN];
    let no_anchor = Image { broker_anchors: Certificates::new(), ..sample() };
    assert_eq!(no_anchor.write(&mut slot), Err(WriteError::Body(BodyError::NoBrokerAnchor)));
    let no_certificate = Image { certificate: &[], ..sample() };
    assert_eq!(no_certificate.write(&mut slot), Err(WriteError::Body(BodyError::NoCertificate)));
    let no_port = Image { broker_port: 0, ..sample() };
    assert_eq!(no_port.write(&mut slot), Err(WriteError::Body(BodyError::NoPort)));
    let spaced = Image { server_name: "a b", ..sample() };
    assert_eq!(spaced.write(&mut slot), Err(WriteError::Body(BodyError::Name { length: 3 })));

    let too_long = Image { certificate: &[0x30; SLOT_LEN], ..sample() };
    assert_eq!(too_long.write(&mut slot), Err(WriteError::TooLong));
    assert!(slot.iter().all(|&byte| byte == 0xff));
}

#[test]
fn the_longest_image_fills_a_slot_to_the_slot_state() {
    let (_, length) = written(&sample());
    let room = MAX_LEN - length;
    let certificate = std::vec![0x30; 500 + room];
    let (slot, length) = written(&Image { certificate: &certificate, ..sample() });
    assert_eq!(length, MAX_LEN);
    assert!(Image::read(&slot).is_ok());
    let certificate = std::vec![0x30; 500 + room + 1];
    let longer = Image { certificate: &certificate, ..sample() };
    assert_eq!(longer.write(&mut [0; SLOT_LEN]), Err(WriteError::TooLong));
}

#[test]
fn a_key_is_never_printed() {
    let scalar: [u8; 32] = core::array::from_fn(|index| u8::try_from(index).unwrap() + 100);
    let printed = std::format!("{:?}", Image { key: PrivateKey::P256(&scalar), ..sample() });
    assert!(printed.contains("<redacted>"), "{printed}");
    assert!(!printed.contains("100, 101"), "{printed}");
}

#[test]
fn every_error_reads_differently() {
    let errors: Vec<String> = [
        ImageError::Magic,
        ImageError::Version { found: 2 },
        ImageError::Reserved { found: 2 },
        ImageError::Short { length: 1, needed: 2 },
        ImageError::TooLong { length: 2 },
        ImageError::Checksum { stored: 1, computed: 2 },
        ImageError::Trailing { offset: 2 },
        ImageError::Body(BodyError::Encoding(postcard::Error::DeserializeUnexpectedEnd)),
        ImageError::Body(BodyError::NoCertificate),
        ImageError::Body(BodyError::NoBrokerAnchor),
        ImageError::Body(BodyError::Name { length: 2 }),
        ImageError::Body(BodyError::NoPort),
        ImageError::Body(BodyError::Overlong),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    for (index, error) in errors.iter().enumerate() {
        assert!(!errors[index + 1..].contains(error), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        id in "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}",
        scalar in any::<[u8; 32]>(),
        slot_number in any::<Option<u32>>(),
        certificate in proptest::collection::vec(any::<u8>(), 1..600),
        anchors in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 1..=3),
        host in "[a-z0-9.-]{1,253}",
        port in 1..=u16::MAX,
        time_floor in any::<u64>(),
    ) {
        let image = Image {
            device_id: DeviceId::new(&id).unwrap(),
            key: slot_number.map_or(PrivateKey::P256(&scalar), PrivateKey::Slot),
            certificate: &certificate,
            broker_anchors: anchors.iter().map(Vec::as_slice).collect(),
            device_anchors: anchors.iter().take(2).map(Vec::as_slice).collect(),
            broker_host: &host,
            broker_port: port,
            server_name: &host,
            time_floor,
        };
        let mut slot = [0; SLOT_LEN];
        match image.write(&mut slot) {
            Ok(_) => prop_assert_eq!(Image::read(&slot), Ok(image)),
            Err(error) => prop_assert_eq!(error, WriteError::TooLong),
        }
    }

    #[test]
    fn no_bytes_panic_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Image::read(&bytes);
        let _ = Image::read(&with_body(&bytes));
    }

    #[test]
    fn one_changed_byte_is_never_overlooked(at in 0..1000usize, flip in 1..=255u8) {
        let (mut slot, length) = written(&sample());
        slot[at % length] ^= flip;
        prop_assert!(Image::read(&slot).is_err());
    }
}
