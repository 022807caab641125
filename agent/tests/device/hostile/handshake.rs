//! Servers whose encrypted part of the handshake is not what it must be, though they may hold the broker's key.

use countersign_agent::tls::{HandshakeFault, MAX_CONTENT, RecordFault, TlsError};

use super::server::{Server, encrypted_extensions_with, message};
use super::{Case, completes, refused, run};

#[test]
fn only_whole_messages_in_their_places_complete_a_handshake() {
    run(&cases());
}

/// ServerHello, then everything but the Finished, not yet sent.
fn up_to_finished(server: &mut Server<'_>) {
    server.begin();
    server.add_encrypted_extensions().add_certificate_request().add_certificate().add_certificate_verify();
}

/// A list of one protocol, `mqtt` (RFC 7301 §3.1).
const MQTT: &[u8] = b"\x00\x05\x04mqtt";

/// An honest handshake with these EncryptedExtensions.
fn with_encrypted_extensions(server: &mut Server<'_>, extensions: &[(u16, &[u8])]) {
    server.begin();
    server.add(&encrypted_extensions_with(extensions));
    server.add_certificate_request().add_certificate().add_certificate_verify().add_finished().send();
    server.establish();
}

/// One that selects an application protocol in these bytes.
fn selecting(server: &mut Server<'_>, selected: &[u8]) {
    with_encrypted_extensions(server, &[(16, selected)]);
}

const UNDECIPHERABLE: fn(TlsError) -> bool = |error| error == TlsError::Undecipherable;
const PLAINTEXT: fn(TlsError) -> bool = |error| error == RecordFault::Plaintext.into();
const LENGTH: fn(TlsError) -> bool = |error| error == RecordFault::Length.into();
const PROTOCOL: fn(TlsError) -> bool = |error| matches!(error, TlsError::Protocol(_));

fn cases() -> Vec<Case> {
    [honest(), protocols(), finished(), messages(), records()].into_iter().flatten().collect()
}

/// Servers that select an application protocol which was not offered, or say so in no way that RFC 7301 knows.
fn protocols() -> Vec<Case> {
    vec![
        refused("h2", |server| selecting(server, b"\x00\x03\x02h2"), UNDECIPHERABLE),
        refused("a cloud's MQTT", |server| selecting(server, b"\x00\x0f\x0ex-amzn-mqtt-ca"), UNDECIPHERABLE),
        refused("MQTT in capitals", |server| selecting(server, b"\x00\x05\x04MQTT"), UNDECIPHERABLE),
        refused("a name that begins alike", |server| selecting(server, b"\x00\x06\x05mqtts"), UNDECIPHERABLE),
        refused("two protocols", |server| selecting(server, b"\x00\x08\x04mqtt\x02h2"), UNDECIPHERABLE),
        refused("an empty list", |server| selecting(server, b"\x00\x00"), UNDECIPHERABLE),
        refused("nothing", |server| selecting(server, b""), UNDECIPHERABLE),
        refused(
            "another one behind the one that was offered",
            |server| with_encrypted_extensions(server, &[(16, MQTT), (16, b"\x00\x03\x02h2")]),
            UNDECIPHERABLE,
        ),
    ]
}

/// Ways of sending the same that are all right.
fn honest() -> Vec<Case> {
    vec![
        completes("each message in its record", |server| {
            server.begin();
            server.add_encrypted_extensions().send();
            server.add_certificate_request().send();
            server.add_certificate().send();
            server.add_certificate_verify().send();
            server.add_finished().send();
            server.establish();
        }),
        completes("with the application protocol that we offer", |server| selecting(server, MQTT)),
        completes("with an extension that is not ours to judge", |server| {
            with_encrypted_extensions(server, &[(10, &[0, 2, 0, 0x17]), (16, MQTT)]);
        }),
        completes("with a ChangeCipherSpec for the middleboxes", |server| {
            server.begin();
            server.plain(20, &[1]);
            server.add_encrypted_extensions().add_certificate_request().add_certificate();
            server.add_certificate_verify().add_finished().send();
            server.establish();
        }),
        completes("byte by byte", |server| {
            let hello = super::server::plain(22, &server.hello(|_| ()));
            server.trickle(&hello);
            server.add_encrypted_extensions().add_certificate_request().add_certificate();
            server.add_certificate_verify().add_finished();
            let inner = [server.take_pending(), vec![22]].concat();
            let record = server.sealed(&inner);
            server.trickle(&record);
            server.establish();
        }),
        completes("all in one write, padded", |server| {
            let hello = super::server::plain(22, &server.hello(|_| ()));
            up_to_finished_quietly(server);
            let inner = [server.take_pending(), vec![22], vec![0; 100]].concat();
            let record = server.sealed(&inner);
            server.raw(&[hello, record].concat());
            server.establish();
        }),
        completes("with tickets, and empty application data", |server| {
            server.handshake();
            let ticket = message(4, &[0, 0, 0, 60, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 0]);
            server.encrypted(22, &ticket);
            server.encrypted(22, &[ticket.clone(), ticket].concat());
            server.encrypted(23, &[]);
            server.seal(&[23, 0, 0, 0]);
        }),
    ]
}

fn up_to_finished_quietly(server: &mut Server<'_>) {
    server.add_encrypted_extensions().add_certificate_request().add_certificate();
    server.add_certificate_verify().add_finished();
}

fn finished() -> Vec<Case> {
    vec![
        refused(
            "a Finished with a bit flipped",
            |server| {
                up_to_finished(server);
                let mut verify_data = server.verify_data();
                verify_data[31] ^= 1;
                server.add(&message(20, &verify_data)).send();
            },
            PROTOCOL,
        ),
        refused(
            "a Finished that is too short",
            |server| {
                up_to_finished(server);
                let verify_data = server.verify_data();
                server.add(&message(20, &verify_data[..31])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an early Finished, in a record of its own",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add_finished().send();
                server.add_certificate().add_certificate_verify().send();
            },
            |error| error == HandshakeFault::NoCertificate.into(),
        ),
        refused(
            "an early Finished, in the record of what it must follow",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add_finished();
                server.add_certificate().add_certificate_verify().send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a Finished with a ticket behind it in the record",
            |server| {
                up_to_finished(server);
                server.add_finished().add(&message(4, &[0; 14])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a Finished in plain text",
            |server| {
                up_to_finished(server);
                server.send();
                let verify_data = server.verify_data();
                server.plain(22, &message(20, &verify_data));
            },
            PLAINTEXT,
        ),
        refused(
            "application data before Finished",
            |server| {
                up_to_finished(server);
                server.send();
                server.encrypted(23, b"welcome");
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an end before Finished",
            |server| {
                up_to_finished(server);
                server.send();
            },
            |error| error == RecordFault::Ended.into(),
        ),
    ]
}

fn messages() -> Vec<Case> {
    vec![
        refused(
            "a ticket during the handshake",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add(&message(4, &[0; 14])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a KeyUpdate during the handshake",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add(&message(24, &[0])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a second ServerHello, encrypted",
            |server| {
                server.begin();
                let hello = server.hello(|_| ());
                server.add(&hello).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a message of an unknown type",
            |server| {
                server.begin();
                server.add(&message(99, &[])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "messages in the wrong order in a record",
            |server| {
                server.begin();
                server.add_certificate_request().add_encrypted_extensions().add_certificate();
                server.add_certificate_verify().add_finished().send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a Certificate in two records",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add_certificate();
                let messages = server.take_pending();
                let (start, end) = messages.split_at(200);
                server.encrypted(22, start);
                server.encrypted(22, end);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a message that claims a byte more than it has",
            |server| {
                server.begin();
                server.add(&[8, 0, 0, 3, 0, 0]).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "EncryptedExtensions shorter than they claim to be inside",
            |server| {
                server.begin();
                server.add(&message(8, &[0, 200])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "EncryptedExtensions with another message inside",
            |server| {
                server.begin();
                let request = server.add_certificate_request().take_pending();
                server.add(&message(8, &[&[0, 0][..], &request].concat())).add_certificate();
                server.add_certificate_verify().add_finished().send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "EncryptedExtensions that reach into the next message",
            |server| {
                server.begin();
                server.add(&message(8, &[0, 15])).add_certificate_request().add_certificate();
                server.add_certificate_verify().add_finished().send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "EncryptedExtensions with an extension that belongs elsewhere",
            |server| {
                server.begin();
                server.add(&message(8, &[0, 6, 0, 43, 0, 2, 3, 4])).send();
            },
            PROTOCOL,
        ),
        refused(
            "a Certificate whose list is longer than the message",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add(&message(11, &[0, 0, 1, 0, 0, 0, 200])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a Certificate with an entry longer than its list",
            |server| {
                server.begin();
                server
                    .add_encrypted_extensions()
                    .add(&message(11, &[0, 0, 0, 4, 0xff, 0xff, 0xff, 0]))
                    .send();
            },
            PROTOCOL,
        ),
        refused(
            "seventeen certificates",
            |server| {
                server.begin();
                let der: &[u8] = &[0x30, 0x00];
                let many = super::server::certificate(&[der; 17]);
                server.add_encrypted_extensions().add(&many).send();
            },
            PROTOCOL,
        ),
        refused(
            "a CertificateRequest cut short",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add(&message(13, &[0, 0, 8, 0, 13, 0, 4])).send();
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an alert, encrypted",
            |server| {
                server.begin();
                server.encrypted(21, &[2, 40]);
            },
            PROTOCOL,
        ),
    ]
}

fn records() -> Vec<Case> {
    vec![
        refused(
            "a record without inner content",
            |server| {
                server.begin();
                server.seal(&[]);
            },
            LENGTH,
        ),
        refused(
            "an inner plain text of zeros",
            |server| {
                server.begin();
                server.seal(&[0; 40]);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an inner plain text of one zero",
            |server| {
                server.begin();
                server.seal(&[0]);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a handshake record without a message",
            |server| {
                server.begin();
                server.seal(&[22]);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an inner ChangeCipherSpec",
            |server| {
                server.begin();
                server.encrypted(20, &[1]);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an inner type that does not exist",
            |server| {
                server.begin();
                server.encrypted(77, &[1]);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "an empty record",
            |server| {
                server.begin();
                server.raw(&[23, 3, 3, 0, 0]);
            },
            LENGTH,
        ),
        refused(
            "a record a byte longer than allowed",
            |server| {
                server.begin();
                server.seal(&[22; MAX_CONTENT + 2]);
            },
            LENGTH,
        ),
        refused(
            "a record of the greatest length there is",
            |server| {
                server.begin();
                server.raw(&[23, 3, 3, 0x41, 0x00]);
            },
            LENGTH,
        ),
        refused(
            "a record that does not decrypt",
            |server| {
                server.begin();
                server.plain(23, &[0x5a; 64]);
            },
            UNDECIPHERABLE,
        ),
        refused(
            "a record of TLS 1.0's number",
            |server| {
                server.begin();
                let mut record = server.sealed(&[message(8, &[0, 0]), vec![22]].concat());
                record[2] = 1;
                server.raw(&record);
            },
            |error| error == RecordFault::Version.into(),
        ),
        refused(
            "a record that says it came after the handshake",
            |server| {
                server.begin();
                let mut record = server.sealed(&[message(8, &[0, 0]), vec![22]].concat());
                record[1..3].fill(0xff);
                server.raw(&record);
            },
            |error| error == RecordFault::Version.into(),
        ),
        refused(
            "a second ChangeCipherSpec",
            |server| {
                server.begin();
                server.plain(20, &[1]);
                server.plain(20, &[1]);
            },
            PLAINTEXT,
        ),
        refused(
            "a ChangeCipherSpec that changes something else",
            |server| {
                server.begin();
                server.plain(20, &[2]);
            },
            PLAINTEXT,
        ),
        refused(
            "a ChangeCipherSpec of two bytes",
            |server| {
                server.begin();
                server.plain(20, &[1, 1]);
            },
            LENGTH,
        ),
        refused(
            "a ChangeCipherSpec between encrypted records",
            |server| {
                server.begin();
                server.add_encrypted_extensions().send();
                server.plain(20, &[1]);
            },
            PLAINTEXT,
        ),
        refused(
            "an alert in plain text after ServerHello",
            |server| {
                server.begin();
                server.plain(21, &[2, 40]);
            },
            PLAINTEXT,
        ),
        refused(
            "a second ServerHello in plain text",
            |server| {
                server.begin();
                server.begin();
            },
            PLAINTEXT,
        ),
        refused(
            "a record of an unknown type",
            |server| {
                server.begin();
                server.plain(24, &[0; 32]);
            },
            PLAINTEXT,
        ),
    ]
}
