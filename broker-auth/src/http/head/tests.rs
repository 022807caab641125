use authenticator::http::PathFault;
use proptest::prelude::*;

use super::*;

fn parse(head: &str) -> Result<RequestHead, HeadFault> {
    RequestHead::parse(head.as_bytes(), &ExpectedHost::Named("origin.test".into()))
}

/// A GET with these lines after Host.
fn get(lines: &str) -> Result<RequestHead, HeadFault> {
    parse(&format!("GET /a HTTP/1.1\r\nHost: origin.test\r\n{lines}\r\n"))
}

#[test]
fn what_two_servers_could_read_differently_is_refused() {
    use HeadFault::{
        Expect, Field, Host, Length, LengthTwice, Line, Method, Misdirected, Path, Query, RequestLine,
        TransferEncoding, Upgrade, Version,
    };
    for (lines, fault) in [
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LengthTwice),
        ("Content-Length: 5\r\ntransfer-encoding: chunked\r\n", LengthTwice),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", TransferEncoding),
        ("Transfer-Encoding: identity\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", TransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", TransferEncoding),
        ("Transfer-Encoding: xchunked\r\n", TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", TransferEncoding),
        ("Transfer-Encoding:\r\n", TransferEncoding),
        ("Transfer-Encoding: chunked\x0b\r\n", Line),
        ("Transfer-Encoding : chunked\r\n", Field),
        ("Transfer-Encoding\t: chunked\r\n", Field),
        (" Transfer-Encoding: chunked\r\n", Field),
        ("A: b\r\n c\r\n", Field),
        ("A: b\r\n\tTransfer-Encoding: chunked\r\n", Field),
        ("A: b\nTransfer-Encoding: chunked\r\n", Line),
        ("A: b\rTransfer-Encoding: chunked\r\n", Line),
        ("A: b\0\r\n", Line),
        ("A: b\x7f\r\n", Line),
        ("A\r\n", Field),
        (": b\r\n", Field),
        ("A(b): c\r\n", Field),
        ("\u{e9}: c\r\n", Field),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", Length),
        ("Content-Length: 5, 5\r\n", Length),
        ("Content-Length: +5\r\n", Length),
        ("Content-Length: -5\r\n", Length),
        ("Content-Length: 0x5\r\n", Length),
        ("Content-Length: 5 \t5\r\n", Length),
        ("Content-Length:\r\n", Length),
        ("Content-Length: 18446744073709551616\r\n", Length),
        ("Host: origin.test\r\n", Host),
        ("host: elsewhere.test\r\n", Host),
        ("Upgrade: h2c\r\n", Upgrade),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\n", Upgrade),
        ("Expect: 200-ok\r\n", Expect),
        ("Expect: 100-continue\r\nExpect: 100-continue\r\n", Expect),
    ] {
        assert_eq!(get(lines).unwrap_err(), fault, "{lines:?}");
    }
    for (line, fault) in [
        ("CONNECT origin.test:443 HTTP/1.1", Method),
        ("TRACE / HTTP/1.1", Method),
        ("PRI * HTTP/2.0", Version),
        ("get / HTTP/1.1", Method),
        ("GET / HTTP/1.0", Version),
        ("GET / HTTP/1.2", Version),
        ("GET / http/1.1", RequestLine),
        ("GET /", RequestLine),
        ("GET  / HTTP/1.1", RequestLine),
        ("GET /\tHTTP/1.1", RequestLine),
        (" GET / HTTP/1.1", RequestLine),
        ("GET / HTTP/1.1 ", RequestLine),
        ("GET http://origin.test/ HTTP/1.1", Path(PathFault::NotAbsolute)),
        ("GET origin.test/ HTTP/1.1", Path(PathFault::NotAbsolute)),
        ("OPTIONS * HTTP/1.1", Path(PathFault::NotAbsolute)),
        ("GET /a#b HTTP/1.1", Path(PathFault::Octet(b'#'))),
        ("GET /..%2f HTTP/1.1", Path(PathFault::Hidden(b'/'))),
        ("GET /a?b#c HTTP/1.1", Query),
        ("GET /a?b\\c HTTP/1.1", Query),
        ("GET /a?\u{e9} HTTP/1.1", Query),
        ("", RequestLine),
    ] {
        let head = format!("{line}\r\nHost: origin.test\r\n\r\n");
        assert_eq!(parse(&head).unwrap_err(), fault, "{line:?}");
    }
    for host in [
        "",
        "a b",
        "user@origin.test",
        "origin.test/path",
        "origin.test:",
        "origin.test:99a",
        "[::1",
        "a,b",
        "http://a",
    ] {
        assert_eq!(parse(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap_err(), Host, "{host:?}");
    }
    for host in ["elsewhere.test", "origin.test.evil", "127.0.0.1", "[::1]:443", "sub.origin.test"] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(parse(&head).unwrap_err(), Misdirected, "{host:?}");
        assert!(RequestHead::parse(head.as_bytes(), &ExpectedHost::NoneOf(Vec::new())).is_ok(), "{host:?}");
    }
    for host in ["origin.test", "ORIGIN.test:8443", "origin.test."] {
        assert!(parse(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).is_ok(), "{host:?}");
    }
}

#[test]
fn a_head_has_an_end_and_a_size() {
    assert_eq!(parse("GET / HTTP/1.1\r\nHost: origin.test\r\n").unwrap_err(), HeadFault::Line);
    assert_eq!(get(&"A: b\r\n".repeat(MAX_FIELDS)).unwrap_err(), TOO_LARGE);
    assert_eq!(get(&"A: b\r\n".repeat(MAX_FIELDS - 1)).unwrap().fields.len(), MAX_FIELDS);
    assert_eq!(get(&format!("A: {}\r\n", "b".repeat(MAX_HEAD_LEN))).unwrap_err(), TOO_LARGE);
}

#[test]
fn what_follows_is_framed_by_what_was_judged_alone() {
    for (lines, framing, is_last) in [
        ("", "", false),
        ("Content-Length: 0\r\n", "", false),
        ("Content-Length: 007\r\nX: y\r\n", "content-length: 7\r\n", false),
        ("Transfer-Encoding: Chunked\r\n", "transfer-encoding: chunked\r\nconnection: close\r\n", true),
        ("Connection: a, Close\r\n", "connection: close\r\n", true),
        ("Connection: closed\r\n", "", false),
        (
            "Content-Length: 1\r\nExpect: 100-Continue\r\n",
            "content-length: 1\r\nexpect: 100-continue\r\n",
            false,
        ),
    ] {
        let head = get(lines).unwrap();
        let wanted = format!("GET / HTTP/1.1\r\nhost: judged\r\n{framing}\r\n");
        assert_eq!(
            (String::from_utf8(head.framing()).unwrap(), head.is_last()),
            (wanted, is_last),
            "{lines:?}"
        );
    }
}

proptest! {
    /// Whatever the bytes are, they are read or refused; and what is read is framed as a head that is read alike.
    #[test]
    fn any_bytes_are_read_or_refused(lines in proptest::collection::vec(
        prop_oneof![
            Just("Host: a".to_owned()), Just("Content-Length: 3".to_owned()), Just("Transfer-Encoding: chunked".to_owned()),
            Just("Connection: close".to_owned()), "[ -~]{0,12}", "[a-zA-Z-]{1,5}:[ -~\t]{0,9}", "(?s).{0,6}",
        ], 0..6), first in prop_oneof![Just("POST /a%20b?c HTTP/1.1".to_owned()), "[ -~]{0,20}"]) {
        let head = format!("{first}\r\nHost: a\r\n{}\r\n\r\n", lines.join("\r\n"));
        if let Ok(read) = RequestHead::parse(head.as_bytes(), &ExpectedHost::NoneOf(Vec::new())) {
            let again = RequestHead::parse(&read.framing(), &ExpectedHost::NoneOf(Vec::new())).unwrap();
            prop_assert_eq!((again.method, again.body), (read.method, read.body));
        }
    }
}
