//! mosquitto 2: TLS 1.3 with client certificates for devices, a socket in its directory for back-end clients.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::EVENT_TIMEOUT;
use crate::pki::{Certified, Fleet, pem};

/// A broker that keeps its sessions on disk. It ends with the value.
pub(super) struct Mosquitto {
    port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    /// Takes the devices of one CA, and shows the fleet's broker certificate.
    pub(super) fn start(fleet: &Fleet, devices: &Certified) -> Self {
        let dir = TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("devices.pem", &devices.pem());
        write("cert.pem", &(fleet.broker.pem() + &fleet.broker_issuing.pem()));
        write("key.pem", &pem("PRIVATE KEY", &fleet.broker.key.serialize_der()));
        let path = dir.path().display();
        // mosquitto cannot be asked to pick a port.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let config = format!(
            "allow_anonymous true\nuser root\nlog_dest none\npersistence true\npersistence_location {path}/\n\
             listener 0 {path}/socket\n\
             listener {port} 127.0.0.1\ntls_version tlsv1.3\nrequire_certificate true\n\
             use_identity_as_username true\ncafile {path}/devices.pem\ncertfile {path}/cert.pem\n\
             keyfile {path}/key.pem\n",
        );
        write("mosquitto.conf", &config);
        let mut mosquitto = Self { port, dir, child: None };
        mosquitto.resume();
        mosquitto
    }

    /// Where devices connect.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Stops it, tells it of the certificates that are revoked, and starts it again.
    pub(super) fn revoke(&mut self, list: &str) {
        self.stop();
        let file = self.dir.path().join("devices.crl");
        std::fs::write(&file, list).unwrap();
        let config = self.dir.path().join("mosquitto.conf");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("{text}crlfile {}\n", file.display())).unwrap();
        self.resume();
    }

    /// Starts it again, on the same port, with the sessions it has kept.
    pub(super) fn resume(&mut self) {
        let child = Command::new(program("mosquitto"))
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + EVENT_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "mosquitto does not listen on {}", self.port);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it; it writes down what it has to remember.
    pub(super) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let stopped = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status();
        assert!(stopped.unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// What a back-end client subscribed to `filter` receives, as `TOPIC RETAINED PAYLOAD`. Returns once it is
    /// subscribed.
    pub(super) fn subscribe(&self, filter: &str) -> Subscriber {
        let mut child = self
            // On a pipe mosquitto_sub keeps what it has to say until there is a block of it.
            .client("stdbuf", &["-oL", "mosquitto_sub"])
            .args(["-V", "5", "-q", "1", "-d", "-F", "%t %r %p", "-t", filter])
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

    /// Sends a command to `dev-1`; mosquitto has it when this returns.
    pub(super) fn command(&self, id: &str, payload: &str) {
        let topic = format!("devices/dev-1/commands/{id}");
        let mut publish = self.client("mosquitto_pub", &[]);
        assert!(
            publish.args(["-V", "5", "-q", "1", "-t", &topic, "-m", payload]).status().unwrap().success()
        );
    }

    fn client(&self, name: &str, first: &[&str]) -> Command {
        let mut command = Command::new(program(name));
        command.args(first).arg("--unix").arg(self.dir.path().join("socket")).stdin(Stdio::null());
        command
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A back-end client that listens.
pub(super) struct Subscriber {
    child: Child,
    lines: Receiver<String>,
}

impl Subscriber {
    /// Waits for a message as it comes to those who are there already.
    pub(super) fn receives(&self, topic: &str, payload: &str) {
        self.line(|line| line == format!("{topic} 0 {payload}"));
    }

    /// Waits for a message that has been kept for those who come later.
    pub(super) fn finds(&self, topic: &str, payload: &str) {
        self.line(|line| line == format!("{topic} 1 {payload}"));
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

/// Debian puts mosquitto where a user's PATH does not look.
fn program(name: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(name);
    if sbin.exists() { sbin } else { name.into() }
}
