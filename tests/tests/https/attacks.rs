//! Requests that two servers read differently: none reaches the origin, whatever else the same connection is good for.

use crate::place::Place;
use integration_tests::http_caller::Caller;

/// What follows a request that is refused: were it taken for a body, or the body for it, the origin would see it.
const SMUGGLED: &str = "GET /files/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn what_two_servers_read_differently_is_refused_and_ends_the_connection() {
    let place = Place::new();
    let with = |lines: &str| format!("POST /files/a HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let first = |line: &str| format!("{line}\r\nHost: localhost\r\n\r\n");
    for (request, status) in [
        (with("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n") + "0\r\n\r\nG", 400),
        (with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + "5c\r\n", 400),
        (with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (with("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n") + "0\r\n\r\n", 400),
        (with("Transfer-Encoding: identity\r\nContent-Length: 3\r\n") + "abc", 400),
        (with("Transfer-Encoding: identity\r\n"), 400),
        (with("Transfer-Encoding: chunked, chunked\r\n") + "0\r\n\r\n", 400),
        (with("Transfer-Encoding: \tchunked\x0b\r\n") + "0\r\n\r\n", 400),
        (with("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n", 400),
        (with("X: y\r\n Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (with("X: y\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (with("X: y\rTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (with("X: y\0\r\n"), 400),
        (with("Content-Length: 3\r\nContent-Length: 0\r\n") + "abc", 400),
        (with("Content-Length: 3, 3\r\n") + "abc", 400),
        (with("Content-Length: +3\r\n") + "abc", 400),
        (with("Content-Length: 99999999999999999999\r\n"), 400),
        (with("Host: elsewhere\r\n"), 400),
        (with("Host: localhost\r\n"), 400),
        (with("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"), 400),
        (with("Upgrade: websocket\r\nConnection: Upgrade\r\n"), 400),
        (with("Expect: the-unexpected\r\n"), 417),
        (with(&format!("X: {}\r\n", "y".repeat(20_000))), 431),
        (with(&"X: y\r\n".repeat(200)), 431),
        ("GET /files/a HTTP/1.1\nHost: localhost\n\n".to_owned(), 400),
        ("GET /files/a HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET /files/a HTTP/1.1\r\nHost: localhost/files\r\n\r\n".to_owned(), 400),
        ("GET /files/a HTTP/1.1\r\nHost: user@localhost\r\n\r\n".to_owned(), 400),
        ("GET /files/a HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), 400),
        ("GET /files/a HTTP/1.0\r\nHost: localhost\r\n\r\n".to_owned(), 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
        (first("GET https://localhost/files/a HTTP/1.1"), 400),
        (first("GET http://elsewhere/files/a HTTP/1.1"), 400),
        (first("OPTIONS * HTTP/1.1"), 400),
        (first("CONNECT localhost:443 HTTP/1.1"), 501),
        (first("TRACE /files/a HTTP/1.1"), 501),
        (first("GET  /files/a HTTP/1.1"), 400),
        (first("GET /files/a"), 400),
        ("\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), 400),
    ] {
        // In one piece, and in pieces that end anywhere.
        for size in [64 * 1024, 61] {
            let mut caller = place.service();
            for piece in (request.clone() + SMUGGLED).as_bytes().chunks(size) {
                caller.send(piece);
            }
            let answer = caller.answer(true).unwrap_or_else(|| panic!("{request:?} has an answer"));
            assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
            assert_eq!(answer.json()["reason"], "malformed", "{request:?}");
            assert_eq!(answer.field("connection"), Some("close"), "{request:?}");
            assert!(caller.has_ended(), "{request:?}");
            assert!(place.origin.received().is_empty(), "{request:?}: {:?}", place.origin.received());
        }
    }
}

/// A body that holds a request is a body, and a request behind it is one.
#[test]
fn bodies_end_where_they_say() {
    let place = Place::new();
    let mut caller = place.service();
    let body = "GET /files/in-the-body HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let post =
        format!("POST /files/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    caller.send(format!("{post}{SMUGGLED}{post}").as_bytes());
    for target in ["POST /files/a", "GET /files/smuggled", "POST /files/a"] {
        let answer = caller.answer(true).expect("an answer");
        assert!(answer.status == 200 && answer.text().starts_with(target), "{target}: {}", answer.text());
    }
    assert_eq!(place.origin.received().len(), 3);
    // Behind one in chunks nothing is read.
    let mut caller = place.service();
    let chunked = "POST /files/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n";
    caller.send(format!("{chunked}{SMUGGLED}").as_bytes());
    let answer = caller.answer(true).expect("an answer");
    assert!(answer.status == 200 && answer.text().ends_with("3\r\nabc\r\n0\r\n\r\n"), "{}", answer.text());
    assert!(!answer.text().to_lowercase().contains("x-late"), "no trailers: {}", answer.text());
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(caller.has_ended());
    assert_eq!(place.origin.received().len(), 4);
    // Chunks that are none: what the origin may have seen of them is no whole request.
    for chunks in [
        "x\r\nabc\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "fffffffffffffffff\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
    ] {
        let mut caller = place.service();
        let head = "POST /files/bad HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        caller.send(format!("{head}{chunks}{SMUGGLED}").as_bytes());
        let answer = caller.answer(true);
        assert!(answer.is_none_or(|answer| answer.status >= 400 || chunks.contains("3\nabc")), "{chunks:?}");
        assert!(caller.has_ended(), "{chunks:?}");
    }
    let received = place.origin.received();
    assert!(!received[4..].iter().any(|request| request.contains("smuggled")), "{received:?}");
}

#[test]
fn paths_that_servers_read_differently_are_refused() {
    let place = Place::new();
    for target in [
        "/files/../secret",
        "/files/..",
        "/files/.",
        "/files/./a",
        "/files//a",
        "//files/a",
        "/files/a//",
        "/files/..%2fsecret",
        "/files/%2e%2e/secret",
        "/files/.%2e/secret",
        "/files/%2E/a",
        "/files%2fa",
        "/files/a%5cb",
        "/files\\..\\secret",
        "/files/..\\secret",
        "/files/..;/secret",
        "/files/a;b",
        "/files/a%3bb",
        "/files/a%00.txt",
        "/files/%252e%252e/secret",
        "/files/%25",
        "/files/%c0%ae%c0%ae/secret",
        "/files/a%0d%0aX:%20y",
        "/files/a%",
        "/files/%zz",
        "/files/%u002e",
        "/files/a#b",
        "/files/a\u{e9}",
        "files/a",
        "@elsewhere/files",
        ":443/files",
    ] {
        let mut caller = place.device();
        let answer = caller.get(target, "").expect("an answer");
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &"malformed".into()), "{target}");
        assert!(caller.has_ended(), "{target}");
    }
    assert!(place.origin.received().is_empty());
    // Other escapes, and anything in the query, get there as they came.
    let mut caller = place.device();
    for target in
        ["/files/%61%C3%A9~", "/files/a?../..//;%2f%5c%00%2e%252e&x[]={y}|z", "/files/...", "/files/a?"]
    {
        assert_eq!(caller.get(target, "").expect("an answer").status, 200, "{target}");
        let received = place.origin.take();
        assert!(received.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{target}: {received}");
    }
}

#[test]
fn a_host_other_than_the_server_name_is_misdirected() {
    let place = Place::new();
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("localhost.", 200),
        ("127.0.0.1", 421),
        ("elsewhere", 421),
        ("localhost.elsewhere", 421),
        ("[::1]", 421),
    ] {
        let request = format!("GET /files/a HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(place.device().ask(&request).expect("an answer").status, status, "{host}");
    }
    // Without a server name any will do: an address is none.
    let (address, fleet) = (place.site.address(), &place.site.fleet);
    let mut caller = Caller::dial_as(address, fleet, Some(&place.site.device), "127.0.0.1", &[]);
    let answer = caller.ask("GET /files/a HTTP/1.1\r\nHost: elsewhere\r\n\r\n").expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("x-forwarded-host: elsewhere\r\n"));
}
