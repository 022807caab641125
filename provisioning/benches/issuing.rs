//! How many devices a second an order makes on one core, beside the openssl command line.
//!
//! ```text
//! cargo bench -p provisioning --bench issuing --locked
//! ```
//!
//! The program is the one that ships, as a process of its own: it reads the order, makes keys and certificates, checks
//! them, writes the images, and syncs both them and the registry. The time of an order of one device is taken off, because
//! opening the CA's key costs the passphrase a quarter of a second, however long the order is. OpenSSL makes a key, a request and
//! a certificate, with nothing checked, registered or synced. The last row is what the processor allows: for each device a key,
//! a signature and its verification, and nothing else.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};

/// The devices of an order, and those that OpenSSL makes.
const DEVICES: usize = 20_000;
const OPENSSL_DEVICES: usize = 100;

/// So many rounds, each in a fleet of its own; the table has the median and the range.
const ROUNDS: usize = 5;

/// The core that everything runs on.
const CORE: &str = "0";

const PASSPHRASE: &str = "correct horse battery staple";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let mut rates = Rates::default();
    for round in 1..=ROUNDS {
        let place = directory.path().join(round.to_string());
        fs::create_dir(&place)?;
        // What the round before left to be written is not this one's to wait for. Nor is what was deleted: ext4 gives no
        // inode again for some seconds, and searches for others. So all is deleted at the end.
        pinned("sync").status()?;
        let (rate, openssl, cryptography) = (ours(&place)?, openssl(&place)?, cryptography()?);
        eprintln!(
            "round {round} of {ROUNDS}: {rate:.0}/s, openssl {openssl:.0}/s, alone {cryptography:.0}/s"
        );
        rates.ours.push(rate);
        rates.openssl.push(openssl);
        rates.cryptography.push(cryptography);
    }
    println!("| devices a second, on one core | median | range |");
    println!("|---|---:|---|");
    println!("| `countersign-provision issue --order`, {DEVICES} devices | {} |", Row(&rates.ours));
    println!("| `openssl`, {OPENSSL_DEVICES} devices | {} |", Row(&rates.openssl));
    println!("| key, signature and verification alone | {} |", Row(&rates.cryptography));
    Ok(())
}

#[derive(Default)]
struct Rates {
    ours: Vec<f64>,
    openssl: Vec<f64>,
    cryptography: Vec<f64>,
}

/// The median and the range, as two cells.
struct Row<'a>(&'a [f64]);

impl std::fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return f.write_str("none |") };
        write!(f, "{:.0} | {least:.0} – {most:.0}", sorted[sorted.len() / 2])
    }
}

/// The rate of a long order, less what an order of one device takes.
fn ours(place: &Path) -> Outcome<f64> {
    let init = ["init", "--organization", "Acme", "--broker-host", "broker.acme.example"];
    provision(place, &init)?;
    fs::write(place.join("one.csv"), "device_id\npump-one\n")?;
    let mut order = "device_id,product,serial_number,work_order\n".to_owned();
    for number in 0..DEVICES {
        writeln!(order, "pump-{number:05},pump,{number:05},WO-2041")?;
    }
    fs::write(place.join("order.csv"), order)?;
    let one = provision(place, &["issue", "--order", "one.csv"])?;
    let all = provision(place, &["issue", "--order", "order.csv"])?;
    Ok(DEVICES as f64 / all.saturating_sub(one).as_secs_f64())
}

fn provision(place: &Path, arguments: &[&str]) -> Outcome<Duration> {
    let mut command = pinned(env!("CARGO_BIN_EXE_countersign-provision"));
    timed(command.args(arguments).env("COUNTERSIGN_PASSPHRASE", PASSPHRASE).current_dir(place))
}

/// The rate of what a factory would script: a key, a request and a certificate for each device.
fn openssl(place: &Path) -> Outcome<f64> {
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let mut ca = pinned("openssl");
    ca.args(["req", "-x509", "-subj", "/CN=CA", "-days", "3650", "-keyout", "ca.key", "-out", "ca.pem"])
        .args(new_key);
    timed(ca.current_dir(place))?;
    let since = Instant::now();
    for number in 0..OPENSSL_DEVICES {
        let [key, request, certificate] =
            ["key", "csr", "pem"].map(|ending| format!("pump-{number}.{ending}"));
        let mut req = pinned("openssl");
        req.args(["req", "-new", "-subj"]).arg(format!("/O=Acme/CN=pump-{number}"));
        req.args(["-keyout", &key, "-out", &request]).args(new_key);
        timed(req.current_dir(place))?;
        let mut x509 = pinned("openssl");
        x509.args(["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]);
        x509.args(["-days", "3650", "-out", &certificate]);
        timed(x509.current_dir(place))?;
    }
    Ok(OPENSSL_DEVICES as f64 / since.elapsed().as_secs_f64())
}

/// The rate of the three operations of P-256 without which no device is issued.
fn cryptography() -> Outcome<f64> {
    let (rng, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
    let pair = |document: &[u8]| {
        EcdsaKeyPair::from_pkcs8(algorithm, document, &rng).map_err(|error| error.to_string())
    };
    let generate = || EcdsaKeyPair::generate_pkcs8(algorithm, &rng).map_err(|_| "no key");
    let ca = pair(generate()?.as_ref())?;
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, ca.public_key().as_ref());
    let since = Instant::now();
    for _ in 0..DEVICES {
        let key = generate()?;
        let signature = ca.sign(&rng, key.as_ref()).map_err(|_| "no signature")?;
        public.verify(key.as_ref(), signature.as_ref()).map_err(|_| "another's signature")?;
    }
    Ok(DEVICES as f64 / since.elapsed().as_secs_f64())
}

/// A program on the one core.
fn pinned(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", CORE, program]);
    command
}

fn timed(command: &mut Command) -> Outcome<Duration> {
    let since = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = since.elapsed();
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(took)
}
