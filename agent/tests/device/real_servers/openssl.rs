//! `openssl s_server`: a TLS server that knows nothing of MQTT, and does what it is told.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::pki::{Certified, Fleet, pem};

/// A server for one test, stopped when dropped.
pub(super) struct OpenSsl {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    port: u16,
    _folder: TempDir,
}

impl OpenSsl {
    /// A server that can prove itself to the devices of the fleet, knows them, and says nothing.
    pub(super) fn start(fleet: &Fleet) -> Self {
        Self::start_with(fleet, &[&fleet.broker_issuing], &[&fleet.device_root], &[])
    }

    /// The same with these CAs after its certificate, these in its CertificateRequest, and further arguments.
    pub(super) fn start_with(
        fleet: &Fleet,
        chain: &[&Certified],
        asked_for: &[&Certified],
        more: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let pem_of = |certified: &[&Certified]| certified.iter().map(|one| one.pem()).collect::<String>();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-Verify", "2", "-verify_return_error"])
            .arg("-cert")
            .arg(write("cert.pem", &fleet.broker.pem()))
            .arg("-key")
            .arg(write("key.pem", &pem("PRIVATE KEY", &fleet.broker.key.serialize_der())))
            .arg("-cert_chain")
            .arg(write("chain.pem", &pem_of(chain)))
            .arg("-CAfile")
            .arg(write("devices.pem", &pem_of(asked_for)))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "s_server says where it listens");
            if let Some(address) = line.trim_end().strip_prefix("ACCEPT ") {
                break address.rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        Self { child, stdin, stdout, port, _folder: folder }
    }

    /// The image of a device that takes this server for its broker.
    pub(super) fn slot(&self, fleet: &Fleet) -> Vec<u8> {
        fleet.slot_with(|image| image.broker_port = self.port).to_vec()
    }

    /// Waits until the device has said `words`: it does so over TLS alone, when each has proved itself to the other.
    pub(super) fn hears(&mut self, words: &str) {
        let mut heard = Vec::new();
        while !heard.ends_with(words.as_bytes()) {
            let some = self.stdout.fill_buf().unwrap();
            assert!(!some.is_empty(), "s_server ended: {}", String::from_utf8_lossy(&heard));
            heard.push(some[0]);
            self.stdout.consume(1);
        }
    }

    /// Has it send bytes, in one record if they are less than 16 KiB. Some first letters are commands to it instead:
    /// `P` sends plain text beside TLS, `K` a KeyUpdate, `q` ends the connection.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).unwrap();
        self.stdin.flush().unwrap();
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
