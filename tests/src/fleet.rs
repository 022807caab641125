//! A fleet directory, made by the provisioning command and gone with the test.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::credential::Credential;
use crate::program::{Finished, Programs, run};

/// What protects the CA keys of the fleets in these tests.
pub const PASSPHRASE: &str = "of test fleets";

/// A fleet of its own for one test.
pub struct Fleet {
    programs: Programs,
    workshop: TempDir,
    directory: PathBuf,
}

impl Fleet {
    /// A new fleet: CAs, empty CRLs, a broker certificate for the loopback address, no devices.
    #[track_caller]
    pub fn new(programs: Programs) -> Self {
        Self::for_broker_port(programs, 8883)
    }

    /// The same for a broker on a certain port, which the images of its devices name.
    #[track_caller]
    pub fn for_broker_port(programs: Programs, port: u16) -> Self {
        let workshop = TempDir::new().expect("a temporary directory can be made");
        let directory = workshop.path().join("fleet");
        let fleet = Self { programs, workshop, directory };
        fleet
            .provision(&[
                "init",
                "--organization",
                "Acme",
                "--broker-host",
                "localhost,127.0.0.1",
                "--broker-port",
                &port.to_string(),
            ])
            .stdout_of_success();
        fleet
    }

    /// The programs that serve it.
    pub fn programs(&self) -> Programs {
        self.programs
    }

    /// The fleet directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file in the fleet directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A place beside the fleet directory, for what is not the fleet's.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.workshop.path().join(name)
    }

    /// Runs `countersign-provision --fleet … ARGS`.
    #[track_caller]
    pub fn provision(&self, args: &[&str]) -> Finished {
        let mut command = self.programs.provision();
        command.arg("--fleet").arg(&self.directory).args(args).env("COUNTERSIGN_PASSPHRASE", PASSPHRASE);
        run(&mut command)
    }

    /// Issues one device; its image and its PEM files.
    #[track_caller]
    pub fn device(&self, id: &str) -> Credential {
        self.devices(&[id]).remove(0)
    }

    /// Issues devices.
    #[track_caller]
    pub fn devices(&self, ids: &[&str]) -> Vec<Credential> {
        self.provision(&[&["issue", "--format", "bin,pem"], ids].concat()).stdout_of_success();
        ids.iter().map(|id| self.credential("images", id)).collect()
    }

    /// Gives a registered device another key and certificate.
    #[track_caller]
    pub fn replace_device(&self, id: &str, reason: &str) -> Credential {
        let command = ["issue", id, "--replace", "--reason", reason, "--format", "bin,pem"];
        self.provision(&command).stdout_of_success();
        self.credential("images", id)
    }

    /// Issues a certificate for a back-end client.
    #[track_caller]
    pub fn service(&self, name: &str) -> Credential {
        self.provision(&["service", name]).stdout_of_success();
        self.credential("services", name)
    }

    fn credential(&self, directory: &str, name: &str) -> Credential {
        let file = |ending: &str| self.file(directory).join(format!("{name}.{ending}"));
        Credential { certificate: file("cert.pem"), key: file("key.pem") }
    }

    /// Revokes every certificate of a device.
    #[track_caller]
    pub fn revoke(&self, id: &str) {
        self.provision(&["revoke", id]).stdout_of_success();
    }

    /// Puts a device on hold.
    #[track_caller]
    pub fn suspend(&self, id: &str) {
        self.provision(&["suspend", id]).stdout_of_success();
    }

    /// Lets a suspended device in again.
    #[track_caller]
    pub fn resume(&self, id: &str) {
        self.provision(&["resume", id]).stdout_of_success();
    }

    /// Changes `broker.toml`. What is to be replaced must be there.
    #[track_caller]
    pub fn configure(&self, replace: &str, with: &str) {
        let file = self.file("broker.toml");
        let text = fs::read_to_string(&file).expect("broker.toml can be read");
        assert!(text.contains(replace), "broker.toml has no {replace:?}:\n{text}");
        fs::write(&file, text.replace(replace, with)).expect("broker.toml can be written");
    }

    /// Sets `[listener.limits]` of the only listener.
    #[track_caller]
    pub fn limit(&self, limits: &str) {
        self.configure("[identity]", &format!("[listener.limits]\n{limits}\n\n[identity]"));
    }

    /// Sets `[limits]`, which are those of all listeners.
    #[track_caller]
    pub fn limit_all(&self, limits: &str) {
        self.configure("[identity]", &format!("[limits]\n{limits}\n\n[identity]"));
    }

    /// Puts `content` in the place of a file in one step, as the provisioning command does.
    pub fn replace(&self, name: &str, content: &[u8]) {
        let (staged, file) = (self.beside("staged"), self.file(name));
        fs::write(&staged, content).expect("a file can be written");
        fs::rename(staged, file).expect("a file can be renamed");
    }
}
