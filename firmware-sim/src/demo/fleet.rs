//! The factory: each function runs `countersign-provision` as a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use device_identity::DeviceId;
use rustls::crypto::SecureRandom;

use super::error::DemoError;
use super::tls::setup;
use crate::reexec::Program;

/// A fleet directory, and the passphrase of its CA keys.
pub(super) struct Fleet {
    dir: PathBuf,
    passphrase: String,
}

impl Fleet {
    /// `init`: three CAs, a broker certificate for loopback, a configuration.
    pub(super) fn init(dir: PathBuf, passphrase: &str, broker_port: u16) -> Result<Self, DemoError> {
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

    /// `issue --order`: the order is CSV, as a factory writes it.
    pub(super) fn issue(&self, devices: &[DeviceId]) -> Result<(), DemoError> {
        let mut order = String::from("device_id,product,serial_number,work_order\n");
        for (index, device) in devices.iter().enumerate() {
            order.push_str(&format!("{device},pump,SN-{:05},WO-1\n", index + 1));
        }
        let path = self.dir.with_extension("order.csv");
        fs::write(&path, order).map_err(|source| DemoError::File { path: path.clone(), source })?;
        let path = path.display().to_string();
        self.provision(&["issue", "--order", &path, "--format", "bin,pem"])
    }

    /// `service`: issues a certificate for a back-end client.
    pub(super) fn issue_service(&self, name: &str) -> Result<(), DemoError> {
        self.provision(&["service", name])
    }

    /// `revoke`: returns when the CRL that lists the certificate is published.
    pub(super) fn revoke(&self, device: &DeviceId) -> Result<(), DemoError> {
        self.provision(&["revoke", device.as_str(), "--reason", "keyCompromise"])
    }

    /// The fleet directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The passphrase of its CA keys.
    pub(super) fn passphrase(&self) -> &str {
        &self.passphrase
    }

    /// The root certificate of the broker CA.
    pub(super) fn broker_root(&self) -> PathBuf {
        self.dir.join("broker-ca/root.pem")
    }

    /// The credential image of a device.
    pub(super) fn image(&self, device: &DeviceId) -> PathBuf {
        self.dir.join(format!("images/{device}.bin"))
    }

    /// The certificate and the private key of a device, as PEM files.
    pub(super) fn device_credentials(&self, device: &DeviceId) -> (PathBuf, PathBuf) {
        let images = self.dir.join("images");
        (images.join(format!("{device}.cert.pem")), images.join(format!("{device}.key.pem")))
    }

    /// The certificate and the private key of a service, as PEM files.
    pub(super) fn service_credentials(&self, name: &str) -> (PathBuf, PathBuf) {
        let services = self.dir.join("services");
        (services.join(format!("{name}.cert.pem")), services.join(format!("{name}.key.pem")))
    }

    fn provision(&self, arguments: &[&str]) -> Result<(), DemoError> {
        let program = Program::Provision.name();
        let start = |source| DemoError::Start { program, source };
        let output = Program::Provision
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
        Err(DemoError::Failed {
            program,
            arguments: arguments.join(" "),
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// A passphrase of 128 random bits, in hex, for the CA keys of a throw-away fleet.
pub(super) fn passphrase() -> Result<String, DemoError> {
    let mut bytes = [0; 16];
    let provider = rustls::crypto::ring::default_provider();
    SecureRandom::fill(provider.secure_random, &mut bytes).map_err(|_| setup("no randomness"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
