//! Why there is no passphrase, or none that keys are encrypted with.

use std::io;
use std::path::Path;

use super::Failure;
use crate::cli::exit_code::{FAILED, REFUSED, USAGE};
use crate::fleet::ReadError;
use crate::key::{PassphraseError, ResealError, Weak};

impl Failure {
    /// No passphrase was given, and there is no terminal to ask for one.
    pub(in crate::cli) fn no_passphrase(what: &str, variable: &str, option: &str) -> Self {
        Self::new(
            USAGE,
            format!("no passphrase for {what}"),
            format!("set {variable}, or give {option} FILE, or run on a terminal"),
        )
    }

    /// What was typed cannot be read.
    pub(in crate::cli) fn terminal(error: &io::Error, variable: &str, option: &str) -> Self {
        Self::new(
            USAGE,
            format!("cannot read a passphrase from the terminal: {error}"),
            format!("set {variable}, or give {option} FILE"),
        )
    }

    /// A question was not asked, or its answer cannot be read.
    pub(in crate::cli) fn unanswered(error: &io::Error) -> Self {
        Self::new(
            USAGE,
            format!("cannot ask on the terminal: {error}"),
            "nothing was done; --yes says yes to all that is asked",
        )
    }

    /// An empty passphrase.
    pub(in crate::cli) fn passphrase(error: PassphraseError, origin: &str) -> Self {
        Self::new(USAGE, format!("{error} ({origin})"), "give a passphrase of at least one character")
    }

    /// A passphrase file that cannot be read, or is none.
    pub(in crate::cli) fn passphrase_file(path: &Path, error: &ReadError) -> Self {
        let what = format!("cannot read the passphrase file {}: {error}", path.display());
        match error {
            ReadError::TooLong { .. } => {
                Self::new(REFUSED, what, "give a file with the passphrase and nothing else")
            }
            ReadError::Io(_) | ReadError::NotAFile { .. } | ReadError::Outside => {
                Self::not_read(REFUSED, what, path, error)
            }
        }
    }

    /// A passphrase that is too short to encrypt keys with, unless that is wanted.
    pub(in crate::cli) fn weak_passphrase(weak: Weak, what: &str) -> Self {
        Self::new(
            USAGE,
            format!("the passphrase for {what} is weak: {weak}"),
            "choose a longer one, or say --weak-passphrase; nothing was changed",
        )
    }

    /// The two passphrases typed at a prompt differ.
    pub(in crate::cli) fn passphrases_differ() -> Self {
        Self::new(USAGE, "the two passphrases differ", "run the command again and type the same twice")
    }
}

impl From<ResealError> for Failure {
    fn from(error: ResealError) -> Self {
        match &error {
            ResealError::Read { path, source } => Self::not_read(REFUSED, &error, path, source),
            ResealError::Key { fault, .. } => {
                let help = super::ca::key_help(*fault);
                Self::new(REFUSED, error, help)
            }
            ResealError::Seal(_) => Self::new(FAILED, error, super::FAULT_HELP),
            ResealError::Write { path, source } => Self::io(FAILED, &error, path, source),
        }
    }
}
