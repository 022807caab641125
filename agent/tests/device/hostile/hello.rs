//! Servers whose first record is not the one ServerHello that may answer our ClientHello.

use countersign_agent::tls::{RecordFault, ServerHelloFault, TlsError};

use super::server::{Hello, Server, message, plain};
use super::{Case, refused, run};

#[test]
fn only_the_server_hello_that_answers_ours_is_let_in() {
    run(&cases());
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// An otherwise honest handshake with something about its ServerHello changed.
fn changed(server: &mut Server<'_>, change: fn(&mut Hello)) {
    let hello = server.hello(change);
    server.plain(22, &hello);
    server.add_encrypted_extensions().add_certificate_request().add_certificate();
    server.add_certificate_verify().add_finished().send();
}

fn fault(fault: ServerHelloFault) -> TlsError {
    RecordFault::ServerHello(fault).into()
}

fn cases() -> Vec<Case> {
    use ServerHelloFault as Fault;
    vec![
        refused(
            "TLS_AES_256_GCM_SHA384, not offered",
            |server| changed(server, |hello| hello.suite = [0x13, 0x02]),
            |error| error == fault(Fault::CipherSuite),
        ),
        refused(
            "TLS_CHACHA20_POLY1305_SHA256, not offered",
            |server| changed(server, |hello| hello.suite = [0x13, 0x03]),
            |error| error == fault(Fault::CipherSuite),
        ),
        refused(
            "a legacy version of TLS 1.3's number",
            |server| changed(server, |hello| hello.version = [3, 4]),
            |error| error == fault(Fault::Version),
        ),
        refused(
            "TLS 1.2 in supported_versions",
            |server| changed(server, |hello| hello.extensions[0].1 = vec![3, 3]),
            |error| error == fault(Fault::Version),
        ),
        refused(
            "no supported_versions",
            |server| changed(server, |hello| drop(hello.extensions.remove(0))),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "supported_versions of three bytes",
            |server| changed(server, |hello| hello.extensions[0].1 = vec![3, 4, 0]),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "supported_versions twice",
            |server| changed(server, |hello| hello.extensions.push((43, vec![3, 4]))),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "no key_share",
            |server| changed(server, |hello| drop(hello.extensions.pop())),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "key_share twice",
            |server| changed(server, |hello| hello.extensions.push(hello.extensions[1].clone())),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "an extension that was not offered",
            |server| changed(server, |hello| hello.extensions.push((0x4a4a, vec![]))),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "a pre-shared key that was not offered",
            |server| changed(server, |hello| hello.extensions.push((41, vec![0, 0]))),
            |error| error == fault(Fault::Extensions),
        ),
        refused(
            "a key share on X25519",
            |server| {
                changed(server, |hello| hello.extensions[1].1 = [&[0, 0x1d, 0, 32][..], &[9; 32]].concat());
            },
            |error| error == fault(Fault::KeyShare),
        ),
        refused(
            "a key share on P-256 by another name",
            |server| changed(server, |hello| hello.extensions[1].1[1] = 0x18),
            |error| error == fault(Fault::KeyShare),
        ),
        refused(
            "a compressed point",
            |server| {
                changed(server, |hello| {
                    let x = hello.extensions[1].1[5..37].to_vec();
                    hello.extensions[1].1 = [&[0, 0x17, 0, 33, 2][..], &x].concat();
                });
            },
            |error| error == fault(Fault::KeyShare),
        ),
        refused(
            "a point that is not on the curve",
            |server| changed(server, |hello| hello.extensions[1].1[68] ^= 1),
            |error| matches!(error, TlsError::Protocol(_)),
        ),
        refused(
            "the point at infinity, or nearly",
            |server| changed(server, |hello| hello.extensions[1].1[5..].fill(0)),
            |error| matches!(error, TlsError::Protocol(_)),
        ),
        refused(
            "a session id that was never sent",
            |server| changed(server, |hello| hello.session_id = vec![1; 32]),
            |error| error == fault(Fault::SessionId),
        ),
        refused(
            "compression",
            |server| changed(server, |hello| hello.compression = 1),
            |error| error == fault(Fault::Compression),
        ),
        refused(
            "a HelloRetryRequest",
            |server| {
                changed(server, |hello| {
                    hello.random = HELLO_RETRY_REQUEST;
                    hello.extensions[1].1 = vec![0, 0x17];
                });
            },
            |error| error == fault(Fault::HelloRetryRequest),
        ),
        refused(
            "a HelloRetryRequest with a key share in it",
            |server| changed(server, |hello| hello.random = HELLO_RETRY_REQUEST),
            |error| error == fault(Fault::HelloRetryRequest),
        ),
        refused(
            "a ServerHello with a byte behind it",
            |server| {
                let hello = [server.hello(|_| ()), vec![0]].concat();
                server.plain(22, &hello);
            },
            |error| error == fault(Fault::Malformed),
        ),
        refused(
            "a ServerHello with EncryptedExtensions behind it, in plain text",
            |server| {
                let hello = [server.hello(|_| ()), message(8, &[0, 0])].concat();
                server.plain(22, &hello);
            },
            |error| error == fault(Fault::Malformed),
        ),
        refused(
            "a ServerHello in two records",
            |server| {
                let hello = server.hello(|_| ());
                let (start, end) = hello.split_at(50);
                server.plain(22, start);
                server.plain(22, end);
            },
            |error| error == fault(Fault::Malformed),
        ),
        refused(
            "a ServerHello of four bytes",
            |server| server.plain(22, &message(2, &[])),
            |error| error == fault(Fault::Malformed),
        ),
        refused(
            "an empty handshake record",
            |server| server.plain(22, &[]),
            |error| error == RecordFault::Length.into(),
        ),
        refused(
            "EncryptedExtensions first, in plain text",
            |server| server.plain(22, &message(8, &[0, 0])),
            |error| error == fault(Fault::Malformed),
        ),
        refused(
            "Finished first, in plain text",
            |server| server.plain(22, &message(20, &[0; 32])),
            |error| error == fault(Fault::Malformed),
        ),
        refused(
            "application data first",
            |server| server.plain(23, &[0; 32]),
            |error| error == RecordFault::NoServerHello.into(),
        ),
        refused(
            "ChangeCipherSpec first",
            |server| server.plain(20, &[1]),
            |error| error == RecordFault::NoServerHello.into(),
        ),
        refused(
            "an alert first: protocol_version",
            |server| server.plain(21, &[2, 70]),
            |error| error == RecordFault::Alert { description: 70 }.into(),
        ),
        refused(
            "close_notify first",
            |server| server.plain(21, &[1, 0]),
            |error| error == RecordFault::Alert { description: 0 }.into(),
        ),
        refused(
            "an alert of one byte",
            |server| server.plain(21, &[2]),
            |error| error == RecordFault::Length.into(),
        ),
        refused(
            "HTTP",
            |server| server.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            |error| error == RecordFault::NoServerHello.into(),
        ),
        refused(
            "a record of TLS 1.0's number",
            |server| {
                let mut record = plain(22, &server.hello(|_| ()));
                record[2] = 1;
                server.raw(&record);
            },
            |error| error == RecordFault::Version.into(),
        ),
        refused(
            "a first record longer than any",
            |server| server.raw(&[22, 3, 3, 0xff, 0xff]),
            |error| error == RecordFault::Length.into(),
        ),
        refused("nothing", |_| (), |error| error == RecordFault::Ended.into()),
    ]
}
