//! A transcript of commands, compared with the one that is kept: the words, exit codes and JSON shapes that people
//! and scripts hold on to.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::fleet::Fleet;
use crate::program::{Finished, run};

/// What was typed, what was printed, and the exit codes; and whatever else is recorded.
pub struct Transcript<'a> {
    fleet: &'a Fleet,
    text: String,
}

impl<'a> Transcript<'a> {
    /// Of commands about `fleet`.
    pub fn of(fleet: &'a Fleet) -> Self {
        Self { fleet, text: String::new() }
    }

    /// Runs `countersign-broker ARGS`, where `FLEET` stands for the fleet directory.
    #[track_caller]
    pub fn broker(&mut self, args: &str) {
        self.run("countersign-broker", self.fleet.programs().broker(), args);
    }

    /// Runs `countersign-agent ARGS`, likewise.
    #[track_caller]
    pub fn agent(&mut self, args: &str) {
        self.run("countersign-agent", self.fleet.programs().agent(), args);
    }

    /// Runs `countersign-sim ARGS`, likewise.
    #[track_caller]
    pub fn sim(&mut self, args: &str) {
        self.run("countersign-sim", self.fleet.programs().sim(), args);
    }

    #[track_caller]
    fn run(&mut self, name: &str, mut program: Command, args: &str) {
        let fleet = self.fleet.directory().display().to_string();
        let words = args.split_whitespace().map(|word| word.replace("FLEET", &fleet));
        let ran = run(program.args(words));
        self.add(&format!("{name} {args}"), &ran);
    }

    /// A command that was run by other means, and how it is written.
    pub fn add(&mut self, command: &str, ran: &Finished) {
        let printed = steady_of(self.fleet, &format!("{}{}", ran.stdout, ran.stderr));
        let _ = writeln!(self.text, "$ {command}\n{printed}exit {}\n", ran.code);
    }

    /// A line of its own.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(&steady_of(self.fleet, line));
        self.text.push('\n');
    }

    /// Compares the transcript with `tests/snapshots/NAME.txt`; with `COUNTERSIGN_UPDATE_SNAPSHOTS=1` writes it anew.
    #[track_caller]
    pub fn matches(self, name: &str) {
        matches_snapshot(name, &self.text);
    }

    /// What is recorded so far, to be compared together with others.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Compares `text` with `tests/snapshots/NAME.txt`; with `COUNTERSIGN_UPDATE_SNAPSHOTS=1` writes it anew.
#[track_caller]
pub fn matches_snapshot(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/snapshots/{name}.txt"));
    if std::env::var_os("COUNTERSIGN_UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text).expect("the snapshot can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept == text {
        return;
    }
    let same = kept.lines().zip(text.lines()).take_while(|(one, other)| one == other).count();
    let (wanted, found) = (kept.lines().nth(same), text.lines().nth(same));
    panic!(
        "{} differs from line {}:\n-{}\n+{}\nit would be:\n{text}",
        path.display(),
        same + 1,
        wanted.unwrap_or("(the end)"),
        found.unwrap_or("(the end)")
    );
}

/// `text` with what differs from run to run replaced by its kind, and the places of `fleet` by `FLEET` and `BESIDE`, which is
/// the directory that the fleet directory is in.
pub fn steady_of(fleet: &Fleet, text: &str) -> String {
    let directory = fleet.directory().display().to_string();
    let beside = fleet.beside("").display().to_string();
    steady(&text.replace(&directory, "FLEET").replace(beside.trim_end_matches('/'), "BESIDE"))
}

/// Words that differ from run to run become their kind: times, serials, digests, decisions, ports, long numbers. White
/// space that only aligns them shrinks to two.
fn steady(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.');
    let mut steady = String::new();
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        steady.push_str(&line[..indent]);
        let mut rest = &line[indent..];
        if let Some((name, _)) = rest.split_once(": \"-----BEGIN%20CERTIFICATE") {
            // What is percent-encoded falls into no words.
            steady.push_str(&format!("{name}: \"<certificate>\"\n"));
            continue;
        }
        while !rest.is_empty() {
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            // A full stop or colon at the end is the sentence's.
            let (word, after) = rest.split_at(rest[..length].trim_end_matches(['.', ':']).len());
            steady.push_str(&kind_of(word, &steady));
            let stops = after.len() - after.trim_start_matches(['.', ':']).len();
            let gap = stops + after[stops..].find(is_part).unwrap_or(after.len() - stops);
            let (between, next) = after.split_at(gap);
            steady.push_str(if between.len() > 2 && between.trim().is_empty() && !between.contains('\n') {
                "  "
            } else {
                between
            });
            rest = next;
        }
    }
    steady
}

fn kind_of(word: &str, before: &str) -> String {
    let hex = |word: &str| word.chars().all(|c| c.is_ascii_hexdigit());
    let digits = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    match word.len() {
        // In whole seconds; a line of the log has them to the microsecond.
        20 | 27 if word.ends_with('Z') && word.contains('T') => "<time>".into(),
        _ if before.ends_with("\"seconds_remaining\": ") => "<seconds>".into(),
        32 if hex(word) => "<serial>".into(),
        40 if hex(word) => "<sha1>".into(),
        64 if hex(word) => "<sha256>".into(),
        17.. if word.split_once('-').is_some_and(|(process, _)| process.len() == 16 && hex(process)) => {
            "<decision>".into()
        }
        8 if hex(word) && before.ends_with(" CA ") => "<tag>".into(),
        // Numbers of revocation lists, and seconds since 1970. Shorter ones are limits and counts.
        10.. if digits => "<number>".into(),
        _ => match word.strip_prefix("127.0.0.1:") {
            Some(port) if port != "8883" && port != "0" => "127.0.0.1:<port>".into(),
            _ => word.into(),
        },
    }
}
