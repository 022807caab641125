//! The record guard: whole legal records come out and nothing else, however the stream is cut; and the first fault is
//! the last.
//!
//! An input is eight bytes that say how the stream arrives, how it is read and what the client writes in between; then
//! the stream.

use core::task::Poll;

use countersign_agent::tls::{BareGuard, Buffers, MAX_CONTENT, RecordFault};
use sha2::{Digest as _, Sha256};

use crate::Verdict;
use crate::hello::{is_server_hello, server_hello};
use crate::pieces::{Pieces, poll_once};

const CLIENT_HELLO: [u8; 6] = [22, 3, 1, 0, 1, 1];
const CLIENT_RECORD: [u8; 6] = [23, 3, 3, 0, 1, 0];

/// The longest content with its type and tag.
const MAX_FRAGMENT: usize = MAX_CONTENT + 1 + 16;

/// How the client behaves.
#[derive(Clone, Copy)]
struct Plan {
    /// How much it reads at a time, in bytes.
    room: usize,
    /// After how many records it writes.
    after: usize,
    write: Writing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// Not at all.
    Nothing,
    /// A record, as its own flight begins.
    Record,
    /// What is no record.
    Nonsense,
    /// A record, abandoned half way.
    Abandoned,
}

impl Plan {
    fn new([room, after, write]: [u8; 3]) -> Self {
        let write = match write % 4 {
            0 => Writing::Nothing,
            1 => Writing::Record,
            2 => Writing::Nonsense,
            _ => Writing::Abandoned,
        };
        Self { room: usize::from(room) + 1, after: 1 + usize::from(after % 8), write }
    }

    fn writes(&self, records: usize) -> bool {
        records == self.after && self.write != Writing::Nothing
    }

    /// Whether what comes next comes after the handshake.
    fn established(&self, records: usize) -> bool {
        self.write == Writing::Record && records >= self.after
    }
}

/// What came out, and why no more.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    records: Vec<Vec<u8>>,
    fault: RecordFault,
}

pub fn run(input: &[u8]) -> Verdict {
    let Some((&[p1, p2, p3, p4, p5, room, after, write], stream)) = input.split_first_chunk() else {
        return Verdict::Refused;
    };
    let plan = Plan::new([room, after, write]);
    let whole = read_all(Pieces::new(stream, &[]), Plan { room: usize::MAX, ..plan });
    assert_eq!(whole.records, legal_records(stream, plan));
    let cut = read_all(Pieces::new(stream, &[p1, p2, p3, p4, p5]), plan);
    assert_eq!(cut, whole);
    Verdict::accepted_if(whole.records.len() > 1)
}

/// Reads records and writes as planned until the connection is shut, which it must stay.
fn read_all(mut pieces: Pieces<'_>, plan: Plan) -> Outcome {
    if plan.write == Writing::Abandoned {
        // The ClientHello.
        pieces.takes = 1;
    }
    let mut buffers = Buffers::new();
    let mut guard = BareGuard::new(&mut pieces, &mut buffers);
    assert_eq!(poll_once(guard.write(&CLIENT_HELLO)), Poll::Ready(Ok(CLIENT_HELLO.len())));
    let mut records = Vec::new();
    let mut written = CLIENT_HELLO.to_vec();
    let fault = loop {
        if plan.writes(records.len()) {
            match write(&mut guard, plan.write) {
                Ok(record) => written.extend(record),
                Err(fault) => break fault,
            }
        }
        match read_record(&mut guard, plan.room) {
            Ok(record) => records.push(record),
            Err(fault) => break fault,
        }
    };
    for _ in 0..2 {
        assert_eq!(poll_once(guard.write(&CLIENT_RECORD)), Poll::Ready(Err(Some(fault))));
        assert_eq!(poll_once(guard.read(&mut [0; 64])), Poll::Ready(Err(Some(fault))));
    }
    assert_eq!(pieces.written, written, "nothing leaves but what was allowed");
    Outcome { records, fault }
}

/// One whole record. Every read that has to wait is dropped, and made again.
fn read_record(guard: &mut BareGuard<'_, &mut Pieces<'_>>, room: usize) -> Result<Vec<u8>, RecordFault> {
    let mut record = Vec::new();
    let mut into = vec![0; room.min(2 * MAX_FRAGMENT)];
    loop {
        match poll_once(guard.read(&mut into)) {
            Poll::Pending => {}
            Poll::Ready(Ok(length)) => {
                record.extend_from_slice(&into[..length]);
                if let [_, _, _, l1, l2, content @ ..] = record.as_slice() {
                    let end = usize::from(u16::from_be_bytes([*l1, *l2]));
                    assert!(content.len() <= end, "a read goes on into the next record");
                    if content.len() == end {
                        return Ok(record);
                    }
                }
            }
            Poll::Ready(Err(fault)) => {
                assert!(record.is_empty(), "half a record is handed up");
                return Err(fault.expect("the latch is shut"));
            }
        }
    }
}

/// What is written, or why the connection is shut.
fn write(guard: &mut BareGuard<'_, &mut Pieces<'_>>, what: Writing) -> Result<Vec<u8>, RecordFault> {
    let record = match what {
        Writing::Nonsense => &CLIENT_RECORD[..5],
        _ => &CLIENT_RECORD,
    };
    if what == Writing::Abandoned {
        assert_eq!(poll_once(guard.write(record)), Poll::Pending);
        return Err(RecordFault::Interrupted);
    }
    match poll_once(guard.write(record)) {
        Poll::Ready(Ok(length)) => {
            assert_eq!((what, length), (Writing::Record, record.len()));
            Ok(record.to_vec())
        }
        Poll::Ready(Err(fault)) => {
            assert_eq!((what, fault), (Writing::Nonsense, Some(RecordFault::Outgoing)));
            Err(RecordFault::Outgoing)
        }
        Poll::Pending => panic!("a write waits for nothing"),
    }
}

/// What may come out: one ServerHello, then encrypted records; a ChangeCipherSpec between the two is dropped.
fn legal_records(mut stream: &[u8], plan: Plan) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut changed = false;
    while let Some((&[kind, v1, v2, l1, l2], rest)) = stream.split_first_chunk() {
        let established = plan.established(records.len());
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        if [v1, v2] != [3, 3] || plan.writes(records.len()) && !established {
            break;
        }
        match (records.len(), kind) {
            (0, 22) if is_server_hello(content) => records.push(stream[..5 + length].to_vec()),
            (1, 20) if content == [1] && !changed && !established => changed = true,
            (1.., 23) if (17..=MAX_FRAGMENT).contains(&length) => {
                // The cipher is told by the version that the handshake is over.
                let version = if established { [0xff, 0xff] } else { [3, 3] };
                records.push([&[23], &version[..], &[l1, l2], content].concat());
            }
            _ => break,
        }
        stream = rest;
    }
    records
}

pub fn seeds() -> Vec<Vec<u8>> {
    let record = |kind: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[kind, 3, 3], &length[..], content].concat()
    };
    let hello = record(22, &server_hello(&[7; 32], &[9; 64], true));
    let other_order = record(22, &server_hello(&[7; 32], &[9; 64], false));
    let asks_again = record(22, &server_hello(&Sha256::digest("HelloRetryRequest"), &[9; 64], true));
    let change = record(20, &[1]);
    let short = record(23, &[5; 17]);
    let long = record(23, &[5; MAX_FRAGMENT]);
    let streams = [
        [&hello[..], &short, &short].concat(),
        [&other_order[..], &change, &short, &short].concat(),
        [&hello[..], &long].concat(),
        [&hello[..], &record(23, &[5; MAX_FRAGMENT + 1])].concat(),
        [&hello[..], &short, &change, &short].concat(),
        [&hello[..], &record(22, &[1; 30])].concat(),
        [&asks_again[..], &short].concat(),
        record(21, &[2, 40]),
    ];
    let plans = [[0, 3, 0, 90, 0, 4, 0, 0], [17; 8], [0, 0, 0, 0, 0, 0, 1, 2], [200, 1, 1, 0, 9, 255, 1, 3]];
    let with_plans = |stream: &Vec<u8>| plans.map(|plan: [u8; 8]| [&plan[..], stream].concat());
    streams.iter().flat_map(with_plans).collect()
}
