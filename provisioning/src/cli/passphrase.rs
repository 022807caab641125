//! Reading passphrases from a file, the environment or a terminal.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::arguments;
use super::failure::Failure;
use crate::key::Passphrase;

/// The longest passphrase file that is read, in bytes.
const MAX_PASSPHRASE_FILE_LEN: u64 = 4096;

/// The sources of one passphrase, in the order in which they are tried; a terminal is the last.
struct Source<'a> {
    what: &'a str,
    file: Option<&'a Path>,
    variable: &'a str,
    option: &'a str,
}

/// The passphrase of the issuing CAs' keys.
pub(super) fn issuing(arguments: &arguments::Passphrase) -> Result<Passphrase, Failure> {
    let source = issuing_source(arguments);
    match source.given()? {
        Some(passphrase) => Ok(passphrase),
        None => source.prompt("Passphrase of the CA keys: "),
    }
}

/// The passphrases of a new fleet: for the issuing CAs, and for the roots if it is a different one.
pub(super) fn new_fleet(arguments: &arguments::Init) -> Result<(Passphrase, Option<Passphrase>), Failure> {
    let source = issuing_source(&arguments.passphrase);
    let issuing = match source.given()? {
        Some(passphrase) => passphrase,
        None => {
            let first = source.prompt("New passphrase for the CA keys: ")?;
            let second = source.prompt("The same again: ")?;
            if !first.matches(&second) {
                return Err(Failure::passphrases_differ());
            }
            first
        }
    };
    let root = Source {
        what: "the root keys",
        file: arguments.root_passphrase_file.as_deref(),
        variable: "COUNTERSIGN_ROOT_PASSPHRASE",
        option: "--root-passphrase-file",
    };
    Ok((issuing, root.given()?))
}

fn issuing_source(arguments: &arguments::Passphrase) -> Source<'_> {
    Source {
        what: "the CA keys",
        file: arguments.passphrase_file.as_deref(),
        variable: "COUNTERSIGN_PASSPHRASE",
        option: "--passphrase-file",
    }
}

impl Source<'_> {
    /// The passphrase from the file or the environment.
    fn given(&self) -> Result<Option<Passphrase>, Failure> {
        let (text, origin) = if let Some(path) = self.file {
            (read(path)?, path.display().to_string())
        } else if let Ok(text) = std::env::var(self.variable) {
            (Zeroizing::new(text), self.variable.to_owned())
        } else {
            return Ok(None);
        };
        Passphrase::new(text).map(Some).map_err(|error| Failure::passphrase(error, &origin))
    }

    /// The passphrase typed at the terminal.
    fn prompt(&self, prompt: &str) -> Result<Passphrase, Failure> {
        let missing = || Failure::no_passphrase(self.what, self.variable, self.option);
        if !io::stdin().is_terminal() {
            return Err(missing());
        }
        let text = rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|_| missing())?;
        Passphrase::new(text).map_err(|error| Failure::passphrase(error, "typed"))
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error| Failure::unreadable(path, &error);
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_PASSPHRASE_FILE_LEN {
        return Err(unreadable(io::Error::other("longer than a passphrase can be")));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(unreadable)
}
