//! What the budget counts, measured on this machine, beside what it counts.
//!
//! ```text
//! cargo bench -p certificate-path --bench cost
//! ```
//!
//! Each figure is the fastest of many repetitions, as everything else was disturbed. OpenSSL makes the RSA keys.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use certificate_path::for_test::{parsing_cost, signature_cost};
use certificate_path::{Certificate, KeyKind};
use rcgen::{
    CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519, PublicKeyData as _, SanType, SigningKey as _,
};
use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::ring::{ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PKCS1_2048_8192_SHA256};

const KIBIBYTE: usize = 1024;

/// What is signed of an ordinary certificate, in octets.
const ORDINARY: usize = 400;

/// The longest that is hashed.
const LONG: usize = 16 * KIBIBYTE;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let p256 = Signed::by_ring(&PKCS_ECDSA_P256_SHA256, ECDSA_P256_SHA256, KeyKind::P256)?;
    let unit = p256.time(ORDINARY)?;
    println!("P-256: {:.1} µs\n", microseconds(unit));
    println!("| what | measured | counted |\n|---|---:|---:|");
    let row = |what: &str, measured: Duration, counted: u32| {
        let measured = measured.as_secs_f64() / unit.as_secs_f64() * 100.0;
        println!("| {what} | {measured:.1} | {counted} |");
    };

    let mut signers = vec![
        p256,
        Signed::by_ring(&PKCS_ECDSA_P384_SHA384, ECDSA_P384_SHA384, KeyKind::P384)?,
        Signed::by_ring(&PKCS_ED25519, ED25519, KeyKind::Ed25519)?,
    ];
    for bits in [2048, 3072, 4096] {
        signers.push(Signed::by_openssl(directory.path(), bits)?);
    }
    for signer in &signers {
        let what = format!("a signature of {}", signer.kind);
        row(&what, signer.time(ORDINARY)?, signature_cost(&signer.kind, ORDINARY));
    }
    // SHA-256, SHA-384, and SHA-512 in two passes.
    for signer in &signers[..3] {
        let per_kibibyte = signer.time(LONG)?.saturating_sub(signer.time(0)?) / (LONG / KIBIBYTE) as u32;
        let counted = signature_cost(&signer.kind, LONG) - signature_cost(&signer.kind, 0);
        let counted = counted / (LONG / KIBIBYTE) as u32;
        row(&format!("hashing for {}, a KiB", signer.kind), per_kibibyte, counted);
    }
    for (what, der) in certificates()? {
        let time = fastest(|| Certificate::parse(black_box(&der)).is_ok());
        let per_kibibyte = time.mul_f64(KIBIBYTE as f64 / der.len() as f64);
        let what = format!("parsing {what} ({} octets), a KiB", der.len());
        row(&what, per_kibibyte, parsing_cost(KIBIBYTE));
    }
    Ok(())
}

type Sign = dyn Fn(&[u8]) -> Outcome<Vec<u8>>;

/// Who signs, and what verifies that.
struct Signed {
    kind: KeyKind,
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    public: Vec<u8>,
    sign: Box<Sign>,
}

impl Signed {
    fn by_ring(
        with: &'static rcgen::SignatureAlgorithm,
        algorithm: &'static dyn SignatureVerificationAlgorithm,
        kind: KeyKind,
    ) -> Outcome<Self> {
        let key = KeyPair::generate_for(with)?;
        let public = key.der_bytes().to_vec();
        Ok(Self { kind, algorithm, public, sign: Box::new(move |message| Ok(key.sign(message)?)) })
    }

    fn by_openssl(directory: &Path, bits: usize) -> Outcome<Self> {
        let file = directory.join(format!("{bits}.key"));
        let bits_option = format!("rsa_keygen_bits:{bits}");
        let path = file.display().to_string();
        openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &bits_option, "-out", &path])?;
        let public = openssl(&["rsa", "-in", &path, "-RSAPublicKey_out", "-outform", "DER"])?;
        let message_file = file.with_extension("message");
        let sign = move |message: &[u8]| {
            std::fs::write(&message_file, message)?;
            openssl(&["dgst", "-sha256", "-sign", &path, &message_file.display().to_string()])
        };
        let algorithm = RSA_PKCS1_2048_8192_SHA256;
        Ok(Self { kind: KeyKind::Rsa(bits), algorithm, public, sign: Box::new(sign) })
    }

    /// Verifying a signature of that many octets.
    fn time(&self, octets: usize) -> Outcome<Duration> {
        let message = vec![7; octets];
        let signature = (self.sign)(&message)?;
        let verify = || self.algorithm.verify_signature(&self.public, black_box(&message), &signature);
        verify().map_err(|_| "its own signature is refused")?;
        Ok(fastest(|| verify().is_ok()))
    }
}

/// Certificates that differ in what fills them.
fn certificates() -> Outcome<Vec<(&'static str, Vec<u8>)>> {
    let key = KeyPair::generate()?;
    let of = |change: &dyn Fn(&mut CertificateParams) -> Result<(), rcgen::Error>| {
        let mut params = CertificateParams::default();
        change(&mut params)?;
        Ok::<_, rcgen::Error>(params.self_signed(&key)?.der().to_vec())
    };
    Ok(vec![
        ("an ordinary certificate", of(&|_| Ok(()))?),
        (
            "one long extension",
            of(&|params| {
                let octets = [vec![4, 0x82, 0x37, 0], vec![0; 0x3700]].concat();
                params.custom_extensions =
                    vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1], octets)];
                Ok(())
            })?,
        ),
        (
            "alternative names",
            of(&|params| {
                let names = (0..700).map(|number| format!("dev-{number}.example").try_into());
                params.subject_alt_names =
                    names.map(|name| name.map(SanType::DnsName)).collect::<Result<_, _>>()?;
                Ok(())
            })?,
        ),
        (
            "attributes of a name",
            of(&|params| {
                for number in 0..500 {
                    let kind = rcgen::DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 99999, number]);
                    params.distinguished_name.push(kind, "x");
                }
                Ok(())
            })?,
        ),
        (
            "extensions",
            of(&|params| {
                params.custom_extensions = (0..1000)
                    .map(|number| CustomExtension::from_oid_content(&[1, 3, 128 + number], vec![5, 0]))
                    .collect();
                Ok(())
            })?,
        ),
    ])
}

/// The fastest of many, for a fifth of a second.
fn fastest<T>(mut act: impl FnMut() -> T) -> Duration {
    let since = Instant::now();
    let mut fastest = Duration::MAX;
    while since.elapsed() < Duration::from_millis(200) {
        let since = Instant::now();
        black_box(act());
        fastest = fastest.min(since.elapsed());
    }
    fastest
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// What it prints.
fn openssl(arguments: &[&str]) -> Outcome<Vec<u8>> {
    let output = Command::new("openssl").args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(output.stdout)
}
