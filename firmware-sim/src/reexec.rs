//! Re-execution: this executable runs as another Countersign command, in a process of its own.
//!
//! `countersign-sim __as countersign-broker run …` does what `countersign-broker run …` does. The demo therefore needs
//! one executable only, and still runs every command as a separate process.

use std::ffi::OsString;
use std::io;
use std::process::Command;

/// The hidden first argument; the name of the program follows it.
const RUN_AS: &str = "__as";

/// The environment variable of a child that ends when its stdin is closed, and does not read stdin otherwise.
const EXIT_WITH_STDIN: &str = "COUNTERSIGN_SIM_TETHER";

/// A command that this executable contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `countersign-provision`
    Provision,
    /// `countersign-broker`
    Broker,
    /// `countersign-sim` itself: the demo runs its devices with it.
    Sim,
}

impl Program {
    const ALL: [Self; 3] = [Self::Provision, Self::Broker, Self::Sim];

    /// The name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provision => "countersign-provision",
            Self::Broker => "countersign-broker",
            Self::Sim => "countersign-sim",
        }
    }

    /// The command that runs the program, without arguments.
    ///
    /// # Errors
    ///
    /// The path of this executable cannot be determined.
    pub fn command(self) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([RUN_AS, self.name()]);
        Ok(command)
    }
}

/// Makes a child of `command` exit when its stdin is closed. If the parent holds the other end of the pipe, the child
/// ends with the parent, however the parent ends.
pub fn exit_with_stdin(command: &mut Command) {
    command.env(EXIT_WITH_STDIN, "1");
}

/// The program that the command line `args` asks for, and the arguments of that program, its name first.
///
/// A re-executed child whose parent called [`exit_with_stdin`] starts to watch its stdin here.
pub fn requested(args: Vec<OsString>) -> (Program, Vec<OsString>) {
    let named = match args.as_slice() {
        [_, word, name, ..] if word == RUN_AS => {
            Program::ALL.into_iter().find(|program| name == program.name())
        }
        _ => None,
    };
    let Some(program) = named else { return (Program::Sim, args) };
    if std::env::var_os(EXIT_WITH_STDIN).is_some() {
        std::thread::spawn(exit_when_stdin_closes);
    }
    (program, args.into_iter().skip(2).collect())
}

#[expect(clippy::exit, reason = "the parent is gone, and a blocked main thread cannot be asked to return")]
fn exit_when_stdin_closes() {
    // The end of the pipe and a read error both mean that the parent is gone.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    std::process::exit(1);
}
