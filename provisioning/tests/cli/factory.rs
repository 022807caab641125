//! [`Factory`]: the built `countersign-provision` with a fleet in a temporary directory, and OpenSSL to check the
//! results.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// A fleet in a temporary directory, removed with it.
pub(crate) struct Factory {
    directory: TempDir,
}

/// The exit code and the output of a command that ended.
pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Factory {
    /// A directory without a fleet.
    pub(crate) fn empty() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    /// A fleet of the organization Acme.
    pub(crate) fn new() -> Self {
        let factory = Self::empty();
        factory.run("init --organization Acme --broker-host broker.example,127.0.0.1").succeeded();
        factory
    }

    /// A fleet whose issuing keys OpenSSL has encrypted again with a fast key derivation, for tests of many commands.
    pub(crate) fn quick() -> Self {
        let factory = Self::new();
        // OpenSSL takes the second line for the new passphrase.
        factory.write("pass", format!("{PASSPHRASE}\n{PASSPHRASE}\n"));
        for authority in ["device-ca", "service-ca", "broker-ca"] {
            let key = format!("fleet/{authority}/issuing.key");
            factory
                .openssl(&format!(
                    "pkcs8 -topk8 -in {key} -out quick.key -iter 1000 -v2 aes-256-cbc -v2prf hmacWithSHA256 \
                     -passin file:pass -passout file:pass"
                ))
                .succeeded();
            fs::rename(factory.path("quick.key"), factory.path(&key)).unwrap();
        }
        factory
    }

    /// The same fleet again, as it is now.
    pub(crate) fn twin(&self) -> Self {
        let twin = Self::empty();
        copy(&self.path("fleet"), &twin.path("fleet"));
        twin
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A command in the directory, with the passphrase. `arguments` are split at spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-provision"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .env_remove("COUNTERSIGN_FLEET")
            .env_remove("COUNTERSIGN_ROOT_PASSPHRASE")
            .env("COUNTERSIGN_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> CommandOutput {
        CommandOutput::of(self.command(arguments).output().unwrap())
    }

    /// Runs `arguments` in a mount namespace of their own, after the shell command `mount`. Needs root.
    pub(crate) fn mounted(&self, mount: &str, arguments: &str) -> CommandOutput {
        let program = self.command(arguments);
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-ec", &format!("{mount}; exec \"$0\" \"$@\"")]);
        shell.arg(program.get_program()).args(program.get_args()).current_dir(self.directory.path());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        CommandOutput::of(shell.stdin(Stdio::null()).output().expect("unshare is installed (util-linux)"))
    }

    /// A command whose clock is off by `offset` (as `faketime -f` takes it: `+8d`, `-1h`).
    pub(crate) fn run_at(&self, offset: &str, arguments: &str) -> CommandOutput {
        CommandOutput::of(self.command_at(offset, arguments).output().expect("faketime is installed"))
    }

    /// As [`Factory::command`], with the clock off by `offset`.
    pub(crate) fn command_at(&self, offset: &str, arguments: &str) -> Command {
        let program = self.command(arguments);
        let mut command = Command::new("faketime");
        command.args(["-f", offset]).arg(program.get_program()).args(program.get_args());
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// The entries of a published CRL: serial number and reason, sorted.
    pub(crate) fn listed(&self, authority: &str) -> Vec<(String, String)> {
        let lists = self.json(&format!("inspect fleet/crl/{authority}.crl"));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let entries = lists["crls"][0]["revoked"].as_array().unwrap().iter();
        let mut entries: Vec<_> =
            entries.map(|entry| (text(&entry["serial"]), text(&entry["revocation_reason"]))).collect();
        entries.sort();
        entries
    }

    /// The serial number of the newest certificate of a name.
    pub(crate) fn serial(&self, name: &str) -> String {
        self.json(&format!("show {name}"))["certificates"][0]["serial"].as_str().unwrap().to_owned()
    }

    /// The statuses of all certificates of a name, newest first.
    pub(crate) fn statuses(&self, name: &str) -> Vec<String> {
        let shown = self.json(&format!("show {name}"));
        let certificates = shown["certificates"].as_array().unwrap();
        certificates.iter().map(|certificate| certificate["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The JSON document a command prints.
    pub(crate) fn json(&self, arguments: &str) -> serde_json::Value {
        let output = self.run(&format!("{arguments} --json")).succeeded();
        serde_json::from_str(&output.stdout).unwrap()
    }

    pub(crate) fn openssl(&self, arguments: &str) -> CommandOutput {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(self.directory.path()).stdin(Stdio::null());
        CommandOutput::of(command.output().expect("openssl is installed"))
    }

    /// `OK`, or the reason for which OpenSSL refuses a device's certificate, given the published CRL.
    pub(crate) fn openssl_verdict(&self, certificate: &str) -> String {
        let chain = [self.path("fleet/device-ca/root.pem"), self.path("fleet/device-ca/issuing.pem")];
        let chain: String = chain.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        self.write("chain.pem", chain);
        let output = self.openssl(&format!(
            "verify -purpose sslclient -x509_strict -crl_check -CRLfile fleet/crl/device-ca.crl -CAfile chain.pem {certificate}"
        ));
        if output.code == 0 {
            return "OK".to_owned();
        }
        let reason = output.stderr.lines().find_map(|line| line.split_once("lookup: "));
        reason.map_or_else(|| output.stderr.clone(), |(_, reason)| reason.to_owned())
    }

    /// A key and a signing request for it, made by OpenSSL. `options` go to `openssl req`.
    pub(crate) fn request(&self, name: &str, common_name: &str, options: &str) -> PathBuf {
        self.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key")).succeeded();
        self.openssl(&format!("req -new -key {name}.key -subj /CN={common_name} -out {name}.csr {options}"))
            .succeeded();
        self.path(&format!("{name}.csr"))
    }

    /// The names of a directory's entries, sorted.
    pub(crate) fn files(&self, directory: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(directory))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }
}

impl CommandOutput {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        self.exited(0)
    }

    #[track_caller]
    pub(crate) fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "expected {words:?} in:\n{}", self.stderr);
        self
    }
}

/// All files below a directory, as paths relative to it, sorted.
pub(crate) fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Copies a directory and all below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(source, target).unwrap();
        }
    }
}
