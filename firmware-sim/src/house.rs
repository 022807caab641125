//! This program as the other commands, and as itself: `countersign-sim __as broker run …` is `countersign-broker run …`.
//!
//! So that the demo needs one build and one file, and still runs every command as a process of its own.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};

/// The hidden first argument.
const AS: &str = "__as";

/// Set for a child that must not outlive us and leaves its stdin alone.
const TETHER: &str = "COUNTERSIGN_SIM_TETHER";

/// One of the other commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resident {
    /// `countersign-provision`
    Provision,
    /// `countersign-broker`
    Broker,
    /// `countersign-sim` itself, for a device
    Sim,
}

impl Resident {
    const ALL: [Self; 3] = [Self::Provision, Self::Broker, Self::Sim];

    /// The name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Provision => "countersign-provision",
            Self::Broker => "countersign-broker",
            Self::Sim => "countersign-sim",
        }
    }

    /// The command that runs it, without arguments.
    pub fn command(self) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([AS, self.program()]);
        Ok(command)
    }
}

/// Makes a child of `command` end when its stdin does, that is, when this process does, however that comes about.
pub fn tether(command: &mut Command) {
    command.env(TETHER, "1");
}

/// If `args` ask for another command, runs it and returns how it ended.
pub fn answer(args: &[OsString]) -> Option<ExitCode> {
    let [_, word, program, ..] = args else { return None };
    if word != AS {
        return None;
    }
    let resident = Resident::ALL.into_iter().find(|resident| program == resident.program())?;
    if std::env::var_os(TETHER).is_some() {
        std::thread::spawn(end_with_stdin);
    }
    let args = args.iter().skip(2).cloned();
    Some(match resident {
        Resident::Provision => provisioning::cli::main(args),
        Resident::Broker => broker_auth::cli::main(args),
        Resident::Sim => crate::cli::main(args),
    })
}

#[expect(clippy::exit, reason = "whoever started this process is gone, and nobody is left to return to")]
fn end_with_stdin() {
    // Read to its end, or broken: either way the other end is gone.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    std::process::exit(1);
}
