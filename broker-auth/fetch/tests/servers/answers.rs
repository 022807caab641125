//! What is an answer with a file, and what is none.

use std::time::Duration;

use fetch::{FetchFault, Fetched};

use crate::fetching::{BOUNDS, fetcher, file, get, told};
use crate::server::Server;

#[tokio::test]
async fn the_request_is_one_that_every_server_understands() {
    let server = Server::says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    get(&server.url("/a%20b?c=d"), BOUNDS).await.unwrap();
    let request = server.requests().remove(0).to_ascii_lowercase();
    let host = format!("host: {}\r\n", server.address);
    assert!(request.starts_with("get /a%20b?c=d http/1.1\r\n"), "{request}");
    for line in ["accept-encoding: identity\r\n", "connection: close\r\n", "accept: */*\r\n", &host] {
        assert!(request.contains(line), "{line} in {request}");
    }
    for name in ["content-length", "transfer-encoding", "if-none-match", "if-modified-since", "cookie"] {
        assert!(!request.contains(name), "{name} in {request}");
    }
}

#[tokio::test]
async fn a_file_is_what_its_framing_says() {
    assert_eq!(&file("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await[..], b"hello");
    assert_eq!(&file("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello").await[..], b"hello");
    assert_eq!(&file("HTTP/1.0 200 OK\r\n\r\nhello").await[..], b"hello");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nETag: \"t\"\r\n\r\n";
    assert_eq!(&file(chunked).await[..], b"hello");
    // Bytes behind the end of a file do not belong to it.
    assert_eq!(&file("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello").await[..], b"he");
    let early =
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(&file(early).await[..], b"ok");
    let identity = "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(&file(identity).await[..], b"ok");
}

#[tokio::test]
async fn a_server_that_is_cut_anywhere_has_sent_no_file() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    for answer in [whole, chunked] {
        for cut in 0..answer.len() {
            let fault = told(&answer[..cut]).await.unwrap_err();
            let is_expected = matches!(fault, FetchFault::Connection { .. });
            assert!(is_expected, "after {cut} bytes of {answer:?}: {fault:?}");
        }
        told(answer).await.unwrap();
    }
}

#[tokio::test]
async fn only_status_200_brings_a_file() {
    for status in [201, 202, 203, 204, 205, 206, 300, 305, 400, 401, 404, 410, 429, 500, 503, 599, 999] {
        let fault = told(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok")).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Status(found) if found == status), "{status}: {fault:?}");
    }
    let fault = told("HTTP/1.1 304 Not Modified\r\n\r\n").await.unwrap_err();
    assert!(matches!(fault, FetchFault::NotModifiedUnasked), "{fault:?}");
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let fault = told(answer).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Empty), "{answer:?}: {fault:?}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_no_file() {
    for answer in [
        "hello",
        "\x15\x03\x01\x00\x02\x02\x16",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2 200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nBad Name: x\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ] {
        let fault = told(answer).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Connection { .. }), "{answer:?}: {fault:?}");
    }
}

#[tokio::test]
async fn what_is_encoded_is_refused() {
    for field in [
        "Content-Encoding: gzip",
        "Content-Encoding: identity, gzip",
        "Content-Encoding: identity\r\nContent-Encoding: br",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
    ] {
        let fault =
            told(format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n2\r\nok\r\n0\r\n\r\n")).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Encoded(_)), "{field}: {fault:?}");
    }
}

#[tokio::test]
async fn a_file_is_asked_for_by_what_the_server_called_it() {
    let server = Server::start(|client, request| {
        let asked = request.to_ascii_lowercase();
        let knows = asked.contains("if-none-match: \"v1\"\r\n")
            && asked.contains("if-modified-since: sun, 29 nov 2026 09:00:00 gmt\r\n");
        client.write(if knows {
            b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=7\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nLast-Modified: Sun, 29 Nov 2026 09:00:00 GMT\r\n\
              Cache-Control: max-age=60\r\nAge: 15\r\nContent-Length: 2\r\n\r\nok"
        });
    });
    let Fetched::Body { validators, max_age, .. } = get(&server.url("/file"), BOUNDS).await.unwrap() else {
        panic!("nothing was known")
    };
    assert_eq!(max_age, Some(Duration::from_secs(45)));
    let again = fetcher().get(&server.url("/file").parse().unwrap(), &validators, &BOUNDS).await.unwrap();
    assert_eq!(again, Fetched::NotModified { max_age: Some(Duration::from_secs(7)) });
}
