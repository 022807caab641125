//! What goes wrong after an honest handshake: on the path, or because the broker's key is in other hands.

use countersign_agent::tls::{MAX_CONTENT, RecordFault, TlsError};

use super::server::{Server, certificate, certificate_request, message};
use super::{Case, fails, run};

#[test]
fn a_session_ends_at_the_first_record_that_may_not_come() {
    run(&cases());
}

/// An honest handshake, on both sides.
fn established(server: &mut Server<'_>) {
    server.handshake();
    server.await_finished();
}

const UNDECIPHERABLE: fn(TlsError) -> bool = |error| error == TlsError::Undecipherable;
const PLAINTEXT: fn(TlsError) -> bool = |error| error == RecordFault::Plaintext.into();
const LENGTH: fn(TlsError) -> bool = |error| error == RecordFault::Length.into();

fn cases() -> Vec<Case> {
    [on_the_path(), by_the_broker()].into_iter().flatten().collect()
}

fn on_the_path() -> Vec<Case> {
    vec![
        fails(
            "a handshake message in plain text",
            |server| {
                established(server);
                server.plain(22, &message(8, &[0, 0]));
            },
            PLAINTEXT,
        ),
        fails(
            "a ticket in plain text",
            |server| {
                established(server);
                server.plain(22, &message(4, &[0; 14]));
            },
            PLAINTEXT,
        ),
        fails(
            "close_notify in plain text",
            |server| {
                established(server);
                server.plain(21, &[1, 0]);
            },
            PLAINTEXT,
        ),
        fails(
            "ChangeCipherSpec",
            |server| {
                established(server);
                server.plain(20, &[1]);
            },
            PLAINTEXT,
        ),
        fails(
            "application data in plain text",
            |server| {
                established(server);
                server.plain(23, b"welcome, and all the rest of it");
            },
            UNDECIPHERABLE,
        ),
        fails(
            "an empty record",
            |server| {
                established(server);
                server.raw(&[23, 3, 3, 0, 0]);
            },
            LENGTH,
        ),
        fails(
            "a record replayed from the handshake",
            |server| {
                server.begin();
                let first = server.add_encrypted_extensions().take_pending();
                let first = server.sealed(&[first, vec![22]].concat());
                server.raw(&first);
                server.add_certificate_request().add_certificate().add_certificate_verify().add_finished();
                server.send();
                server.establish();
                server.await_finished();
                server.raw(&first);
            },
            UNDECIPHERABLE,
        ),
        fails("an end without close_notify", established, |error| error == RecordFault::Ended.into()),
        fails(
            "an end in the middle of a record",
            |server| {
                established(server);
                let record = server.sealed(b"welcome\x17");
                server.raw(&record[..9]);
            },
            |error| error == RecordFault::Ended.into(),
        ),
    ]
}

fn by_the_broker() -> Vec<Case> {
    vec![
        fails(
            "a record without inner content",
            |server| {
                established(server);
                server.seal(&[]);
            },
            LENGTH,
        ),
        fails(
            "an inner plain text of zeros",
            |server| {
                established(server);
                server.seal(&[0; 40]);
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a CertificateRequest",
            |server| {
                established(server);
                server.encrypted(22, &certificate_request());
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a Certificate",
            |server| {
                established(server);
                server.encrypted(22, &certificate(&[&server.fleet.broker.der]));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a second Finished",
            |server| {
                established(server);
                server.encrypted(22, &message(20, &[0; 32]));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "EncryptedExtensions",
            |server| {
                established(server);
                server.encrypted(22, &message(8, &[0, 0]));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a ServerHello",
            |server| {
                established(server);
                server.encrypted(22, &message(2, &[0; 40]));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a ticket with a CertificateRequest behind it",
            |server| {
                established(server);
                let ticket = message(4, &[0, 0, 0, 60, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 0]);
                server.encrypted(22, &[ticket, certificate_request()].concat());
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a ticket with another message inside",
            |server| {
                established(server);
                let ticket = [0, 0, 0, 60, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 0];
                server.encrypted(22, &message(4, &[&ticket[..], &certificate_request()].concat()));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "half a ticket",
            |server| {
                established(server);
                server.encrypted(22, &[4, 0, 0, 16, 0, 0]);
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a ticket that is nonsense inside",
            |server| {
                established(server);
                server.encrypted(22, &message(4, &[0; 3]));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "a KeyUpdate",
            |server| {
                established(server);
                server.encrypted(22, &message(24, &[0]));
            },
            UNDECIPHERABLE,
        ),
        fails(
            "application data in a record a byte longer than allowed",
            |server| {
                established(server);
                server.encrypted(23, &[b'x'; MAX_CONTENT + 1]);
            },
            LENGTH,
        ),
        fails(
            "access_denied",
            |server| {
                established(server);
                server.encrypted(21, &[2, 49]);
            },
            |error| error == TlsError::Alert,
        ),
        fails(
            "an alert of an unknown kind",
            |server| {
                established(server);
                server.encrypted(21, &[2, 200]);
            },
            |error| matches!(error, TlsError::Protocol(_)),
        ),
        fails(
            "a record under the handshake's secret",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add_certificate();
                server.add_certificate_verify().add_finished().send();
                server.await_finished();
                server.encrypted(23, b"welcome");
            },
            UNDECIPHERABLE,
        ),
    ]
}
