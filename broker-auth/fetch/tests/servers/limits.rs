//! Servers that send more than anybody wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use fetch::{FetchFault, Stage};

use crate::fetching::{BOUNDS, file, get, told};
use crate::server::Server;

#[tokio::test]
async fn a_file_longer_than_allowed_is_refused_as_soon_as_that_is_known() {
    let exact = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(file(exact).await.len(), 100_000);
    // The length alone is enough: nothing more is waited for.
    let begin = Instant::now();
    for length in ["100001", "1073741824", "18446744073709551613"] {
        let server = Server::start(move |client, _| {
            client.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes());
            client.hang();
        });
        let error = get(&server.url("/file"), BOUNDS).await.unwrap_err();
        assert!(matches!(error.fault, FetchFault::TooLong { max_bytes: 100_000 }), "{error}");
    }
    assert!(begin.elapsed() < BOUNDS.timeout / 2);
}

/// A gigabyte whose length nobody announced.
#[tokio::test]
async fn a_gigabyte_is_not_read() {
    for head in ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let chunk = format!("{:x}\r\n{}\r\n", 65_536, "x".repeat(65_536));
        let server = Server::start(move |client, _| {
            client.write(head.as_bytes());
            while counted.load(Ordering::SeqCst) < 1 << 30 && client.write(chunk.as_bytes()) {
                counted.fetch_add(chunk.len(), Ordering::SeqCst);
            }
        });
        let error = get(&server.url("/file"), BOUNDS).await.unwrap_err();
        assert!(matches!(error.fault, FetchFault::TooLong { max_bytes: 100_000 }), "{error}");
        // The connection ends at the next step of the runtime.
        tokio::task::yield_now().await;
        drop(server);
        // What the system holds on its way is lost with the connection.
        assert!(sent.load(Ordering::SeqCst) < 16 << 20, "{sent:?} bytes were taken");
    }
}

fn is_head_too_long(fault: &FetchFault) -> bool {
    match fault {
        FetchFault::Connection { stage: Stage::Head, detail } => detail.contains("too large"),
        _ => false,
    }
}

#[tokio::test]
async fn a_header_longer_than_allowed_is_refused() {
    let fields = |count: usize, length: usize| {
        let value = "x".repeat(length);
        (0..count).map(|n| format!("X-{n}: {value}\r\n")).collect::<String>()
    };
    let with = |fields: String| format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\nok");
    assert_eq!(&file(with(fields(1, 16_000))).await[..], b"ok");
    for fields in [fields(1, 16_500), fields(40, 1000), fields(101, 1)] {
        let fault = told(with(fields)).await.unwrap_err();
        assert!(is_head_too_long(&fault), "{fault:?}");
    }
    let server = Server::start(|client, _| {
        client.write(b"HTTP/1.1 200 OK\r\n");
        while client.write(b"X-Flood: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n") {}
    });
    let error = get(&server.url("/file"), BOUNDS).await.unwrap_err();
    assert!(is_head_too_long(&error.fault), "{error}");
    let fault = told("HTTP/1.1 200 ".to_owned() + &"O".repeat(20_000)).await.unwrap_err();
    assert!(is_head_too_long(&fault), "{fault:?}");
}
