//! [`HttpOrigin`]: an HTTP server that keeps what it was sent, byte by byte, and answers as the path says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::client::PATIENCE;

/// An origin. Its threads end with their connections.
#[derive(Debug)]
pub struct HttpOrigin {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl HttpOrigin {
    /// An origin on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { address, received }
    }

    /// Where it is, as a configuration has it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What Host says to it.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// All that it was sent, one entry for each connection.
    pub fn received(&self) -> Vec<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The only request since the last one that was taken.
    #[track_caller]
    pub fn take(&self) -> String {
        self.take_if_any().expect("a request")
    }

    /// The same, if there is one.
    #[track_caller]
    pub fn take_if_any(&self) -> Option<String> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(received.len() < 2, "{received:?}");
        received.pop().map(|request| String::from_utf8(request).expect("text"))
    }
}

/// The field lines of a request that has arrived, names in lower case.
pub fn fields(request: &str) -> Vec<(String, String)> {
    let lines = request.split("\r\n").skip(1).take_while(|line| !line.is_empty());
    lines
        .map(|line| line.split_once(": ").unwrap_or_else(|| (line.trim_end_matches(':'), "")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

fn serve(mut stream: TcpStream, received: &Mutex<Vec<Vec<u8>>>) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut request = Vec::new();
    let mut length = 0;
    let mut is_chunked = false;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return;
        }
        request.extend_from_slice(&line);
        let line = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        is_chunked |= line.starts_with("transfer-encoding:");
        if line == "\r\n" {
            break;
        }
    }
    let target = String::from_utf8_lossy(&request).split(' ').nth(1).unwrap_or_default().to_owned();
    if target == "/files/early" {
        // The answer, and no reader for the rest.
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n");
        thread::sleep(Duration::from_millis(200));
        return;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    request.extend_from_slice(&body);
    while is_chunked && !request.ends_with(b"0\r\n\r\n") {
        if reader.read_until(b'\n', &mut request).unwrap_or(0) == 0 {
            break;
        }
    }
    received.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    // Whether the answer is taken is what is tested.
    let _ = answer(&mut stream, &target, &request);
}

fn answer(stream: &mut TcpStream, target: &str, request: &[u8]) -> std::io::Result<()> {
    match target {
        "/files/silent" => thread::sleep(PATIENCE),
        "/files/garbage" => stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n")?,
        "/files/closed" => {}
        "/files/switch" => {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello")?;
        }
        "/files/short" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")?,
        "/files/torn" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")?;
        }
        "/files/stuck" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")?;
            thread::sleep(PATIENCE);
        }
        "/files/both" => stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )?,
        "/files/trailers" => stream.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\nConnection: X-Hop, close\r\n\
              X-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Authenticate: x\r\nX-Kept: 1\r\n\r\n5\r\nhello\r\n0\r\nX-Late: 1\r\n\r\n",
        )?,
        "/files/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 1024])?;
                thread::sleep(Duration::from_millis(5));
            }
        }
        "/files/flood" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(format!("{:x}\r\n{}\r\n", 65_536, "x".repeat(65_536)).as_bytes())?;
            }
        }
        _ => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.len())?;
            stream.write_all(request)?;
        }
    }
    Ok(())
}
