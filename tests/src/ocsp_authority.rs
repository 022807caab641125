//! [`Authority`]: one of a fleet's CAs, which says by OpenSSL what has become of its certificates.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::fleet::{Fleet, PASSPHRASE};
use crate::program::run;

/// What has become of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is as good as ever.
    Good,
    /// It is revoked for good.
    Revoked,
    /// It is revoked, and may come back.
    OnHold,
    /// The CA has never heard of it.
    Unknown,
}

/// A CA with its key in the clear.
pub struct Authority {
    folder: TempDir,
    answers: AtomicUsize,
}

impl Authority {
    /// The issuing CA of the fleet's `device-ca` or `service-ca`.
    pub fn of(fleet: &Fleet, name: &str) -> Self {
        let this = Self { folder: TempDir::new().expect("a folder"), answers: AtomicUsize::new(0) };
        fs::copy(fleet.file(name).join("issuing.pem"), this.file("ca.pem")).expect("a CA certificate");
        let key = run(Command::new("openssl")
            .args(["pkcs8", "-passin", &format!("pass:{PASSPHRASE}"), "-in"])
            .arg(fleet.file(name).join("issuing.key")));
        fs::write(this.file("ca.key"), key.stdout_of_success()).expect("a file can be written");
        this
    }

    /// The certificate of the CA, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// A place for a file of its own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A number that nobody else has, for the names of files.
    pub fn number(&self) -> usize {
        self.answers.fetch_add(1, Ordering::Relaxed)
    }

    /// The answer for an hour to `request`, signed by this CA, about certificates of `issuer`, of which it knows that with
    /// this serial number, in hex.
    pub fn answer(&self, issuer: &Self, request: &[u8], serial: &str, status: Status) -> Vec<u8> {
        let number = self.number();
        let [index, question, answer] =
            ["index", "request", "response"].map(|kind| self.file(&format!("{kind}-{number}")));
        let (state, since, known) = match status {
            Status::Good => ("V", "", serial),
            Status::Revoked => ("R", "200101000000Z,keyCompromise", serial),
            Status::OnHold => ("R", "200101000000Z,certificateHold", serial),
            Status::Unknown => ("V", "", "01"),
        };
        let line = format!("{state}\t491231235959Z\t{since}\t{known}\tunknown\t/CN=x\n");
        fs::write(&index, line).expect("a file can be written");
        fs::write(&question, request).expect("a file can be written");
        run(Command::new("openssl")
            .args(["ocsp", "-nmin", "60", "-rmd", "sha256", "-resp_no_certs", "-index"])
            .arg(&index)
            .arg("-CA")
            .arg(issuer.certificate())
            .arg("-rsigner")
            .arg(self.file("ca.pem"))
            .arg("-rkey")
            .arg(self.file("ca.key"))
            .arg("-reqin")
            .arg(&question)
            .arg("-respout")
            .arg(&answer))
        .stdout_of_success();
        fs::read(answer).expect("OpenSSL answers")
    }

    /// A question about the certificate with another serial number, without a nonce.
    pub fn question_about(&self, serial: &str) -> Vec<u8> {
        let question = self.file(&format!("request-{}", self.number()));
        run(Command::new("openssl")
            .args(["ocsp", "-no_nonce", "-issuer"])
            .arg(self.file("ca.pem"))
            .args(["-serial", &format!("0x{serial}")])
            .arg("-reqout")
            .arg(&question))
        .stdout_of_success();
        fs::read(question).expect("OpenSSL asks")
    }

    /// An ECDSA signature with SHA-256.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let number = self.number();
        let [signed, signature] = ["signed", "signature"].map(|kind| self.file(&format!("{kind}-{number}")));
        fs::write(&signed, message).expect("a file can be written");
        run(Command::new("openssl")
            .args(["dgst", "-sha256", "-sign"])
            .arg(self.file("ca.key"))
            .arg("-out")
            .arg(&signature)
            .arg(&signed))
        .stdout_of_success();
        fs::read(signature).expect("OpenSSL signs")
    }
}
