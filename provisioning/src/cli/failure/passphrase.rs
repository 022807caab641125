//! Why there is no passphrase.

use super::Failure;
use crate::cli::exit_code::USAGE;
use crate::key::PassphraseError;

impl Failure {
    /// No passphrase was given, and there is no terminal to ask for one.
    pub(in crate::cli) fn no_passphrase(what: &str, variable: &str, option: &str) -> Self {
        Self::new(
            USAGE,
            format!("no passphrase for {what}"),
            format!("set {variable}, or give {option} FILE, or run on a terminal"),
        )
    }

    /// An empty passphrase.
    pub(in crate::cli) fn passphrase(error: PassphraseError, origin: &str) -> Self {
        Self::new(USAGE, format!("{error} ({origin})"), "give a passphrase of at least one character")
    }

    /// The two passphrases typed at a prompt differ.
    pub(in crate::cli) fn passphrases_differ() -> Self {
        Self::new(USAGE, "the two passphrases differ", "run the command again and type the same twice")
    }
}
