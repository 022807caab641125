//! A wire with somebody listening: TLS records as they pass, none of them opened.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A record from the broker: its type and its length, header included, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The content type on the outside: 22 is a handshake message in the clear, 23 everything that is encrypted.
    pub content_type: u8,
    /// The whole record.
    pub length: usize,
}

/// A listening address whose connections lead to a broker.
pub struct Wiretap {
    address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Wiretap {
    /// Leads to `broker`. It ends with the process.
    #[track_caller]
    pub fn to(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let records = Arc::default();
        let heard = Arc::clone(&records);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(broker) else { continue };
                let both = |stream: &TcpStream| stream.try_clone().expect("a socket can be shared");
                let (up_from, mut up_to) = (both(&client), both(&server));
                thread::spawn(move || pass(up_from, &mut up_to));
                let heard = Arc::clone(&heard);
                thread::spawn(move || listen(server, client, &heard));
            }
        });
        Self { address, records }
    }

    /// Where to connect instead.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the broker has sent so far.
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pass(mut from: TcpStream, to: &mut TcpStream) {
    // An end is an end, however it comes about.
    let _ = std::io::copy(&mut from, to);
    let _ = to.shutdown(Shutdown::Write);
}

fn listen(mut server: TcpStream, mut client: TcpStream, heard: &Mutex<Vec<Record>>) {
    let mut record = [0; 5 + 0xFFFF];
    while server.read_exact(&mut record[..5]).is_ok() {
        let length = 5 + usize::from(u16::from_be_bytes([record[3], record[4]]));
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(Record { content_type: record[0], length });
        let passed =
            server.read_exact(&mut record[5..length]).and_then(|()| client.write_all(&record[..length]));
        if passed.is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Write);
}
