//! Random clocks, kills, backups and losses: no revocation that was published is ever forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::factory::{CommandOutput, Factory};
use crate::lists;

/// The seeds of the runs; COUNTERSIGN_SEEDS=N adds N more. A failure names its own.
const SEEDS: [u64; 3] = [0x5eed_0001_2026_1130, 0x5eed_0002_2026_1130, 0x5eed_0003_2026_1130];

/// How many things happen in a run.
const EVENTS: usize = 60;

/// The devices of the first day.
const DEVICES: usize = 5;

/// What a wrong clock is off by, in days. A right one is in the majority.
const CLOCK_ERRORS: [i64; 8] = [0, 0, 0, 0, 8, 4015, -2000, 1];

/// A random number generator with a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// A fleet, and what it owes.
struct Model {
    factory: Factory,
    random: Random,
    /// How many days have passed in truth.
    day: i64,
    /// How many devices were ordered.
    devices: usize,
    /// Serial numbers that were revoked by a command that ended, and that something in the fleet must still know.
    owed: BTreeSet<String>,
    /// What was owed when the last backup was made.
    owed_by_backup: BTreeSet<String>,
    history: Vec<String>,
}

impl Model {
    fn new(base: &Factory, seed: u64) -> Self {
        Self {
            factory: base.twin(),
            random: Random(seed),
            day: 0,
            devices: DEVICES,
            owed: BTreeSet::new(),
            owed_by_backup: BTreeSet::new(),
            history: vec![format!("seed {seed:#x}")],
        }
    }

    /// The certificates in the published list.
    fn listed(&self) -> BTreeSet<String> {
        self.factory.listed("device-ca").into_iter().map(|(serial, _)| serial).collect()
    }

    /// Runs a command by some clock; `true` if it ended by itself.
    fn run(&mut self, arguments: &str, may_be_killed: bool) -> bool {
        let error = self.random.of(&CLOCK_ERRORS);
        let offset = format!("{:+}d", self.day + error);
        let killed_after = (may_be_killed && self.random.below(4) == 0).then(|| self.random.below(90) as u64);
        self.history
            .push(format!("day {}, off by {error}, killed after {killed_after:?}: {arguments}", self.day));
        let mut command = self.factory.command_at(&offset, arguments);
        match killed_after {
            None => {
                let output = command.output().unwrap();
                let (code, said) = (output.status.code(), String::from_utf8_lossy(&output.stderr));
                // 5: what a registry from a backup lacked was published, and is told.
                assert!(matches!(code, Some(0 | 5)), "{code:?}: {said}: {:#?}", self.history);
                true
            }
            Some(milliseconds) => {
                let mut child =
                    command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(Duration::from_millis(milliseconds));
                // faketime waits for the program, which is in the same group.
                let group = format!("-{}", child.id());
                // It may have ended by itself.
                let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
                let ended = child.wait().unwrap().success();
                // What faketime leaves if it is killed would stop another of the same process id.
                for name in ["sem.faketime_sem", "faketime_shm"] {
                    let _ = fs::remove_file(format!("/dev/shm/{name}_{}", child.id()));
                }
                ended
            }
        }
    }

    /// Runs a command by the right clock.
    fn run_right(&mut self, arguments: &str) -> CommandOutput {
        self.history.push(format!("day {}: {arguments}", self.day));
        self.factory.run_at(&format!("{:+}d", self.day), arguments)
    }

    /// A device that the registry knows now.
    fn device(&mut self) -> Option<String> {
        let device = format!("d{}", self.random.below(self.devices));
        (self.factory.run(&format!("show {device}")).code == 0).then_some(device)
    }

    fn issue(&mut self) {
        let now = Command::new("faketime")
            .args(["-f", &format!("{:+}d", self.day), "date", "-u", "+%FT%TZ"])
            .output()
            .expect("faketime is installed");
        let now = String::from_utf8(now.stdout).unwrap();
        self.run_right(&format!("clock accept --now {}", now.trim())).succeeded();
        let device = format!("d{}", self.devices);
        self.devices += 1;
        self.run_right(&format!("issue {device} --yes")).succeeded();
    }

    fn revoke(&mut self) {
        let Some(device) = self.device() else { return };
        if self.run(&format!("revoke {device}"), true) {
            let serial = self.factory.serial(&device);
            self.owed.insert(serial);
        }
    }

    fn back_up(&mut self) {
        let _ = fs::remove_file(self.factory.path("fleet.tar"));
        self.owed_by_backup = self.owed.clone();
        self.run("backup fleet.tar", false);
        lists::back_up(&self.factory);
    }

    /// What is known after the registry is gone: a list that wrong clocks took an entry off does not know it, and a backup
    /// from before does not either.
    fn forget_all_but(&mut self, known: &BTreeSet<String>) {
        let listed = self.listed();
        self.owed.retain(|serial| listed.contains(serial) || known.contains(serial));
    }

    /// Somebody copies the registry of the last backup over the present one.
    fn copy_back(&mut self) {
        self.history.push("the registry is copied back".to_owned());
        self.forget_all_but(&self.owed_by_backup.clone());
        lists::restore(&self.factory);
    }

    /// Loses the registry. `by` brings it back, however often it is killed.
    fn lose(&mut self, by: &str, known_to_it: &BTreeSet<String>) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(self.factory.path(&format!("fleet/registry.db{suffix}")));
        }
        self.forget_all_but(known_to_it);
        while !self.run(by, true) {}
    }

    /// Publishes by the right clock; nothing owed is missing.
    fn check(&mut self) {
        let output = self.run_right("crl");
        assert!([0, 5].contains(&output.code), "{}: {:#?}", output.stderr, self.history);
        let listed = self.listed();
        let forgotten: Vec<_> = self.owed.difference(&listed).collect();
        assert!(forgotten.is_empty(), "{forgotten:?} of {:#?}", self.history);
    }

    fn happen(&mut self) {
        match self.random.below(16) {
            0..=2 => self.revoke(),
            3..=5 => _ = self.run("crl", true),
            6 => {
                let device = self.device();
                if let Some(device) = device.filter(|device| self.factory.statuses(device) != ["revoked"]) {
                    let change = self.random.of(&["suspend", "resume"]);
                    self.run(&format!("{change} {device}"), true);
                }
            }
            7 => self.back_up(),
            8 => {
                let known = self.owed_by_backup.clone();
                self.lose("restore fleet.tar", &known);
            }
            9 => self.lose("reconcile", &BTreeSet::new()),
            10 => self.day += self.random.of(&[1, 2, 20]),
            11 => self.issue(),
            12 => self.copy_back(),
            13 => _ = self.run("reconcile", true),
            _ => self.check(),
        }
    }
}

#[test]
fn whatever_clocks_kills_and_lost_disks_do_what_was_revoked_is_on_the_next_list() {
    let base = Factory::quick();
    let devices: Vec<_> = (0..DEVICES).map(|number| format!("d{number}")).collect();
    base.run(&format!("issue {}", devices.join(" "))).succeeded();
    let more = std::env::var("COUNTERSIGN_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let more = (1..=more).map(|number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for seed in SEEDS.into_iter().chain(more) {
        let mut model = Model::new(&base, seed);
        model.back_up();
        for _ in 0..EVENTS {
            model.happen();
        }
        model.check();
    }
}
