//! Programs that nobody here wrote: mosquitto and its clients, OpenSSL, curl, Python, Paho, valgrind.
//!
//! `tests/run` installs them. Where they are missing a test says so and passes, except under `CI=true`, where a missing
//! part is a failure.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

/// A program found on this machine.
#[derive(Clone, Debug)]
pub struct Peer {
    program: OsString,
    /// Before those of a command.
    arguments: Vec<OsString>,
}

impl Peer {
    /// `mosquitto`, the broker: the one that `COUNTERSIGN_TEST_MOSQUITTO` names, or else the machine's. Debian puts it where
    /// a user's PATH does not look.
    pub fn mosquitto() -> Option<Self> {
        let sbin = Path::new("/usr/sbin/mosquitto");
        let installed = if sbin.exists() { sbin.as_os_str() } else { OsStr::new("mosquitto") };
        match env::var_os("COUNTERSIGN_TEST_MOSQUITTO") {
            // Asked for by name, it is not skipped.
            Some(named) => {
                Some(Self::find(named, &["--help"]).expect("COUNTERSIGN_TEST_MOSQUITTO is a program"))
            }
            None => Self::find(installed, &["--help"]),
        }
    }

    /// `mosquitto_pub`, of the Debian package mosquitto-clients.
    pub fn mosquitto_pub() -> Option<Self> {
        Self::find("mosquitto_pub", &["--help"])
    }

    /// `mosquitto_sub`, of the Debian package mosquitto-clients.
    pub fn mosquitto_sub() -> Option<Self> {
        Self::find("mosquitto_sub", &["--help"])
    }

    /// `openssl`
    pub fn openssl() -> Option<Self> {
        Self::find("openssl", &["version"])
    }

    /// `curl`
    pub fn curl() -> Option<Self> {
        Self::find("curl", &["--version"])
    }

    /// `python3`, for what comes with it.
    pub fn python() -> Option<Self> {
        Self::find("python3", &["--version"])
    }

    /// A Python that has paho-mqtt: the one that `COUNTERSIGN_TEST_PYTHON` names, or else `python3`.
    pub fn python_with_paho() -> Option<Self> {
        let python = env::var_os("COUNTERSIGN_TEST_PYTHON").unwrap_or_else(|| "python3".into());
        Self::find(python, &["-c", "import paho.mqtt.client"])
    }

    /// A Python that has PyJWT: the one that `COUNTERSIGN_TEST_PYTHON` names, or else `python3`.
    pub fn python_with_jwt() -> Option<Self> {
        let python = env::var_os("COUNTERSIGN_TEST_PYTHON").unwrap_or_else(|| "python3".into());
        Self::find(python, &["-c", "import jwt"])
    }

    /// `faketime`, which knows libfaketime.
    pub fn faketime() -> Option<Self> {
        Self::find("faketime", &["--version"])
    }

    /// `argon2`, the reference command.
    pub fn argon2() -> Option<Self> {
        Self::find("argon2", &["--help"])
    }

    /// `valgrind`
    pub fn valgrind() -> Option<Self> {
        Self::find("valgrind", &["--version"])
    }

    /// The same program, run by another, which has these options.
    pub fn run_by<S: AsRef<OsStr>>(self, runner: Self, options: impl IntoIterator<Item = S>) -> Self {
        let options = options.into_iter().map(|option| option.as_ref().to_owned());
        let arguments =
            runner.arguments.into_iter().chain(options).chain([self.program]).chain(self.arguments);
        Self { program: runner.program, arguments: arguments.collect() }
    }

    fn find(program: impl Into<OsString>, probe: &[&str]) -> Option<Self> {
        let program = program.into();
        let probed = Command::new(&program)
            .args(probe)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // mosquitto_pub --help ends with 1; mosquitto and argon2 know no --help but print it.
        let is_there = match probed {
            Ok(status) => status.success() || probe == ["--help"],
            Err(_) => false,
        };
        if is_there {
            return Some(Self { program, arguments: Vec::new() });
        }
        let name = Path::new(&program).display();
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{name} is missing: tests/run installs it");
        println!("skipped: {name} is missing, tests/run installs it");
        None
    }

    /// A command of it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}
