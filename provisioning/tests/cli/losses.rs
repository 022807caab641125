//! A fleet directory that loses each of its files in turn, and each pair: what the commands say, and what comes back.

use std::fs;

use crate::factory::Factory;

/// What becomes of a fleet without one of its files.
struct Loss {
    file: &'static str,
    /// The exit code of `crl`, by which lists are kept fresh.
    crl: i32,
    /// The exit code of `reconcile`.
    reconcile: i32,
    /// The command that makes the file anew, without a backup.
    remade_by: Option<&'static str>,
}

const fn loss(file: &'static str, crl: i32, reconcile: i32, remade_by: Option<&'static str>) -> Loss {
    Loss { file, crl, reconcile, remade_by }
}

const ORDER: &str = "issue --order order.csv --format bin,pem";
const RENEW: Option<&str> = Some("service historian --renew");

const REGISTRY: &str = "registry.db";
const DEVICE_LIST: &str = "crl/device-ca.crl";

/// Every kind of file in a fleet directory. A key and a CA's certificate come back from a backup alone.
const LOSSES: [Loss; 23] = [
    loss(REGISTRY, 3, 0, Some("reconcile")),
    loss("device-ca/root.pem", 3, 1, None),
    loss("device-ca/root.key", 0, 0, None),
    loss("device-ca/issuing.pem", 3, 1, None),
    loss("device-ca/issuing.key", 3, 0, None),
    loss("service-ca/root.pem", 3, 1, None),
    loss("service-ca/root.key", 0, 0, None),
    loss("service-ca/issuing.pem", 3, 1, None),
    loss("service-ca/issuing.key", 3, 0, None),
    loss("broker-ca/root.pem", 0, 1, None),
    loss("broker-ca/root.key", 0, 0, None),
    loss("broker-ca/issuing.pem", 0, 1, None),
    loss("broker-ca/issuing.key", 0, 0, None),
    loss("broker.toml", 0, 0, None),
    loss("broker/cert.pem", 0, 0, Some("broker-cert")),
    loss("broker/key.pem", 0, 0, Some("broker-cert")),
    loss(DEVICE_LIST, 0, 0, Some("crl")),
    loss("crl/service-ca.crl", 0, 0, Some("crl")),
    loss("services/historian.cert.pem", 0, 0, RENEW),
    loss("services/historian.key.pem", 0, 0, RENEW),
    loss("services/historian.ca.pem", 0, 0, RENEW),
    // From the key beside it.
    loss("images/good.bin", 0, 0, Some(ORDER)),
    loss("images/late.bin", 0, 0, None),
];

/// A fleet with a backup, and with a device that was made and revoked after it.
struct Base {
    fleet: Factory,
    /// The serial number of the device that was revoked before the backup, and of that after it.
    stolen: String,
    late: String,
}

impl Base {
    fn new() -> Self {
        let fleet = Factory::quick();
        fleet.write("order.csv", "device_id,product\ngood,P1\n");
        for command in [
            ORDER,
            "issue stolen",
            "service historian",
            "revoke stolen --reason keyCompromise",
            "backup fleet.tar",
            "issue late",
            "revoke late",
        ] {
            fleet.run(command).succeeded();
        }
        let (stolen, late) = (fleet.serial("stolen"), fleet.serial("late"));
        Self { fleet, stolen, late }
    }

    /// The fleet without these files.
    fn without(&self, files: &[&str]) -> Factory {
        let twin = self.fleet.twin();
        for name in ["fleet.tar", "order.csv"] {
            fs::copy(self.fleet.path(name), twin.path(name)).unwrap();
        }
        for file in files {
            fs::remove_file(twin.path("fleet").join(file)).unwrap();
        }
        twin
    }

    /// Whether the published list has what was revoked before the backup, and what was revoked after it.
    fn listed(&self, factory: &Factory) -> (bool, bool) {
        let listed = factory.listed("device-ca");
        let has = |serial: &String| listed.iter().any(|(listed, _)| listed == serial);
        (has(&self.stolen), has(&self.late))
    }
}

fn exists(factory: &Factory, file: &str) -> bool {
    factory.path("fleet").join(file).exists()
}

#[test]
fn of_each_file_it_is_known_what_fails_without_it_and_what_brings_it_back() {
    let base = Base::new();
    for Loss { file, crl, reconcile, remade_by } in &LOSSES {
        let factory = base.without(&[file]);
        assert_eq!(factory.run("reconcile --dry-run").code, *reconcile, "reconcile without {file}");
        assert!(!exists(&factory, file), "{file} after a rehearsal");
        let output = factory.run("crl");
        assert_eq!(output.code, *crl, "crl without {file}: {}", output.stderr);
        // Whoever is told of a missing file is told which.
        let name = file.rsplit('/').next().unwrap();
        assert!(*crl == 0 || output.stderr.contains(name), "{file}: {}", output.stderr);
        if *crl == 0 {
            assert_eq!(base.listed(&factory), (true, true), "the list without {file}");
        }

        let factory = base.without(&[file]);
        if let Some(command) = remade_by {
            factory.run(command).succeeded();
            assert!(exists(&factory, file), "{file} after {command}");
            factory.run("crl").succeeded();
            assert_eq!(base.listed(&factory), (true, true), "the list without {file}, after {command}");
            factory.run("export-broker --out broker-files").succeeded();
        }

        let factory = base.without(&[file]);
        factory.run("restore fleet.tar").succeeded();
        assert_eq!(exists(&factory, file), !file.starts_with("images/"), "{file} after restore");
        factory.run("crl").succeeded();
        assert_eq!(base.listed(&factory), (true, true), "the list without {file}, after restore");
    }
}

/// Loses the pairs of which the first is every third of all, from this one on.
fn lose_pairs(part: usize) {
    let base = Base::new();
    for (index, first) in LOSSES.iter().enumerate().skip(part).step_by(3) {
        for second in LOSSES.iter().skip(index + 1) {
            let pair = [first.file, second.file];
            let factory = base.without(&pair);
            factory.run("restore fleet.tar").succeeded();
            for file in pair {
                assert_eq!(exists(&factory, file), !file.starts_with("images/"), "{file} of {pair:?}");
            }
            factory.run("crl").succeeded();
            // Only what neither the registry nor the list beside it has any more is as the backup had it.
            let published = pair != [REGISTRY, DEVICE_LIST];
            assert_eq!(base.listed(&factory), (true, published), "{pair:?}");
        }
    }
}

#[test]
fn of_each_pair_a_backup_brings_back_all_that_was_published() {
    lose_pairs(0);
}

#[test]
fn of_each_pair_a_backup_brings_back_all_that_was_published_second_part() {
    lose_pairs(1);
}

#[test]
fn of_each_pair_a_backup_brings_back_all_that_was_published_third_part() {
    lose_pairs(2);
}

#[test]
fn the_lists_of_a_broker_host_know_what_registry_and_list_lost_together() {
    let base = Base::new();
    base.fleet.run("export-broker --out broker-files").succeeded();
    let factory = base.without(&[REGISTRY, DEVICE_LIST]);
    crate::factory::copy(&base.fleet.path("broker-files"), &factory.path("broker-files"));
    factory.run("restore fleet.tar").succeeded();
    factory.run("reconcile --certs broker-files").succeeded();
    factory.run("crl").succeeded();
    assert_eq!(base.listed(&factory), (true, true));
}
