//! mosquitto, a third-party broker, with certificates of the test's fleet.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::agent::EVENT_TIMEOUT;
use crate::pki::{Fleet, Leaf};

/// mosquitto with mutual TLS on loopback, for devices and services of one fleet.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    pub(crate) fn start(fleet: &Fleet, certificate: &Leaf) -> Self {
        let dir = TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("clients.pem", &format!("{}{}", fleet.devices.pem, fleet.services.pem));
        write("brokers.pem", &fleet.brokers.pem);
        write("cert.pem", &certificate.pem);
        write("key.pem", &certificate.key_pem);
        let service = fleet.service("backend");
        write("service.pem", &service.pem);
        write("service.key", &service.key_pem);
        let mut mosquitto = Self { port: free_port(), dir, child: None };
        mosquitto.resume();
        mosquitto
    }

    /// Starts it again, on the same port.
    pub(crate) fn resume(&mut self) {
        let port = self.port;
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let config = format!(
            "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             use_identity_as_username true\nallow_anonymous true\npersistence false\nlog_dest none\nuser root\n",
            path("clients.pem"),
            path("cert.pem"),
            path("key.pem"),
        );
        std::fs::write(self.dir.path().join("mosquitto.conf"), config).unwrap();
        let child = Command::new(program("mosquitto"))
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + EVENT_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "mosquitto does not listen on {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What a back-end client subscribed to `filter` receives, as `TOPIC PAYLOAD`. Returns once it is subscribed.
    pub(crate) fn subscribe(&self, filter: &str) -> Subscriber {
        let mut child = self
            // On a pipe mosquitto_sub keeps what it has to say until there is a block of it.
            .client("stdbuf", &["-oL", "mosquitto_sub"])
            .args(["-V", "5", "-q", "1", "-v", "-d", "-t", filter])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let subscriber = Subscriber { child, lines };
        subscriber.line(|line| line.starts_with("Subscribed"));
        subscriber
    }

    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        let status = self
            .client("mosquitto_pub", &[])
            .args(["-V", "5", "-q", "1", "-t", topic, "-m", payload])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn client(&self, name: &str, first: &[&str]) -> Command {
        let path = |name: &str| self.dir.path().join(name);
        let mut command = Command::new(program(name));
        command
            .args(first)
            .args(["-h", "localhost", "-p", &self.port.to_string(), "--cafile"])
            .arg(path("brokers.pem"))
            .arg("--cert")
            .arg(path("service.pem"))
            .arg("--key")
            .arg(path("service.key"))
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) struct Subscriber {
    child: Child,
    lines: Receiver<String>,
}

impl Subscriber {
    /// Waits for the message `TOPIC PAYLOAD`.
    pub(crate) fn receives(&self, message: &str) {
        self.line(|line| line == message);
    }

    fn line(&self, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + EVENT_TIMEOUT;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return,
                Ok(line) => seen.push(line),
                Err(end) => panic!("mosquitto_sub did not say it ({end}): {seen:#?}"),
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago: mosquitto cannot be asked to pick one.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Debian puts mosquitto where a user's PATH does not look.
fn program(name: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(name);
    if sbin.exists() { sbin } else { name.into() }
}
