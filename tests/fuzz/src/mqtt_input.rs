//! What a broker says: rmqtt-codec takes what the device takes and finds the same in it, and it is all the same how the
//! stream is cut.
//!
//! An input is four bytes that say how the stream arrives, one that says how long a packet may be, and the stream.

use core::task::Poll;

use countersign_agent::command::Command;
use countersign_agent::mqtt::{Inbox, Incoming, Publish, ReceiveError};
use device_identity::{DeviceId, Topic};

use crate::Verdict;
use crate::judge::{agrees, judged, packet, parts, without_leniency, written};
use crate::packets::packets;
use crate::pieces::{Pieces, poll_once};

const DEVICE: &str = "pump-1";

pub fn run(input: &[u8]) -> Verdict {
    let Some((&[p1, p2, p3, p4, limit], stream)) = input.split_first_chunk() else { return Verdict::Refused };
    let limit = 16 + 4 * usize::from(limit);
    let whole = receive_all(Pieces::new(stream, &[]), limit);
    assert_eq!(receive_all(Pieces::new(stream, &[p1, p2, p3, p4]), limit), whole);
    let (end, packets) = whole.split_last().expect("it ends");
    frames(stream).take(packets.len()).for_each(|(first, body)| read_alike(first, body));
    Verdict::accepted_if(!packets.is_empty() && end == "Closed")
}

/// What comes out of an inbox up to the first error, with it. Every wait is dropped, and begun again.
fn receive_all(mut stream: Pieces<'_>, limit: usize) -> Vec<String> {
    let mut buffer = vec![0; limit];
    let mut inbox = Inbox::new(&mut buffer);
    let mut received = Vec::new();
    loop {
        let arrived = match poll_once(inbox.arrive(&mut stream)) {
            Poll::Pending => continue,
            Poll::Ready(arrived) => arrived,
        };
        match arrived.and_then(|()| inbox.packet().map_err(ReceiveError::Packet)) {
            Ok(packet) => received.push(format!("{packet:?}")),
            Err(error) => {
                received.push(format!("{error:?}"));
                return received;
            }
        }
    }
}

/// The packets of a stream: first bytes and bodies.
fn frames(mut stream: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let last = 1 + stream.iter().skip(1).position(|byte| byte & 0x80 == 0)?;
        let length =
            stream[1..=last].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        let (packet, rest) = stream.split_at_checked(last + 1 + length)?;
        stream = rest;
        Some(parts(packet))
    })
}

/// Reads a packet that was taken, beside the judge.
fn read_alike(first: u8, body: &[u8]) {
    let ours = Incoming::parse(first, body).expect("it was taken");
    match judged(&packet(first, body)) {
        Some(theirs) => assert!(agrees(&ours, &theirs), "{ours:?}\n{theirs:?}"),
        None => {
            let milder = without_leniency(first, body);
            let theirs = judged(&milder).unwrap_or_else(|| panic!("only we take {ours:?}"));
            let (first, body) = parts(&milder);
            let ours = Incoming::parse(first, body).expect("it was taken with less to say for it");
            assert!(agrees(&ours, &theirs), "{ours:?}\n{theirs:?}");
        }
    }
    if let Incoming::Publish(publish) = ours {
        read_topic(&publish);
    }
}

/// A topic has one meaning, and a command is what its topic says.
fn read_topic(publish: &Publish<'_>) {
    let device = DeviceId::new(DEVICE).expect("a device id");
    let below = |level: &str| publish.topic.strip_prefix(&format!("devices/{DEVICE}/{level}"));
    if let Ok(topic) = Topic::parse(publish.topic) {
        assert_eq!(topic.to_string(), publish.topic);
        assert_eq!(topic.device_id() == &device, below("").is_some());
    }
    if let Some(command) = Command::of(publish, &device) {
        let id = below("commands/").or_else(|| below("commands").filter(|rest| rest.is_empty()));
        assert_eq!(Some(command.id), id);
        assert_eq!((command.payload, command.duplicate), (publish.payload, publish.dup));
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let packets: Vec<_> = packets().into_iter().map(written).collect();
    let plans: [[u8; 5]; 3] = [[0, 1, 2, 0, 60], [17, 0, 90, 3, 200], [1, 1, 1, 1, 20]];
    let qos_2 = [&plans[0][..], &[0x34, 5, 0, 1, b'a', 0, 1, 0]].concat();
    let alone = packets.iter().map(|packet| [&plans[0][..], packet].concat());
    let together = plans.iter().map(|plan| [&plan[..], &packets.concat()].concat());
    alone.chain(together).chain([qos_2]).collect()
}
