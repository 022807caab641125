//! A server that authenticates itself, and then is no MQTT broker, or stops being one.

use std::time::Duration;

use countersign_agent::device::{Cause, Config, Deadline};
use countersign_agent::mqtt::PacketError;
use countersign_agent::session::State;
use countersign_agent::tls::{RecordFault, TlsError};

use super::board::Board;
use super::openssl::OpenSsl;
use crate::pki::Fleet;

/// A CONNACK of MQTT 5 that accepts, without properties.
const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];

/// What a web server answers. Its second letter passes for the length of a packet, 84 bytes.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n\
    <h1>Who?</h1>\r\n";

/// A server, and a device that has sent it its CONNECT.
fn connected(config: Config) -> (OpenSsl, Board) {
    let fleet = Fleet::new();
    let mut server = OpenSsl::start(&fleet);
    let device = Board::start_with(&server.slot(&fleet), config);
    server.hears("MQTT");
    (server, device)
}

/// How a session ends once the server has said `words`.
fn session_after(words: &[u8], config: Config) -> (State, Cause) {
    let (mut server, device) = connected(config);
    server.send(CONNACK);
    // Bytes that are unread when a connection is closed would turn its end into a reset.
    server.hears("online");
    server.send(words);
    let (state, cause, _) = device.ends();
    (state, cause)
}

#[test]
fn a_server_that_never_answers_connect_is_given_up() {
    let config = Config { connect_deadline: Duration::from_secs(5), ..Config::default() };
    let (_server, device) = connected(config);
    let (state, cause, _) = device.ends();
    assert_eq!((state, cause), (State::Offline, Cause::Deadline(Deadline::Connect)));
}

#[test]
fn a_server_that_answers_half_a_packet_is_given_up() {
    let config = Config { connect_deadline: Duration::from_secs(5), ..Config::default() };
    let (mut server, device) = connected(config);
    server.send(&CONNACK[..3]);
    let (state, cause, _) = device.ends();
    assert_eq!((state, cause), (State::Offline, Cause::Deadline(Deadline::Connect)));
}

#[test]
fn a_server_that_answers_connect_with_no_connack_breaks_the_protocol() {
    for (words, error) in [
        (HTTP, PacketError::Type { first: b'H' }),
        // A CONNACK whose flags are none.
        (&[0x20, 3, 0xFE, 0, 0], PacketError::Value),
        // A packet far longer than the device said it takes.
        (&[0x30, 0xFF, 0xFF, 0x7F, 0], PacketError::TooLong { length: 0x1F_FFFF + 4, limit: 2048 }),
    ] {
        let (mut server, device) = connected(Config::default());
        server.send(words);
        let (state, cause, _) = device.ends();
        assert_eq!((state, cause), (State::Offline, Cause::Protocol(error)), "{words:02x?}");
    }
}

#[test]
fn a_server_that_closes_before_its_connack_has_refused_the_device() {
    let (mut server, device) = connected(Config::default());
    server.send(b"q\n");
    let (state, cause, wait) = device.ends();
    assert_eq!((state, cause), (State::Refused, Cause::ClosedBeforeConnack));
    assert!(wait >= Duration::from_secs(600), "{wait:?}");
}

#[test]
fn a_broker_that_falls_silent_is_given_up() {
    let config = Config { response_timeout: Duration::from_secs(2), ..Config::default() };
    let end = session_after(&[], config);
    assert_eq!(end, (State::Offline, Cause::Deadline(Deadline::Response)));
}

#[test]
fn a_close_within_a_session_is_a_lost_connection_and_no_refusal() {
    assert_eq!(session_after(b"q\n", Config::default()), (State::Offline, Cause::Closed));
}

#[test]
fn a_key_update_ends_the_connection() {
    let end = session_after(b"K\n", Config::default());
    assert_eq!(end, (State::Offline, Cause::Tls(TlsError::Undecipherable)));
}

#[test]
fn plain_text_beside_the_stream_ends_the_connection() {
    let end = session_after(b"P\n", Config::default());
    assert_eq!(end, (State::Offline, Cause::Tls(RecordFault::Plaintext.into())));
}
