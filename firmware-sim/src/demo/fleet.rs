//! The factory: each act is the command `countersign-provision`, run as a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use device_identity::DeviceId;
use rustls::crypto::SecureRandom;

use super::tls::setup;
use super::trouble::Trouble;
use crate::house::Resident;

/// A fleet directory, and the passphrase of its CA keys.
pub(super) struct Fleet {
    dir: PathBuf,
    passphrase: String,
}

impl Fleet {
    /// `init`: three CAs, a broker certificate for loopback, a configuration.
    pub(super) fn found(dir: PathBuf, passphrase: &str, broker_port: u16) -> Result<Self, Trouble> {
        let fleet = Self { dir, passphrase: passphrase.to_owned() };
        let port = broker_port.to_string();
        fleet.provision(&[
            "init",
            "--organization",
            "Example Pumps",
            "--broker-host",
            "localhost,127.0.0.1",
            "--broker-port",
            &port,
        ])?;
        Ok(fleet)
    }

    /// `issue --order`: a CSV as a factory writes it.
    pub(super) fn issue(&self, devices: &[DeviceId]) -> Result<(), Trouble> {
        let mut order = String::from("device_id,product,serial_number,work_order\n");
        for (index, device) in devices.iter().enumerate() {
            order.push_str(&format!("{device},pump,SN-{:05},WO-1\n", index + 1));
        }
        let path = self.dir.with_extension("order.csv");
        fs::write(&path, order).map_err(|source| Trouble::File { path: path.clone(), source })?;
        let path = path.display().to_string();
        self.provision(&["issue", "--order", &path, "--format", "bin,pem"])
    }

    /// `service`: a certificate for a back-end client.
    pub(super) fn service(&self, name: &str) -> Result<(), Trouble> {
        self.provision(&["service", name])
    }

    /// `revoke`: returns when the CRL that says so is published.
    pub(super) fn revoke(&self, device: &DeviceId) -> Result<(), Trouble> {
        self.provision(&["revoke", device.as_str(), "--reason", "keyCompromise"])
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The passphrase of its CA keys.
    pub(super) fn passphrase(&self) -> &str {
        &self.passphrase
    }

    /// The root the broker's certificate hangs from.
    pub(super) fn broker_root(&self) -> PathBuf {
        self.dir.join("broker-ca/root.pem")
    }

    /// What is flashed into a device.
    pub(super) fn image(&self, device: &DeviceId) -> PathBuf {
        self.dir.join(format!("images/{device}.bin"))
    }

    /// A device's certificate and key, as PEM files.
    pub(super) fn device_papers(&self, device: &DeviceId) -> (PathBuf, PathBuf) {
        let images = self.dir.join("images");
        (images.join(format!("{device}.cert.pem")), images.join(format!("{device}.key.pem")))
    }

    /// A service's certificate and key, as PEM files.
    pub(super) fn service_papers(&self, name: &str) -> (PathBuf, PathBuf) {
        let services = self.dir.join("services");
        (services.join(format!("{name}.cert.pem")), services.join(format!("{name}.key.pem")))
    }

    fn provision(&self, arguments: &[&str]) -> Result<(), Trouble> {
        let program = Resident::Provision.program();
        let start = |source| Trouble::Start { program, source };
        let output = Resident::Provision
            .command()
            .map_err(start)?
            .arg("--fleet")
            .arg(&self.dir)
            .args(arguments)
            .env("COUNTERSIGN_PASSPHRASE", &self.passphrase)
            .stdin(Stdio::null())
            .output()
            .map_err(start)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Trouble::Failed {
            program,
            arguments: arguments.join(" "),
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// 128 bits in hex, for CA keys nobody will ever need again.
pub(super) fn passphrase() -> Result<String, Trouble> {
    let mut bytes = [0; 16];
    let provider = rustls::crypto::ring::default_provider();
    SecureRandom::fill(provider.secure_random, &mut bytes).map_err(|_| setup("no randomness"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
