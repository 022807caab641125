//! The inbox: packets from a stream in pieces of every size, with its future dropped at every wait.

use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use countersign_agent::mqtt::{Inbox, Incoming, PacketError, ReceiveError};
use embedded_io_async::{ErrorType, Read};

/// Hands out `bytes` in pieces of `piece`, and has the reader wait before each one.
struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
    ready: bool,
}

impl ErrorType for Pieces<'_> {
    type Error = Infallible;
}

impl Read for Pieces<'_> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            self.ready = !self.ready;
            if self.ready { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        let length = self.piece.min(into.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(length);
        into[..length].copy_from_slice(now);
        self.bytes = later;
        Ok(length)
    }
}

/// Polls `inbox` once at a time, each time with a future of its own, until there is a packet.
fn next<'i>(
    inbox: &'i mut Inbox<'_>,
    stream: &mut Pieces<'_>,
) -> Result<Incoming<'i>, ReceiveError<Infallible>> {
    loop {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(inbox.arrive(stream)).poll(&mut context) {
            Poll::Ready(Ok(())) => break,
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => {}
        }
    }
    Ok(inbox.packet()?)
}

/// A message of QoS 0 on topic `a`.
fn message(payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x30, u8::try_from(payload.len() + 4).unwrap(), 0, 1, b'a', 0];
    packet.extend_from_slice(payload);
    packet
}

fn payload<'a>(packet: &Incoming<'a>) -> &'a [u8] {
    match packet {
        Incoming::Publish(publish) => publish.payload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wait_dropped_at_every_byte_loses_nothing() {
    let payloads: [&[u8]; 5] = [b"", b"one", &[7; 100], b"", b"last"];
    let stream: Vec<u8> = payloads.iter().flat_map(|payload| message(payload)).collect();
    for piece in 1..stream.len() {
        let mut buffer = [0; 120];
        let mut inbox = Inbox::new(&mut buffer);
        let mut pieces = Pieces { bytes: &stream, piece, ready: false };
        for expected in payloads {
            assert_eq!(payload(&next(&mut inbox, &mut pieces).unwrap()), expected, "{piece}");
        }
        assert!(matches!(next(&mut inbox, &mut pieces), Err(ReceiveError::Closed)));
    }
}

#[test]
fn the_longest_packet_fits_and_a_longer_one_is_refused_by_its_header() {
    let mut buffer = [0; 64];
    for (length, fits) in [(58, true), (59, false), (100, false)] {
        let packet = message(&vec![1; length]);
        let mut inbox = Inbox::new(&mut buffer);
        // A refusal needs no more than the header.
        let bytes = if fits { &packet[..] } else { &packet[..2] };
        let mut pieces = Pieces { bytes, piece: 7, ready: false };
        match next(&mut inbox, &mut pieces) {
            Ok(packet) => assert!(fits && payload(&packet).len() == length),
            Err(error) => {
                let expected = PacketError::TooLong { length: u32::try_from(length).unwrap() + 6, limit: 64 };
                assert_eq!(error, ReceiveError::Packet(expected));
            }
        }
    }
}

#[test]
fn a_length_of_five_bytes_or_more_than_it_needs_is_refused() {
    let mut buffer = [0; 64];
    for header in
        [&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01][..], &[0x30, 0x80, 0x80, 0x80, 0x80], &[0x30, 0x84, 0x00]]
    {
        let mut pieces = Pieces { bytes: header, piece: 1, ready: false };
        let refused = next(&mut Inbox::new(&mut buffer), &mut pieces).unwrap_err();
        assert_eq!(refused, ReceiveError::Packet(PacketError::VariableByteInteger), "{header:02x?}");
    }
}
