//! Servers that are what they say they are, written by others.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_agent::credential::Credential;
use countersign_agent::tls::{Buffers, TlsError, connect};
use countersign_agent::x509::Time;
use embedded_io_async::{Read as _, Write as _};
use tokio::time::timeout;

use crate::pki::{Certified, Fleet, NOW, pem};
use crate::random::Random;
use crate::transport::Tcp;

/// `openssl s_server`, which answers every line with its reverse; stopped when dropped.
struct OpenSsl {
    child: Child,
    port: u16,
}

impl OpenSsl {
    fn start(folder: &Path, fleet: &Fleet, broker: &Certified, more: &[&str]) -> Self {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut child = Command::new("openssl")
            .args(["s_server", "-rev", "-tls1_3", "-accept", "127.0.0.1:0", "-Verify", "2", "-verify_return_error"])
            .arg("-cert")
            .arg(write("cert.pem", &broker.pem()))
            .arg("-key")
            .arg(write("key.pem", &pem("PRIVATE KEY", &broker.key.serialize_der())))
            .arg("-cert_chain")
            .arg(write("chain.pem", &fleet.broker_issuing.pem()))
            .arg("-CAfile")
            .arg(write("devices.pem", &fleet.device_root.pem()))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("s_server says where it listens").unwrap();
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line there and back.
async fn converse(slot: &[u8], port: u16) -> Result<String, TlsError> {
    let mut credential = Credential::read(slot).unwrap();
    let mut buffers = Buffers::new();
    let transport = Tcp::connect(port).await;
    let mut stream =
        connect(transport, &mut credential, Time::Clock(NOW), &mut Random::new(), &mut buffers).await?;
    let mut line = Vec::new();
    stream.write_all(b"hello\n").await?;
    stream.flush().await?;
    while line.last() != Some(&b'\n') {
        let mut some = [0; 16];
        match stream.read(&mut some).await? {
            0 => break,
            length => line.extend_from_slice(&some[..length]),
        }
    }
    stream.close().await?;
    Ok(String::from_utf8(line).unwrap())
}

#[tokio::test]
async fn openssl_and_the_device_prove_themselves_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::new();
    let server = OpenSsl::start(folder.path(), &fleet, &fleet.broker, &[]);
    let answer = timeout(Duration::from_secs(20), converse(&fleet.slot(), server.port)).await.unwrap();
    assert_eq!(answer, Ok("olleh\n".to_string()));
}
