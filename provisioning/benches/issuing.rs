//! How many devices a second an order makes on one core and on all, beside the openssl command line.
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

/// The one core that all but one row are measured on.
const ONE_CORE: &str = "0";

const PASSPHRASE: &str = "correct horse battery staple";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let cores = std::thread::available_parallelism()?;
    let all_cores = format!("0-{}", cores.get() - 1);
    let mut rates = Rates::default();
    for round in 1..=ROUNDS {
        let place = directory.path().join(round.to_string());
        fs::create_dir(&place)?;
        // What the round before left to be written is not this one's to wait for. Nor is what was deleted: ext4 gives no
        // inode again for some seconds, and searches for others. So all is deleted at the end.
        on(ONE_CORE, "sync").status()?;
        let (one, openssl) = (ours(&place.join("one"), ONE_CORE)?, openssl(&place)?);
        let (all, cryptography) = (ours(&place.join("all"), &all_cores)?, cryptography()?);
        eprintln!("round {round} of {ROUNDS}: {one:.0}/s, on all cores {all:.0}/s, openssl {openssl:.0}/s");
        rates.one_core.push(one);
        rates.all_cores.push(all);
        rates.openssl.push(openssl);
        rates.cryptography.push(cryptography);
    }
    println!("| devices a second | median | range |");
    println!("|---|---:|---|");
    println!("| `issue --order` of {DEVICES} devices, on one core | {} |", Row(&rates.one_core));
    println!("| the same on {cores} cores | {} |", Row(&rates.all_cores));
    println!("| `openssl`, on one core | {} |", Row(&rates.openssl));
    println!("| key, signature and verification alone, on one core | {} |", Row(&rates.cryptography));
    Ok(())
}

#[derive(Default)]
struct Rates {
    one_core: Vec<f64>,
    all_cores: Vec<f64>,
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
fn ours(place: &Path, cores: &str) -> Outcome<f64> {
    fs::create_dir(place)?;
    let init = ["init", "--organization", "Acme", "--broker-host", "broker.acme.example"];
    provision(place, cores, &init)?;
    fs::write(place.join("one.csv"), "device_id\npump-one\n")?;
    let mut order = "device_id,product,serial_number,work_order\n".to_owned();
    for number in 0..DEVICES {
        writeln!(order, "pump-{number:05},pump,{number:05},WO-2041")?;
    }
    fs::write(place.join("order.csv"), order)?;
    let one = provision(place, cores, &["issue", "--order", "one.csv"])?;
    let all = provision(place, cores, &["issue", "--order", "order.csv"])?;
    Ok(DEVICES as f64 / all.saturating_sub(one).as_secs_f64())
}

fn provision(place: &Path, cores: &str, arguments: &[&str]) -> Outcome<Duration> {
    let mut command = on(cores, env!("CARGO_BIN_EXE_countersign-provision"));
    timed(command.args(arguments).env("COUNTERSIGN_PASSPHRASE", PASSPHRASE).current_dir(place))
}

/// The rate of what a factory would script: a key, a request and a certificate for each device.
fn openssl(place: &Path) -> Outcome<f64> {
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let mut ca = on(ONE_CORE, "openssl");
    ca.args(["req", "-x509", "-subj", "/CN=CA", "-days", "3650", "-keyout", "ca.key", "-out", "ca.pem"])
        .args(new_key);
    timed(ca.current_dir(place))?;
    let since = Instant::now();
    for number in 0..OPENSSL_DEVICES {
        let [key, request, certificate] =
            ["key", "csr", "pem"].map(|ending| format!("pump-{number}.{ending}"));
        let mut req = on(ONE_CORE, "openssl");
        req.args(["req", "-new", "-subj"]).arg(format!("/O=Acme/CN=pump-{number}"));
        req.args(["-keyout", &key, "-out", &request]).args(new_key);
        timed(req.current_dir(place))?;
        let mut x509 = on(ONE_CORE, "openssl");
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

/// A program on these cores.
fn on(cores: &str, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", cores, program]);
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
