//! Deliveries that are cut at every step, on file systems of every kind, and recovered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use tempfile::TempDir;

use super::fake_file_system::FakeFileSystem;
use super::{DeliveryError, OnExisting, deliver_into, recover};
use crate::broker::{Address, Hosts};
use crate::fleet::Fleet;
use crate::registry::{RecordError, Registry, RegistryError, Settings};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

const OUT: &str = "/stick/out";

/// A registry on disk, a file system in memory, and what is delivered.
struct Bench {
    directory: TempDir,
    registry: Registry,
    files: FakeFileSystem,
}

impl Bench {
    fn new(files: FakeFileSystem) -> Self {
        let directory = TempDir::new().unwrap();
        let settings = Settings {
            organization: "Acme".parse().unwrap(),
            broker: Address {
                hosts: Hosts::new(vec!["b.example".parse().unwrap()]).unwrap(),
                port: 8883.try_into().unwrap(),
            },
            crl_days: 7,
        };
        let registry =
            Registry::create(&Fleet::at(directory.path()).registry(), &settings, Timestamp::from_unix(0))
                .unwrap();
        Self { directory, registry, files }
    }

    fn fleet(&self) -> Fleet {
        Fleet::at(self.directory.path())
    }

    /// Delivers two files, of which the registry learns between two changes of the file system.
    fn deliver(
        &mut self,
        serial: SerialNumber,
        names: [&str; 2],
        on_existing: OnExisting,
    ) -> Result<(), DeliveryError> {
        self.deliver_each(names.map(|name| (serial, name)), on_existing)
    }

    /// As [`Bench::deliver`], each file with a certificate of its own.
    fn deliver_each(
        &mut self,
        wanted: [(SerialNumber, &str); 2],
        on_existing: OnExisting,
    ) -> Result<(), DeliveryError> {
        let database = self.fleet().registry();
        let (files, fleet) = (&self.files, self.fleet());
        deliver_into(files, &fleet, &mut self.registry, Path::new(OUT), |delivery, _| {
            let mut staged = delivery.stage();
            for (serial, name) in wanted {
                staged.add(serial, name, content(serial, name).as_bytes(), on_existing)?;
            }
            staged.deliver(|| {
                let cut = |source| RecordError::Registry(RegistryError::Io { path: PathBuf::new(), source });
                files.elsewhere().map_err(cut)?;
                record(&database, &wanted.map(|(serial, _)| serial));
                files.elsewhere().map_err(cut)
            })
        })
    }

    /// The power comes back, and the next command starts.
    fn recover(&self) {
        self.files.cut_after(None);
        recover(&self.files, &self.fleet(), &self.registry).unwrap();
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.files.files()
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.files().get(&Path::new(OUT).join(name)).cloned()
    }
}

fn content(serial: SerialNumber, name: &str) -> String {
    format!("the content of {name} under {serial}")
}

fn record(database: &Path, serials: &[SerialNumber]) {
    let registry = rusqlite::Connection::open(database).unwrap();
    for serial in serials {
        registry
            .execute(
                "INSERT OR IGNORE INTO certificate (serial, authority, spki_sha256, fingerprint_sha256, key_origin, \
                 not_before, not_after, status, der) VALUES (?1, 'device-ca', ?1, ?1, 'factory', 0, 1, 'active', x'00')",
                [serial.as_bytes()],
            )
            .unwrap();
    }
}

fn serial() -> SerialNumber {
    SerialNumber::generate(&SystemRandom::new()).unwrap()
}

/// File systems of every kind.
fn kinds() -> impl Iterator<Item = FakeFileSystem> {
    [(false, false), (false, true), (true, false), (true, true)]
        .into_iter()
        .map(|(caseless, renames_to_free)| FakeFileSystem::new(caseless, renames_to_free))
}

#[test]
fn a_delivery_cut_at_any_step_is_whole_or_absent_after_recovery() {
    for (index, kind) in kinds().enumerate() {
        let mut whole = Bench::new(kind);
        whole.deliver(serial(), ["Pump.bin", "Pump.key.pem"], OnExisting::Keep).unwrap();
        let steps = whole.files.changes();
        assert!(steps > 10, "the steps are not counted");
        let mut outcomes = [0, 0];
        for cut in 0..steps {
            let mut bench = Bench::new(kinds().nth(index).unwrap());
            bench.files.plant(&Path::new(OUT).join("other.bin"), b"another's");
            bench.files.cut_after(Some(cut));
            let serial = serial();
            let names = ["Pump.bin", "Pump.key.pem"];
            let _ = bench.deliver(serial, names, OnExisting::Keep);
            bench.recover();
            let known = bench.registry.has_serial(&serial).unwrap();
            outcomes[usize::from(known)] += 1;
            for name in names {
                let expected = known.then(|| content(serial, name).into_bytes());
                assert_eq!(bench.content(name), expected, "kind {index}, cut at {cut}, {name}");
            }
            assert_eq!(bench.content("other.bin").unwrap(), b"another's");
            assert_eq!(bench.files().len(), if known { 3 } else { 1 }, "kind {index}, cut at {cut}");
            assert!(bench.registry.output_directories().unwrap().is_empty(), "kind {index}, cut at {cut}");
        }
        assert!(outcomes.iter().all(|&count| count > 3), "{outcomes:?}");
    }
}

#[test]
fn a_replacement_cut_at_any_step_leaves_the_old_files_or_the_new_ones_after_recovery() {
    for index in 0..kinds().count() {
        for cut in 0.. {
            let mut bench = Bench::new(kinds().nth(index).unwrap());
            let (old, new) = (serial(), serial());
            let names = ["historian.cert.pem", "historian.key.pem"];
            bench.deliver(old, names, OnExisting::Keep).unwrap();
            bench.files.cut_after(Some(cut));
            let done = bench.deliver(new, names, OnExisting::Replace).is_ok();
            bench.recover();
            let current = if bench.registry.has_serial(&new).unwrap() { new } else { old };
            for name in names {
                assert_eq!(bench.content(name), Some(content(current, name).into_bytes()), "cut at {cut}");
            }
            assert_eq!(bench.files().len(), 2);
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_name_that_is_taken_is_not_replaced_and_nothing_is_recorded() {
    for bench in kinds().map(Bench::new) {
        let mut bench = bench;
        let taken = if bench.files.caseless { "pUMP.KEY.pem" } else { "Pump.key.pem" };
        // An empty file and a directory have their names like any other.
        for planted in [&b"perhaps the only copy of a key"[..], b""] {
            bench.files.plant(&Path::new(OUT).join(taken), planted);
            let serial = serial();
            let refused = bench.deliver(serial, ["Pump.bin", "Pump.key.pem"], OnExisting::Keep).unwrap_err();
            assert!(matches!(&refused, DeliveryError::Taken { path } if path.ends_with("Pump.key.pem")));
            assert_eq!(bench.files().len(), 1, "{refused}");
            assert_eq!(bench.content(taken).unwrap(), planted);
            assert!(!bench.registry.has_serial(&serial).unwrap());
        }
    }
}

#[test]
fn two_names_of_one_delivery_that_are_one_name_to_the_file_system_both_keep_their_content() {
    for kind in kinds() {
        let caseless = kind.caseless;
        let mut bench = Bench::new(kind);
        let (first, second) = (serial(), serial());
        let delivered = bench.deliver_each([(first, "Pump-1.bin"), (second, "pump-1.bin")], OnExisting::Keep);
        assert_eq!(bench.content("Pump-1.bin").unwrap(), content(first, "Pump-1.bin").as_bytes());
        let second = content(second, "pump-1.bin").into_bytes();
        if !caseless {
            delivered.unwrap();
            assert_eq!(bench.content("pump-1.bin").unwrap(), second);
            continue;
        }
        let Err(DeliveryError::Kept { staged, .. }) = delivered else { panic!("{delivered:?}") };
        assert_eq!(bench.files().get(&staged), Some(&second));
        // As often as it is tried, and until the other file is moved away.
        let recovery = recover(&bench.files, &bench.fleet(), &bench.registry).unwrap();
        assert_eq!(recovery.kept, [(staged.clone(), Path::new(OUT).join("pump-1.bin"))]);
        assert_eq!(bench.files().get(&staged), Some(&second));
        super::FileSystem::remove_file(&bench.files, &Path::new(OUT).join("Pump-1.bin")).unwrap();
        bench.recover();
        assert_eq!(bench.files().into_values().collect::<Vec<_>>(), [second]);
    }
}

#[test]
fn a_rename_that_lost_power_half_way_is_finished() {
    for mut bench in kinds().map(Bench::new) {
        let serial = serial();
        bench.deliver(serial, ["a.bin", "b.bin"], OnExisting::Keep).unwrap();
        // Both names have the content, as on FAT.
        bench.registry.open_output_directory(OUT).unwrap();
        let staging = Path::new(OUT).join(".staging");
        super::FileSystem::create_directory(&bench.files, &staging).unwrap();
        bench.files.plant(&staging.join(format!("{serial}.a.bin")), content(serial, "a.bin").as_bytes());
        bench.recover();
        assert_eq!(bench.files().len(), 2);
    }
}

#[test]
fn what_was_staged_on_another_disk_is_remembered() {
    let mut bench = Bench::new(FakeFileSystem::new(false, true));
    let first = serial();
    // The registry commits, and then the disk is pulled: the directory it was mounted on is there, and empty.
    bench.files.cut_after(Some(10));
    bench.deliver(first, ["a.bin", "b.bin"], OnExisting::Keep).unwrap_err();
    assert!(bench.registry.has_serial(&first).unwrap());
    let disk = std::mem::replace(&mut bench.files, FakeFileSystem::new(false, true));
    let recovery = recover(&bench.files, &bench.fleet(), &bench.registry).unwrap();
    assert_eq!(recovery.absent, [Path::new(OUT)]);
    let refused = bench.deliver(serial(), ["c.bin", "d.bin"], OnExisting::Keep);
    assert!(matches!(refused, Err(DeliveryError::Elsewhere { .. })), "{refused:?}");
    assert!(bench.files().is_empty());

    bench.files = disk;
    bench.recover();
    assert_eq!(bench.content("a.bin").unwrap(), content(first, "a.bin").as_bytes());
    assert_eq!(bench.content("b.bin").unwrap(), content(first, "b.bin").as_bytes());
    bench.deliver(serial(), ["c.bin", "d.bin"], OnExisting::Keep).unwrap();
}
