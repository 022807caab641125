//! `kill -9` at any moment, and the same command again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::factory::{Factory, PASSPHRASE, tree};

const DEVICES: usize = 1000;

/// How many commands are killed, and how often an order at most before it may finish.
const KILLS: usize = 50;
const KILLS_PER_ORDER: usize = 10;

/// A small generator with a seed (xorshift64), so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

/// How many files are in the output directory, and how many in staging: what has happened so far.
fn files_so_far(images: &Path) -> (usize, usize) {
    let count = |path: &Path| fs::read_dir(path).map_or(0, |entries| entries.filter_map(Result::ok).count());
    let staging = images.join(".staging");
    (count(images) - usize::from(staging.exists()), count(&staging))
}

/// Lets OpenSSL encrypt the issuing key anew, with a key derivation that takes no time: a hundred commands are about to
/// open it, and what it protects is a test.
fn spare_the_passphrase(factory: &Factory) {
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
    spare_the_passphrase(&factory);
    let images = factory.path("fleet/images");
    let mut seeded = Seeded(0x5eed_c0de_2026_1121);
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
            // A number of files that will be there when it is killed (three a device), and a moment after that. Every
            // other time only finished files count, so that the kill falls among the renames after a commit.
            let finished_only = killed % 2 == 1;
            let so_far = || {
                let (finished, staged) = files_so_far(&images);
                if finished_only { finished } else { finished + staged }
            };
            let left = (3 * DEVICES * (orders + 1)).saturating_sub(so_far());
            let files = so_far() + seeded.below(left / 3);
            let moment =
                Duration::from_micros(seeded.below(if finished_only { 2_000 } else { 20_000 }) as u64);
            let mut child =
                factory.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while child.try_wait().unwrap().is_none() && so_far() <= files {
                assert!(Instant::now() < deadline, "the command neither ends nor writes");
                std::thread::sleep(Duration::from_micros(300));
            }
            std::thread::sleep(moment);
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                break;
            }
            killed += 1;
        }
        factory.run(command).succeeded();
        check(&factory, &ids);
        orders += 1;
    }

    // And of all of it together: nothing twice, nothing left over.
    let listed = factory.json("list");
    let listed = listed.as_array().unwrap();
    let unique = |field: &str| listed.iter().map(|row| row[field].to_string()).collect::<BTreeSet<_>>().len();
    let all = DEVICES * orders;
    for field in ["device_id", "serial", "spki_sha256", "fingerprint_sha256"] {
        assert_eq!((listed.len(), unique(field)), (all, all), "{field}");
    }
    assert_eq!(files_so_far(&images), (3 * all, 0));
    assert!(!images.join(".staging").exists());
}

/// Every device of an order has one certificate, and the files that belong to it.
fn check(factory: &Factory, ids: &[String]) {
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
    // The files of some, read: they belong to each other and to the registered certificate.
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
fn an_interrupted_init_leaves_no_fleet_and_stands_in_nobodys_way() {
    let factory = Factory::empty();
    let init = "init --organization Acme --broker-host broker.example";
    for moment in [5, 50, 150, 400, 900] {
        let mut child = factory.command(init).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        assert!(!factory.path("fleet").exists());
    }
    let ran = factory.run(init);
    assert!(ran.code == 0 || ran.stderr.contains("exists already"), "{}", ran.stderr);
    factory.run("issue dev-1").succeeded();
    let hidden = tree(&factory.path(".")).into_iter().filter(|path| !path.starts_with("fleet")).count();
    assert_eq!(hidden, 0);
}

#[test]
fn what_a_killed_command_staged_on_a_removed_disk_waits_until_the_disk_is_back() {
    let factory = Factory::new();
    factory.run("issue dev-1 --out disk").succeeded();
    // As a kill between the registry's commit and the rename leaves it; the serial says whose file it is.
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
