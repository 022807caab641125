extern crate std;

use super::*;
use crate::DeviceId;
use proptest::prelude::*;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

fn id() -> DeviceId {
    DeviceId::new("pump-0042").unwrap()
}

fn written(message: &FromDevice<'_>) -> Vec<u8> {
    let mut payload = vec![0; MAX_MESSAGE_LEN];
    let length = message.write(&mut payload).unwrap();
    payload.truncate(length);
    payload
}

fn request() -> FromDevice<'static> {
    let content = RequestContent::new(&id(), &[0x30; 300], &[7; 20]).unwrap();
    FromDevice::Request(Request::new(content, &[9; 64]))
}

fn confirmation() -> FromDevice<'static> {
    FromDevice::Confirmation(Confirmation::new(ConfirmationContent::new(&id(), &[8; 20]).unwrap(), &[9; 64]))
}

#[test]
fn what_is_written_is_read() {
    for message in [request(), confirmation()] {
        let payload = written(&message);
        assert_eq!(&payload[..5], b"CSRN\x01");
        assert_eq!(FromDevice::read(&payload), Ok(message));
    }
    let issued = Issued::new(&[1; 600], &[2; 500]).unwrap();
    let mut payload = [0; MAX_MESSAGE_LEN];
    let length = issued.write(&mut payload).unwrap();
    assert_eq!(Issued::read(&payload[..length]), Ok(issued));
}

#[test]
fn what_is_signed_has_one_meaning() {
    let content = RequestContent::new(&id(), &[0x30; 300], &[7; 2]).unwrap();
    let mut expected = b"countersign-renewal-1\x09pump-0042\x2c\x01".to_vec();
    expected.extend([0x30; 300]);
    expected.extend([2, 7, 7]);
    assert_eq!(content.signed().as_bytes(), expected);
    let content = ConfirmationContent::new(&id(), &[7; 2]).unwrap();
    assert_eq!(content.signed().as_bytes(), b"countersign-confirm-1\x09pump-0042\x02\x07\x07");
    // The longest of everything is signed whole.
    let id = DeviceId::new(&"x".repeat(DeviceId::MAX_LEN)).unwrap();
    let content = RequestContent::new(&id, &[0x30; MAX_CSR_LEN], &[7; MAX_SERIAL_LEN]).unwrap();
    assert_eq!(content.signed().as_bytes().len(), MAX_SIGNED_LEN);
}

#[test]
fn fields_have_lengths() {
    let error = |field, length| Some(MessageError::Length { field, length });
    assert_eq!(RequestContent::new(&id(), &[], &[1]).err(), error("CSR", 0));
    assert_eq!(RequestContent::new(&id(), &[0; 769], &[1]).err(), error("CSR", 769));
    assert_eq!(RequestContent::new(&id(), &[1], &[]).err(), error("serial", 0));
    assert_eq!(ConfirmationContent::new(&id(), &[0; 21]).err(), error("serial", 21));
    assert_eq!(Issued::new(&[], &[1]).err(), error("certificate", 0));
    assert_eq!(Issued::new(&[1], &[]).err(), error("certificate of the CA", 0));
    // A signature of another length than that of the type, as only another program writes it.
    let mut short = written(&confirmation());
    let at = short.len() - 65;
    short[at] = 63;
    short.pop();
    assert_eq!(FromDevice::read(&short).err(), error("signature", 63));
}

#[test]
fn each_fault_of_a_payload_has_its_own_error() {
    let good = written(&request());
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = good.clone();
        change(&mut payload);
        FromDevice::read(&payload).unwrap_err().to_string()
    };
    assert_eq!(FromDevice::read(&[]), Err(MessageError::Magic));
    assert_eq!(with(&|payload| payload[0] = b'x'), MessageError::Magic.to_string());
    assert_eq!(with(&|payload| payload.truncate(4)), MessageError::Magic.to_string());
    assert_eq!(with(&|payload| payload[4] = 2), MessageError::Version { found: 2 }.to_string());
    assert_eq!(with(&|payload| payload.push(0)), MessageError::Trailing { length: 1 }.to_string());
    assert_eq!(with(&|payload| payload.resize(1901, 0)), MessageError::TooLong { length: 1901 }.to_string());
    // The message's kind, in two bytes instead of one.
    assert_eq!(
        with(&|payload| {
            payload[5] = 0x80;
            payload.insert(6, 0);
        }),
        MessageError::Overlong.to_string()
    );
    assert_eq!(request().write(&mut [0; 100]), Err(MessageError::NoRoom));
    // What the service says is nothing that a device says.
    assert!(matches!(Issued::read(&[b'C', b'S', b'R', b'N', 1]), Err(MessageError::Encoding(_))));
}

proptest! {
    /// Whatever a stranger publishes is refused, or is the one form of what it says.
    #[test]
    fn any_payload_is_refused_or_is_what_it_would_be_written_as(
        cut in 0_usize..450,
        changes in proptest::collection::vec((0_usize..450, any::<u8>()), 0..4),
        confirms in any::<bool>(),
    ) {
        let mut payload = written(&if confirms { confirmation() } else { request() });
        for (at, byte) in changes {
            if let Some(place) = payload.get_mut(at) {
                *place = byte;
            }
        }
        payload.truncate(cut.max(5));
        if let Ok(message) = FromDevice::read(&payload) {
            prop_assert_eq!(written(&message), payload);
        }
    }
}
