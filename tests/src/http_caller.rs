//! A client that sends any bytes over TLS, and reads whole answers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustls::{AlertDescription, ClientConnection, StreamOwned};
use serde_json::Value;

use crate::client::{PATIENCE, Tls, alert_in};
use crate::credential::Credential;
use crate::fleet::Fleet;

/// A connection over which any bytes are sent.
pub struct Caller {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
    alert: Option<AlertDescription>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    /// What follows the head.
    pub body: Vec<u8>,
    /// Whether the body is as long as the head says.
    pub is_whole: bool,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of the first field of this name, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Caller {
    /// Connects and finishes the handshake as far as the client can tell.
    pub fn dial(address: SocketAddr, fleet: &Fleet, credential: Option<&Credential>) -> Self {
        Self::dial_as(address, fleet, credential, "localhost", &[])
    }

    /// The same to a server of this name, with these application protocols.
    pub fn dial_as(
        address: SocketAddr,
        fleet: &Fleet,
        credential: Option<&Credential>,
        name: &'static str,
        protocols: &[&str],
    ) -> Self {
        let socket = TcpStream::connect_timeout(&address, PATIENCE).expect("the broker accepts connections");
        Self::over(socket, fleet, credential, name, protocols)
    }

    /// The same over a connection that is there.
    pub fn over(
        socket: TcpStream,
        fleet: &Fleet,
        credential: Option<&Credential>,
        name: &'static str,
        protocols: &[&str],
    ) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        socket.set_write_timeout(Some(PATIENCE)).expect("a socket option");
        let tls = Tls::new(fleet, credential).with_protocols(protocols).connection(name);
        Self { stream: StreamOwned::new(tls, socket), received: Vec::new(), alert: None }
    }

    /// Sends bytes; a broker that has ended the connection is noticed when it is listened to.
    pub fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes).and_then(|()| self.stream.flush()) {
            self.ended_by(&error);
        }
    }

    /// The TLS alert, other than close_notify, that has ended the connection.
    pub fn alert(&self) -> Option<AlertDescription> {
        self.alert
    }

    fn ended_by(&mut self, error: &io::Error) {
        self.alert = self.alert.or_else(|| alert_in(error));
    }

    /// The application protocol that was agreed on.
    pub fn protocol(&self) -> Option<String> {
        self.stream.conn.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned())
    }

    /// Reads more. `false`: there is no more.
    pub fn read_more(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(count) => {
                self.received.extend_from_slice(&chunk[..count]);
                count > 0
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing came in time, after {:?}", String::from_utf8_lossy(&self.received))
            }
            Err(error) => {
                self.ended_by(&error);
                false
            }
        }
    }

    /// How much has come that was not taken yet.
    pub fn pending(&self) -> usize {
        self.received.len()
    }

    /// The next answer. `None`: the connection has ended before one.
    #[track_caller]
    pub fn answer(&mut self, has_body: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|octets| octets == b"\r\n\r\n") {
                break end;
            }
            if !self.read_more() {
                assert!(self.received.is_empty(), "{:?}", String::from_utf8_lossy(&self.received));
                return None;
            }
        };
        let head = String::from_utf8(self.received.drain(..end + 4).take(end).collect()).expect("text");
        let mut lines = head.split("\r\n");
        let line = lines.next().expect("a status line");
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
        let fields: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, fields, body: Vec::new(), is_whole: true };
        if !has_body || status == 100 {
            return Some(answer);
        }
        if answer.field("transfer-encoding").is_some() {
            loop {
                match chunk(&mut self.received) {
                    Some(chunk) if chunk.is_empty() => break,
                    Some(chunk) => answer.body.extend(chunk),
                    None if self.read_more() => {}
                    None => {
                        answer.is_whole = false;
                        break;
                    }
                }
            }
            return Some(answer);
        }
        let length: usize =
            answer.field("content-length").map_or(0, |value| value.parse().expect("a number"));
        while self.received.len() < length && answer.is_whole {
            answer.is_whole = self.read_more();
        }
        let length = length.min(self.received.len());
        answer.body = self.received.drain(..length).collect();
        Some(answer)
    }

    /// Sends a request, and reads its answer.
    #[track_caller]
    pub fn ask(&mut self, request: &str) -> Option<Answer> {
        self.send(request.as_bytes());
        self.answer(!request.starts_with("HEAD "))
    }

    /// The same for a GET, with more field lines.
    #[track_caller]
    pub fn get(&mut self, target: &str, lines: &str) -> Option<Answer> {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"))
    }

    /// Whether nothing more comes, and the connection ends.
    pub fn has_ended(&mut self) -> bool {
        !self.read_more() && self.received.is_empty()
    }
}

/// The next chunk, if all of it is there; an empty one is the last.
fn chunk(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = received.windows(2).position(|octets| octets == b"\r\n")?;
    let size = std::str::from_utf8(&received[..end]).expect("a size");
    let size = usize::from_str_radix(size, 16).expect("a size");
    if received.len() < end + size + 4 {
        return None;
    }
    let chunk = received[end + 2..end + 2 + size].to_vec();
    assert_eq!(&received[end + 2 + size..end + size + 4], b"\r\n", "no trailers, and whole chunks");
    received.drain(..end + size + 4);
    Some(chunk)
}
