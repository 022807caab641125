//! [`Place`]: where the commands of the document are run: beside a fleet directory, with its broker running.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use integration_tests::broker::Broker;
use integration_tests::credential::Credential;
use integration_tests::fleet::{Fleet, PASSPHRASE};
use integration_tests::peer::Peer;
use integration_tests::program::{Finished, finish};

use crate::PROGRAMS;
use crate::echo_origin::EchoOrigin;
use crate::table::Row;

/// The policies of a new fleet begin with this.
pub(crate) const FIRST_POLICY: &str = "[[policy]]\nname = \"devices\"";

/// The trust of a new fleet's devices begins with this.
pub(crate) const DEVICE_TRUST: &str = "[[listener.trust]]\nname = \"device-ca\"\n";

/// A fleet, and its broker once it is started.
pub(crate) struct Place {
    /// Declared first, so that it ends before its fleet goes.
    broker: Option<Broker>,
    pub(crate) fleet: Fleet,
}

impl Place {
    /// A new fleet, whose broker is not running yet.
    pub(crate) fn new() -> Self {
        let place = Self { broker: None, fleet: Fleet::new(PROGRAMS) };
        fs::create_dir(place.fleet.beside("bin")).expect("a directory");
        for (name, role) in [("countersign-provision", "provision"), ("countersign-broker", "broker")] {
            let path = place.fleet.beside("bin").join(name);
            let script = format!("#!/bin/sh\nexec '{}' {role} \"$@\"\n", env!("CARGO_BIN_EXE_role"));
            fs::write(&path, script).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        place
    }

    /// A new fleet with the only device `pump-1`, whose files are `c.pem` and `c.key`.
    pub(crate) fn with_device() -> Self {
        let place = Self::new();
        place.shows(&place.fleet.device("pump-1"));
        place
    }

    /// From now on `c.pem` and `c.key` are those of `credential`.
    pub(crate) fn shows(&self, credential: &Credential) {
        fs::copy(&credential.certificate, self.fleet.beside("c.pem")).expect("a copy");
        fs::copy(&credential.key, self.fleet.beside("c.key")).expect("a copy");
    }

    /// The trust of devices has these keys beside those of a new fleet.
    pub(crate) fn trust_devices_with(&self, keys: &str) {
        self.fleet.configure(DEVICE_TRUST, &format!("{DEVICE_TRUST}{keys}\n"));
    }

    /// Puts a policy before those of a new fleet.
    pub(crate) fn precede_policies(&self, policy: &str) {
        self.fleet.configure(FIRST_POLICY, &format!("{policy}\n\n{FIRST_POLICY}"));
    }

    /// The only listener is HTTPS, with these keys, and these tables after its trusts.
    pub(crate) fn serve_https(&self, keys: &str, tables: &str) {
        self.fleet.configure("transport = \"tls\"\n", &format!("transport = \"https\"\n{keys}\n"));
        self.fleet.configure("[identity]", &format!("{tables}\n\n[identity]"));
    }

    /// The same in front of `origin`, which is told of clients in this style; those of `policy` may ask it for anything.
    pub(crate) fn serve_headers(&self, origin: &EchoOrigin, style: &str, policy: &str) {
        let tables = format!(
            "[[listener.path]]\nprefix = \"/\"\npolicies = [\"{policy}\"]\n\n[listener.headers]\nstyle = \"{style}\""
        );
        self.serve_https(&origin.upstream(), &tables);
    }

    /// Starts the broker, with as many listeners as the configuration has. More than one have port 0 in it.
    pub(crate) fn start(mut self) -> Self {
        let listeners = self.configuration().matches("[[listener]]").count();
        self.broker = Some(match listeners {
            1 => Broker::start(&self.fleet),
            _ => Broker::start_with_listeners(&self.fleet, listeners),
        });
        self
    }

    /// The same where all listeners share one address, told apart by names.
    pub(crate) fn start_at_one_address(mut self) -> Self {
        self.broker = Some(Broker::start(&self.fleet));
        self
    }

    /// Starts the broker by the command of the row.
    pub(crate) fn started_by(mut self, row: &Row) -> Self {
        self.broker = Some(Broker::started_by(self.shell(&format!("exec {}", row.command)), Stdio::piped()));
        self
    }

    /// The client whose files are `c.pem` and `c.key`, kept for when others take their place.
    pub(crate) fn client(&self) -> Credential {
        let credential =
            Credential { certificate: self.fleet.beside("c.pem"), key: self.fleet.beside("c.key") };
        credential.keep_in(&self.fleet.beside("kept"))
    }

    /// The fingerprint of `c.pem`, as OpenSSL computes it: lower case, without colons.
    pub(crate) fn fingerprint(&self, hash: &str) -> String {
        let shown =
            self.sh(&format!("openssl x509 -in c.pem -noout -fingerprint -{hash}")).stdout_of_success();
        let (_, fingerprint) = shown.trim().split_once('=').expect("a fingerprint");
        fingerprint.replace(':', "").to_ascii_lowercase()
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().expect("it was started")
    }

    fn configuration(&self) -> String {
        fs::read_to_string(self.fleet.file("broker.toml")).expect("a configuration")
    }

    /// Runs the command of the row, which must be configured as the row says. `None`: its program is missing here.
    pub(crate) fn run(&self, row: &Row) -> Option<Finished> {
        let program = row.command.split(' ').next();
        match program {
            Some("curl") => Peer::curl().map(drop)?,
            Some("openssl") => Peer::openssl().map(drop)?,
            _ => {}
        }
        let ran = self.sh(&row.command);
        let missing = row.not_found_in(&[&self.configuration(), &ran.stdout]);
        assert_eq!(
            missing,
            [""; 0],
            "neither configured nor shown:\n{}\n{}",
            self.configuration(),
            ran.stdout
        );
        Some(ran)
    }

    /// Runs a command line in the directory that has the fleet directory in it.
    pub(crate) fn sh(&self, line: &str) -> Finished {
        let mut child = self.shell(line).spawn().expect("a shell");
        // Open until the end, like a terminal.
        let stdin = child.stdin.take();
        let ran = finish(child);
        drop(stdin);
        ran
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let path = env::var("PATH").unwrap_or_default();
        command
            .args(["-c", &self.with_real_ports(line)])
            .current_dir(self.fleet.beside(""))
            .env("PATH", format!("{}:{path}", self.fleet.beside("bin").display()))
            .env("COUNTERSIGN_PASSPHRASE", PASSPHRASE)
            // Nothing of whoever runs the tests.
            .env("HOME", self.fleet.beside(""))
            .env("NO_PROXY", "*")
            .env_remove("COUNTERSIGN_FLEET")
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The one thing that is not run as it is written: ports that nobody else has.
    fn with_real_ports(&self, line: &str) -> String {
        let Some(broker) = &self.broker else { return line.to_owned() };
        let (first, last) = (broker.addresses().first(), broker.addresses().last());
        let mut line = line.to_owned();
        for (written, address) in [("localhost:8883", first), ("localhost:8443", last)] {
            line = line.replace(written, &format!("localhost:{}", address.expect("a listener").port()));
        }
        line
    }
}
