use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

use super::*;

/// Two requests and a body in between, and what is handed on of them.
const SENT: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 5\r\n\r\nGET /GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
const HANDED_ON: &[u8] =
    b"POST / HTTP/1.1\r\nhost: judged\r\ncontent-length: 5\r\n\r\nGET /GET / HTTP/1.1\r\nhost: judged\r\n\r\n";

async fn handed_on(parts: &[&[u8]], room: usize) -> (Vec<u8>, Vec<Result<String, HeadFault>>) {
    let (mut client, server) = duplex(64 * 1024);
    let flow = Flow::new(Instant::now());
    let mut reader = HeadReader::new(server, ExpectedHost::NoneOf(Vec::new()), Arc::clone(&flow));
    let mut read = Vec::new();
    let mut buffer = vec![0; room];
    for part in parts {
        client.write_all(part).await.unwrap();
        // What is there is read before more comes.
        while let Some(count) = poll_once(&mut reader, &mut buffer).await {
            read.extend_from_slice(&buffer[..count]);
        }
    }
    drop(client);
    if !matches!(reader.stage, Stage::Over) {
        reader.read_to_end(&mut read).await.unwrap();
    }
    let mut heads = Vec::new();
    while let Some((head, _)) = flow.begin() {
        heads.push(head.map(|head| head.path.to_string()));
    }
    (read, heads)
}

async fn poll_once<S: AsyncRead + Unpin>(reader: &mut HeadReader<S>, buffer: &mut [u8]) -> Option<usize> {
    std::future::poll_fn(|context| {
        let mut buffer = ReadBuf::new(buffer);
        Poll::Ready(match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
            Poll::Ready(outcome) => {
                outcome.unwrap();
                Some(buffer.filled().len())
            }
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn it_does_not_matter_where_a_request_is_cut() {
    for end in 0..=SENT.len() {
        let (first, second) = SENT.split_at(end);
        for room in [1, 7, 4096] {
            let (read, heads) = handed_on(&[first, second], room).await;
            assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(HANDED_ON), "{end} {room}");
            assert_eq!(heads, [Ok("/a".to_owned()), Ok("/b".to_owned())], "{end} {room}");
        }
    }
}

#[tokio::test]
async fn a_head_that_is_refused_is_answered_and_nothing_behind_it_is_read() {
    for bad in ["GET /\n", "GET / HTTP/1.1\nHost: a\n\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let (read, heads) = handed_on(&[SENT, bad.as_bytes(), SENT], 4096).await;
        let wanted = [HANDED_ON, REFUSED_FRAMING].concat();
        assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(&wanted), "{bad:?}");
        assert_eq!(heads.len(), 3, "{bad:?}");
        assert!(heads[2].is_err(), "{bad:?}");
    }
    // One that never ends is refused when it is too long, and takes no more memory than that.
    let endless = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'b'; MAX_HEAD_LEN]].concat();
    let (_, heads) = handed_on(&[&endless], 4096).await;
    assert_eq!(heads, [Err(TOO_LARGE)]);
}

#[tokio::test]
async fn after_a_body_in_chunks_no_head_is_read() {
    let sent = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    let (read, heads) = handed_on(&[sent], 4096).await;
    assert_eq!(heads, [Ok("/a".to_owned())]);
    assert!(read.ends_with(b"connection: close\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"));
}
