//! The requirements on a broker, each failed by a server: every failure has its own cause, and none is taken for a
//! refusal, so the next attempt comes soon.

use countersign_agent::device::Cause;
use countersign_agent::mqtt::ReasonCode;
use countersign_agent::session::State;
use countersign_agent::tls::{ChainError, Link, RecordFault, TlsError};

use super::board::Board;
use super::openssl::OpenSsl;
use crate::pki::{Certified, Fleet};

/// The cause the device reports for a server whose handshake fails.
#[track_caller]
fn handshake_failure(fleet: &Fleet, server: &OpenSsl) -> Cause {
    let (state, cause, _) = Board::start(&server.slot(fleet)).ends();
    assert_eq!(state, State::Offline);
    cause
}

#[test]
fn the_handshake_fails_without_p256() {
    let fleet = Fleet::new();
    let server = OpenSsl::start_with(
        &fleet,
        &[&fleet.broker_issuing],
        &[&fleet.device_root],
        &["-groups", "X25519:P-384"],
    );
    assert_eq!(handshake_failure(&fleet, &server), Cause::Tls(RecordFault::Alert { description: 40 }.into()));
}

#[test]
fn the_handshake_fails_with_a_certificate_request_longer_than_a_record() {
    let fleet = Fleet::new();
    let others: Vec<Certified> = (0..50)
        .map(|number| Certified::root(&format!("a root that has a rather long name {number}")))
        .collect();
    let asked_for: Vec<&Certified> = others.iter().chain([&fleet.device_root]).collect();
    let server = OpenSsl::start_with(&fleet, &[&fleet.broker_issuing], &asked_for, &[]);
    assert_eq!(handshake_failure(&fleet, &server), Cause::Tls(RecordFault::Length.into()));
}

#[test]
fn the_handshake_fails_with_a_message_in_two_records() {
    let fleet = Fleet::new();
    let server = OpenSsl::start_with(
        &fleet,
        &[&fleet.broker_issuing],
        &[&fleet.device_root],
        &["-max_send_frag", "512"],
    );
    assert_eq!(handshake_failure(&fleet, &server), Cause::Tls(TlsError::Undecipherable));
}

#[test]
fn the_handshake_fails_with_a_chain_of_more_than_the_broker_and_its_issuer() {
    let mut fleet = Fleet::new();
    let above = fleet.broker_root.issuing_with("above", |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    fleet.broker_issuing = above.issuing("broker issuing");
    fleet.broker = fleet.broker_issuing.broker();
    let server = OpenSsl::start_with(&fleet, &[&fleet.broker_issuing, &above], &[&fleet.device_root], &[]);
    let unknown = ChainError::UnknownIssuer { link: Link::Intermediate };
    assert_eq!(handshake_failure(&fleet, &server), Cause::Tls(unknown.into()));
}

/// How a session ends in which the server sends `bytes` in one record.
fn session_after(bytes: &[u8]) -> (State, Cause) {
    let fleet = Fleet::new();
    let mut server = OpenSsl::start(&fleet);
    let device = Board::start(&server.slot(&fleet));
    server.hears("MQTT");
    server.send(&[0x20, 3, 0, 0, 0]);
    server.hears("online");
    server.send(bytes);
    let (state, cause, _) = device.ends();
    (state, cause)
}

/// An answer to a ping, and a DISCONNECT that says that the server shuts down.
const PINGRESP: [u8; 2] = [0xD0, 0];
const DISCONNECT: [u8; 4] = [0xE0, 2, 0x8B, 0];

#[test]
fn a_session_takes_records_of_2048_bytes() {
    let packets = [&PINGRESP.repeat(1022)[..], &DISCONNECT].concat();
    assert_eq!(packets.len(), 2048);
    assert_eq!(session_after(&packets), (State::Offline, Cause::Disconnect(ReasonCode::new(0x8B))));
}

#[test]
fn a_session_ends_with_a_longer_record() {
    let packets = [&PINGRESP.repeat(1023)[..], &DISCONNECT].concat();
    assert_eq!(session_after(&packets), (State::Offline, Cause::Tls(RecordFault::Length.into())));
}
