//! [`EchoOrigin`]: an origin that answers each request with its head.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use integration_tests::client::PATIENCE;

/// An origin. Its threads end with their connections.
pub(crate) struct EchoOrigin(SocketAddr);

impl EchoOrigin {
    /// An origin on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A broker that goes away is served no longer.
                thread::spawn(move || serve(stream).ok());
            }
        });
        Self(address)
    }

    /// The key of a listener that names it.
    pub(crate) fn upstream(&self) -> String {
        format!("upstream = \"http://{}\"", self.0)
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?).take(64 * 1024);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len())
}
