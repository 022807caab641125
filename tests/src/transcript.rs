//! A transcript of commands, compared with the one that is kept: the words, exit codes and JSON shapes that people
//! and scripts hold on to.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::fleet::Fleet;
use crate::program::run;

/// What was typed, what was printed, and the exit codes.
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
        let fleet = self.fleet.directory().display().to_string();
        let words = args.split_whitespace().map(|word| word.replace("FLEET", &fleet));
        let ran = run(self.fleet.programs().broker().args(words));
        let printed = format!("{}{}", ran.stdout, ran.stderr).replace(&fleet, "FLEET");
        let _ = writeln!(self.text, "$ countersign-broker {args}\n{}exit {}\n", steady(&printed), ran.code);
    }

    /// Compares the transcript with `tests/snapshots/NAME.txt`; with `COUNTERSIGN_UPDATE_SNAPSHOTS=1` writes it anew.
    #[track_caller]
    pub fn matches(self, name: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/snapshots/{name}.txt"));
        if std::env::var_os("COUNTERSIGN_UPDATE_SNAPSHOTS").is_some() {
            fs::write(&path, &self.text).expect("the snapshot can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == self.text, "{} differs; it would be:\n{}", path.display(), self.text);
    }
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
        while !rest.is_empty() {
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            steady.push_str(&kind_of(word, &steady));
            let gap = after.find(is_part).unwrap_or(after.len());
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
        20 if word.ends_with('Z') && word.contains('T') => "<time>".into(),
        32 if hex(word) => "<serial>".into(),
        64 if hex(word) => "<sha256>".into(),
        17.. if word.split_once('-').is_some_and(|(process, _)| process.len() == 16 && hex(process)) => {
            "<decision>".into()
        }
        8 if hex(word) && before.ends_with(" CA ") => "<tag>".into(),
        5.. if digits => "<number>".into(),
        _ => match word.strip_prefix("127.0.0.1:") {
            Some(port) if port != "8883" && port != "0" => "127.0.0.1:<port>".into(),
            _ => word.into(),
        },
    }
}
