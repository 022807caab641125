//! Servers that send their clients elsewhere.

use std::time::Duration;

use bytes::Bytes;
use fetch::{Bounds, FetchFault, Fetched, RedirectFault, Stage};

use crate::fetching::{BOUNDS, fetcher, get, told};
use crate::server::Server;

#[tokio::test]
async fn redirects_are_followed_on_the_same_host_and_port() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |client, request| {
            let location = match request.split(' ').nth(1).unwrap() {
                "/a/file" => "/b/file",
                "/b/file" => "other",
                "/b/other" => {
                    client.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    return;
                }
                path => panic!("{path}"),
            };
            client.write(format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\n\r\n").as_bytes());
        });
        let fetched = get(&server.url("/a/file"), BOUNDS).await.unwrap();
        assert!(matches!(fetched, Fetched::Body { bytes, .. } if &bytes[..] == b"ok"));
        assert_eq!(server.requests().len(), 3);
        // A third one is one too many, and so is a loop.
        let round = Server::says(format!("HTTP/1.1 {status} X\r\nLocation: /file\r\n\r\n"));
        let error = get(&round.url("/file"), BOUNDS).await.unwrap_err();
        assert!(matches!(error.fault, FetchFault::Redirect(RedirectFault::TooMany)), "{error}");
        assert_eq!(round.requests().len(), 3);
    }
}

#[tokio::test]
async fn nobody_is_sent_anywhere_else() {
    let elsewhere = Server::says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let port = elsewhere.address.port();
    for location in [
        elsewhere.url("/file"),
        format!("//127.0.0.1:{port}/file"),
        format!("http://localhost:{port}/file"),
        "http://169.254.169.254/latest/meta-data/".into(),
    ] {
        let fault = told(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n")).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Redirect(RedirectFault::OtherHost)), "{location}: {fault:?}");
    }
    let fault = told("HTTP/1.1 302 Found\r\n\r\n").await.unwrap_err();
    assert!(matches!(fault, FetchFault::Redirect(RedirectFault::NoLocation)), "{fault:?}");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_post_is_answered_and_never_redirected() {
    let post = async |url: String, bounds: Bounds| {
        let body = Bytes::from_static(b"question");
        fetcher().post(&url.parse().unwrap(), "application/ocsp-request", body, &bounds).await
    };
    let server = Server::start(|client, _| {
        let body = client.read(8);
        client.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
        client.write(&body);
    });
    assert_eq!(&post(server.url("/ocsp"), BOUNDS).await.unwrap()[..], b"question");
    let request = server.requests().remove(0).to_ascii_lowercase();
    assert!(request.starts_with("post /ocsp http/1.1\r\n"), "{request}");
    for line in ["content-type: application/ocsp-request\r\n", "content-length: 8\r\n"] {
        assert!(request.contains(line), "{line} in {request}");
    }
    for status in [301, 302, 303, 304, 307, 308] {
        let answer = format!("HTTP/1.1 {status} X\r\nLocation: /ocsp\r\nContent-Length: 0\r\n\r\n");
        let server = Server::says(answer);
        let error = post(server.url("/ocsp"), BOUNDS).await.unwrap_err();
        assert!(matches!(error.fault, FetchFault::Redirect(RedirectFault::NotAllowed)), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
    let hung = Server::start(|client, _| client.hang());
    let short = Bounds { timeout: Duration::from_millis(300), ..BOUNDS };
    let error = post(hung.url("/ocsp"), short).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::TimedOut(Stage::Head)), "{error}");
}
