//! Commands killed with SIGKILL at any moment, and run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::factory::{Factory, PASSPHRASE, tree};

/// The devices of one order.
const DEVICES: usize = 1000;

/// How many commands are killed in all.
const KILLS: usize = 50;

/// How many commands of one order are killed before it may finish.
const KILLS_PER_ORDER: usize = 10;

/// A random number generator with a seed (xorshift64), so that a failure can be repeated.
struct SeededRandom(u64);

impl SeededRandom {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

/// How many files are delivered, and how many are staged.
fn count_files(images: &Path) -> (usize, usize) {
    let count = |path: &Path| fs::read_dir(path).map_or(0, |entries| entries.filter_map(Result::ok).count());
    let staging = images.join(".staging");
    (count(images) - usize::from(staging.exists()), count(&staging))
}

/// Lets OpenSSL encrypt the issuing key again with a fast key derivation, because a hundred commands decrypt it.
pub(crate) fn use_fast_key_derivation(factory: &Factory) {
    factory.write("in.pass", PASSPHRASE);
    factory.write("out.pass", PASSPHRASE);
    let key = "fleet/device-ca/issuing.key";
    factory
        .openssl(&format!(
            "pkcs8 -topk8 -in {key} -out quick.key -iter 1000 -v2 aes-256-cbc -v2prf hmacWithSHA256 \
             -passin file:in.pass -passout file:out.pass"
        ))
        .succeeded();
    fs::rename(factory.path("quick.key"), factory.path(key)).unwrap();
}

#[test]
fn a_killed_order_run_again_gives_every_device_one_certificate_and_every_file() {
    let factory = Factory::new();
    use_fast_key_derivation(&factory);
    let images = factory.path("fleet/images");
    let mut random = SeededRandom(0x5eed_c0de_2026_1121);
    let (mut killed, mut orders) = (0, 0);
    while killed < KILLS {
        let ids: Vec<_> = (0..DEVICES).map(|device| format!("o{orders}-{device:04}")).collect();
        let lines = ids.iter().fold("device_id,product\n".to_owned(), |mut csv, id| {
            writeln!(csv, "{id},pump").unwrap();
            csv
        });
        factory.write("order.csv", lines);
        let command = "issue --order order.csv --format bin,pem";
        for _ in 0..KILLS_PER_ORDER {
            // The command is killed at a random time after it has written a random number of files, of three per
            // device. In every other round only delivered files count, so that the kill falls among the renames after a
            // commit.
            let delivered_only = killed % 2 == 1;
            let written = || {
                let (delivered, staged) = count_files(&images);
                if delivered_only { delivered } else { delivered + staged }
            };
            let left = (3 * DEVICES * (orders + 1)).saturating_sub(written());
            let files = written() + random.below(left / 3);
            let delay =
                Duration::from_micros(random.below(if delivered_only { 2_000 } else { 20_000 }) as u64);
            let mut child =
                factory.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while child.try_wait().unwrap().is_none() && written() <= files {
                assert!(Instant::now() < deadline, "the command neither ends nor writes");
                std::thread::sleep(Duration::from_micros(300));
            }
            std::thread::sleep(delay);
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                break;
            }
            killed += 1;
        }
        factory.run(command).succeeded();
        check_order(&factory, &ids);
        orders += 1;
    }

    // All orders together: no device, serial number or key twice, and no staged file left.
    let listed = factory.json("list");
    let listed = listed.as_array().unwrap();
    let unique = |field: &str| listed.iter().map(|row| row[field].to_string()).collect::<BTreeSet<_>>().len();
    let all = DEVICES * orders;
    for field in ["device_id", "serial", "spki_sha256", "fingerprint_sha256"] {
        assert_eq!((listed.len(), unique(field)), (all, all), "{field}");
    }
    assert_eq!(count_files(&images), (3 * all, 0));
    assert!(!images.join(".staging").exists());
}

/// Checks that every device of an order has one certificate and all its files.
fn check_order(factory: &Factory, ids: &[String]) {
    let listed = factory.json("list");
    let serials: BTreeMap<_, _> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["device_id"].as_str().unwrap(), row["serial"].as_str().unwrap()))
        .collect();
    assert!(!factory.path("fleet/images/.staging").exists());
    for id in ids {
        assert!(serials.contains_key(id.as_str()), "{id} is not registered");
        for ending in ["bin", "cert.pem", "key.pem"] {
            assert!(
                factory.path(&format!("fleet/images/{id}.{ending}")).is_file(),
                "{id}.{ending} is missing"
            );
        }
    }
    // Of some devices, image, certificate and key match each other and the registry.
    for id in ids.iter().step_by(DEVICES / 5) {
        let image = factory.json(&format!("inspect fleet/images/{id}.bin"));
        let certificates = factory.json(&format!("inspect fleet/images/{id}.cert.pem"));
        assert_eq!(image["certificate"], certificates["certificates"][0]);
        assert_eq!(image["certificate"]["serial"].as_str(), serials.get(id.as_str()).copied());
        assert_eq!(factory.json(&format!("show {id}"))["certificates"].as_array().unwrap().len(), 1);
        let key = factory.openssl(&format!("pkey -in fleet/images/{id}.key.pem -pubout")).succeeded().stdout;
        let certified = factory.openssl(&format!("x509 -in fleet/images/{id}.cert.pem -noout -pubkey"));
        assert_eq!(key, certified.succeeded().stdout);
    }
}

#[test]
fn an_interrupted_init_leaves_no_fleet_and_can_be_repeated() {
    let factory = Factory::empty();
    let init = "init --organization Acme --broker-host broker.example";
    for milliseconds in [5, 50, 150, 400, 900] {
        let mut child = factory.command(init).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        assert!(!factory.path("fleet").exists());
    }
    let output = factory.run(init);
    assert!(output.code == 0 || output.stderr.contains("exists already"), "{}", output.stderr);
    factory.run("issue dev-1").succeeded();
    let hidden = tree(&factory.path(".")).into_iter().filter(|path| !path.starts_with("fleet")).count();
    assert_eq!(hidden, 0);
}

#[test]
fn files_staged_on_a_removed_disk_are_delivered_once_the_disk_is_back() {
    let factory = Factory::new();
    factory.run("issue dev-1 --out disk").succeeded();
    // As a kill between the registry's commit and the rename leaves it. The file name begins with the certificate's
    // serial number.
    let serial = factory.json("show dev-1")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    let (image, staging) = (factory.path("disk/dev-1.bin"), factory.path("disk/.staging"));
    fs::create_dir(&staging).unwrap();
    fs::rename(&image, staging.join(format!("{serial}.dev-1.bin"))).unwrap();
    fs::write(staging.join(format!("{}.dev-2.bin", "01".repeat(16))), "of a group that was never registered")
        .unwrap();
    fs::write(staging.join("nonsense"), "").unwrap();
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    let disk = factory.path("disk").canonicalize().unwrap();
    registry.execute("INSERT INTO output_directory VALUES (?1)", [disk.to_str().unwrap()]).unwrap();
    drop(registry);

    fs::rename(&disk, factory.path("away")).unwrap();
    factory.run("issue dev-3").succeeded().says("is gone; an earlier command was interrupted");
    fs::rename(factory.path("away"), &disk).unwrap();
    factory.run("issue dev-4").succeeded();
    assert_eq!(factory.files("disk"), ["dev-1.bin"]);
    assert_eq!(factory.json("inspect disk/dev-1.bin")["device_id"], "dev-1");
}
