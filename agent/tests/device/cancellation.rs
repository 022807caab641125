//! Futures dropped wherever they wait, connections cut and damaged at every byte.

use std::task::Poll;

use countersign_agent::tls::{Buffers, RecordFault, TlsError};
use embedded_io_async::{ErrorKind, Read as _, Write as _};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::change::change;
use crate::hostile::keys::Protection;
use crate::replay::{Recording, Replay, WORDS, block_on, poll};

/// Connects and reads to the end: what was read, and how it ended.
fn listen(recording: &Recording, replay: &mut Replay) -> Result<(Vec<u8>, Result<(), TlsError>), TlsError> {
    let mut buffers = Buffers::new();
    let mut stream = block_on(recording.connect(replay, &mut buffers))?;
    let mut said = Vec::new();
    loop {
        let mut some = [0; 9];
        match block_on(stream.read(&mut some)) {
            Ok(0) => return Ok((said, Ok(()))),
            Ok(length) => said.extend_from_slice(&some[..length]),
            Err(error) => return Ok((said, Err(error))),
        }
    }
}

/// How long the first record that went out is.
fn client_hello_len(replay: &Replay) -> usize {
    5 + usize::from(u16::from_be_bytes([replay.outgoing[3], replay.outgoing[4]]))
}

#[test]
fn a_connection_cut_at_any_byte_is_an_error_and_data_before_it_is_kept() {
    let recording = Recording::new();
    let words = WORDS.concat();
    for cut in 0..=recording.incoming.len() {
        let mut replay = recording.replay();
        replay.incoming.truncate(cut);
        let ended = TlsError::Record(RecordFault::Ended);
        match listen(&recording, &mut replay) {
            Err(error) => {
                assert!(cut <= recording.handshake, "cut at {cut}");
                assert_eq!(error, ended, "cut at {cut}");
                assert_eq!(replay.outgoing.len(), client_hello_len(&replay), "cut at {cut}, and shown more");
            }
            Ok((said, end)) => {
                let whole = cut == recording.incoming.len();
                assert!(cut > recording.handshake && words.starts_with(&said), "cut at {cut}: {said:?}");
                assert_eq!(end, if whole { Ok(()) } else { Err(ended) }, "cut at {cut}");
                assert!(!whole || said == words);
            }
        }
    }
}

#[test]
fn a_close_while_the_device_certificate_is_sent_is_dismissed_and_no_transport_error() {
    let recording = Recording::new();
    let mut whole = recording.replay();
    assert!(block_on(recording.connect(&mut whole, &mut Buffers::new())).is_ok());
    let client_hello = client_hello_len(&whole);
    assert!(client_hello < whole.outgoing.len());
    for takes in 0..whole.outgoing.len() {
        let mut replay = recording.replay();
        replay.takes = Some(takes);
        let error = block_on(recording.connect(&mut replay, &mut Buffers::new())).map(drop).unwrap_err();
        let expected = if takes < client_hello {
            TlsError::Transport(ErrorKind::BrokenPipe)
        } else if takes == client_hello {
            // It was gone before it could see who we are.
            TlsError::Record(RecordFault::Ended)
        } else {
            TlsError::Dismissed
        };
        assert_eq!(error, expected, "after {takes} bytes of {}", whole.outgoing.len());
    }
}

#[test]
fn a_connection_damaged_at_any_byte_delivers_nothing_that_was_not_sent() {
    let recording = Recording::new();
    let words = WORDS.concat();
    for place in 0..recording.incoming.len() {
        let mut replay = recording.replay();
        replay.incoming[place] ^= 1 << (place % 8);
        match listen(&recording, &mut replay) {
            Err(_) => {
                assert!(place < recording.handshake, "damaged at {place}");
                assert_eq!(
                    replay.outgoing.len(),
                    client_hello_len(&replay),
                    "damaged at {place}, and shown more"
                );
            }
            Ok((said, end)) => {
                assert!(place >= recording.handshake, "damaged at {place}, and not noticed");
                assert!(words.starts_with(&said) && end.is_err(), "damaged at {place}: {said:?}, {end:?}");
            }
        }
    }
}

#[test]
fn a_connection_with_random_changes_delivers_nothing_that_was_not_sent() {
    let recording = Recording::new();
    let words = WORDS.concat();
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let changes = proptest::collection::vec(change(), 1..5);
    let verdict = TestRunner::new(config).run(&changes, |changes| {
        let mut replay = recording.replay();
        changes.iter().for_each(|change| change.apply(&mut replay.incoming));
        if let Ok((said, _)) = listen(&recording, &mut replay) {
            prop_assert!(replay.incoming.starts_with(&recording.incoming[..recording.handshake]));
            prop_assert!(words.starts_with(&said));
        }
        Ok(())
    });
    assert_eq!(verdict, Ok(()));
}

#[test]
fn reads_dropped_at_every_byte_lose_nothing() {
    let recording = Recording::new();
    let mut replay = recording.replay_at(1);
    let mut buffers = Buffers::new();
    let mut stream = block_on(recording.connect(&mut replay, &mut buffers)).unwrap();
    let (mut said, mut dropped) = (Vec::new(), 0);
    loop {
        let mut some = [0; 5];
        // Each read waits once for each byte: two polls take one byte and leave the next.
        match poll(2, stream.read(&mut some)) {
            Poll::Pending => dropped += 1,
            Poll::Ready(length) => match length.unwrap() {
                0 => break,
                length => said.extend_from_slice(&some[..length]),
            },
        }
        assert!(dropped < 10_000, "no read gets anywhere");
    }
    assert_eq!(said, WORDS.concat());
    assert!(dropped > 80, "only {dropped} reads were dropped");
}

#[test]
fn a_connect_dropped_anywhere_leaves_buffers_that_can_be_used_again() {
    let recording = Recording::new();
    let mut buffers = Buffers::new();
    let mut polls = 1;
    loop {
        let mut replay = recording.replay_at(16);
        let outcome = poll(polls, async {
            let stream = recording.connect(&mut replay, &mut buffers).await;
            stream.map(drop)
        });
        match outcome {
            Poll::Pending => polls += 1,
            Poll::Ready(outcome) => break assert_eq!(outcome, Ok(())),
        }
    }
    assert!(polls > 100, "only {polls} places to drop it at");
}

#[test]
fn a_write_dropped_half_way_is_never_continued() {
    let recording = Recording::new();
    let interrupted = TlsError::Record(RecordFault::Interrupted);
    let (mut refused, mut resumed) = (0, 0);
    for polls in 1.. {
        let mut replay = recording.replay();
        let mut buffers = Buffers::new();
        let handshake = {
            let mut probe = recording.replay();
            block_on(recording.connect(&mut probe, &mut Buffers::new())).map(drop).unwrap();
            probe.outgoing.len()
        };
        replay.pace = 4;
        let mut stream = block_on(recording.connect(&mut replay, &mut buffers)).unwrap();
        let first = poll(polls, async {
            stream.write_all(b"first").await?;
            stream.flush().await
        });
        let again = block_on(async {
            stream.write_all(b"again").await?;
            stream.flush().await
        });
        if again == Err(interrupted) {
            assert_eq!(block_on(stream.read(&mut [0; 8])), Err(interrupted), "an error is final");
        }

        let (said, broken) = decrypt(&recording, &replay.outgoing[handshake..]);
        match (first, again) {
            (Poll::Ready(first), again) => {
                assert_eq!(
                    (first, again, said.as_slice(), broken),
                    (Ok(()), Ok(()), &b"firstagain"[..], false)
                );
                break;
            }
            (Poll::Pending, Ok(())) => {
                resumed += 1;
                assert!(said == b"firstagain" && !broken, "dropped after {polls} polls: {said:?}");
            }
            (Poll::Pending, Err(error)) => {
                refused += 1;
                assert_eq!(error, interrupted);
                assert!(said.is_empty(), "dropped after {polls} polls: {said:?}");
            }
        }
    }
    assert!(refused >= 6 && resumed >= 1, "dropped in {refused} writes and {resumed} flushes");
}

/// What whole records say, each under its own nonce, and whether half a record follows.
fn decrypt(recording: &Recording, mut wire: &[u8]) -> (Vec<u8>, bool) {
    let mut protection = Protection::new(&recording.client_secret);
    let mut said = Vec::new();
    while let Some((header, rest)) = wire.split_first_chunk::<5>() {
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        let (kind, content) = protection.open(header, content).expect("no nonce is used twice");
        assert_eq!(kind, 23);
        said.extend(content);
        wire = rest;
    }
    (said, !wire.is_empty())
}
