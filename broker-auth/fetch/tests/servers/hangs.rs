//! Servers that hang and drip.

use std::thread::sleep;
use std::time::{Duration, Instant};

use fetch::{Bounds, FetchFault, Stage};

use crate::fetching::get;
use crate::server::{Client, Server};

/// For servers that never get done.
const SHORT: Bounds = Bounds { max_bytes: 100_000, timeout: Duration::from_millis(600) };

/// A fetch from a server that does `what` ends in time; what it waited for.
async fn is_cut_off(what: impl Fn(&mut Client, &str) + Send + Sync + 'static) -> Stage {
    let server = Server::start(what);
    let begin = Instant::now();
    let error = get(&server.url("/file"), SHORT).await.unwrap_err();
    let took = begin.elapsed();
    assert!(took >= SHORT.timeout && took < SHORT.timeout + Duration::from_secs(2), "{took:?}");
    assert!(error.after >= SHORT.timeout && error.after <= took, "{error}");
    match error.fault {
        FetchFault::TimedOut(stage) => stage,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time() {
    let (at_once, in_the_head, in_the_body, in_a_chunk) = tokio::join!(
        is_cut_off(|client, _| client.hang()),
        is_cut_off(|client, _| {
            client.write(b"HTTP/1.1 200 OK\r\nContent-Le");
            client.hang();
        }),
        is_cut_off(|client, _| {
            client.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            client.hang();
        }),
        is_cut_off(|client, _| {
            client.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            client.hang();
        }),
    );
    assert_eq!((at_once, in_the_head), (Stage::Head, Stage::Head));
    let five = Stage::Body { received: 5 };
    assert_eq!((in_the_body, in_a_chunk), (five, five));
}

#[tokio::test]
async fn a_server_that_drips_is_left_in_time() {
    fn drip(client: &mut Client, head: &str, drop: &str) {
        client.write(head.as_bytes());
        while client.write(drop.as_bytes()) {
            sleep(Duration::from_millis(50));
        }
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (head, hints, body, chunks) = tokio::join!(
        is_cut_off(|client, _| drip(client, "HTTP/1.1 200 OK\r\n", "a: b\r\n")),
        is_cut_off(|client, _| drip(client, "", "HTTP/1.1 100 Continue\r\n\r\n")),
        is_cut_off(|client, _| drip(client, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "x")),
        is_cut_off(move |client, _| drip(client, chunked, "1\r\nx\r\n")),
    );
    assert_eq!((head, hints), (Stage::Head, Stage::Head));
    for stage in [body, chunks] {
        assert!(matches!(stage, Stage::Body { received: 2..=20 }), "{stage:?}");
    }
}

#[tokio::test]
async fn the_deadline_is_for_all_redirects_together() {
    let stage = is_cut_off(|client, _| {
        sleep(Duration::from_millis(250));
        client.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    })
    .await;
    assert_eq!(stage, Stage::Head);
}
