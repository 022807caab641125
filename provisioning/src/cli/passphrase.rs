//! Reading passphrases from a file, the environment or a terminal.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::arguments;
use super::failure::Failure;
use super::output;
use crate::fleet::read_named;
use crate::key::{Passphrase, Reading};

/// The longest passphrase file that is read, in bytes.
const MAX_PASSPHRASE_FILE_LEN: usize = 4096;

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
        Some(passphrase) => source.sealing(passphrase, &arguments.strength)?,
        None => {
            let prompted = source.prompt("New passphrase for the CA keys: ")?;
            let first = source.sealing(prompted, &arguments.strength)?;
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
    let root = root.given()?.map(|passphrase| root.sealing(passphrase, &arguments.strength)).transpose()?;
    Ok((issuing, root))
}

/// The old and the new passphrase of keys that are encrypted anew; `None` if it is the old one, as OpenSSL reads it.
pub(super) fn resealing(arguments: &arguments::Reseal) -> Result<(Passphrase, Option<Passphrase>), Failure> {
    let old = issuing(&arguments.passphrase)?;
    let file = arguments.new_passphrase_file.as_deref();
    let new = file.map(from_file).transpose()?;
    let source = Source { file, ..issuing_source(&arguments.passphrase) };
    let new = match new {
        Some(new) => Some(source.sealing(new, &arguments.strength)?),
        None => {
            source.refuse_weak(&old, &arguments.strength)?;
            None
        }
    };
    Ok((old, new))
}

/// Says so if the passphrase opened a key in a way that OpenSSL would not read it.
pub(super) fn note_reading(reading: Reading, arguments: &arguments::Passphrase) {
    if reading == Reading::Openssl {
        return;
    }
    let source = issuing_source(arguments);
    match source.file {
        Some(path) => output::note(format_args!(
            "{path} opened the CA keys as earlier versions read it, all of it without the last line ending; OpenSSL \
             reads the first line, as it is. To encrypt the keys with that:\n  countersign-provision ca reseal \
             {option} {path}",
            path = path.display(),
            option = source.option,
        )),
        None => output::note(format_args!(
            "{variable} opened the CA keys as earlier versions read it, without its last line ending; OpenSSL reads \
             all of it. To encrypt the keys with that:\n  countersign-provision ca reseal",
            variable = source.variable,
        )),
    }
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
    /// The passphrase from the file or the environment. What is there and cannot be used is an error: another
    /// passphrase in its place would encrypt keys that its owner cannot open.
    fn given(&self) -> Result<Option<Passphrase>, Failure> {
        if let Some(path) = self.file {
            return from_file(path).map(Some);
        }
        let Some(value) = std::env::var_os(self.variable) else { return Ok(None) };
        let passphrase = Passphrase::from_variable(value);
        passphrase.map(Some).map_err(|error| Failure::passphrase(error, self.variable))
    }

    /// The passphrase typed at the terminal.
    fn prompt(&self, prompt: &str) -> Result<Passphrase, Failure> {
        if !io::stdin().is_terminal() {
            return Err(Failure::no_passphrase(self.what, self.variable, self.option));
        }
        let text = rpassword::prompt_password(prompt).map(Zeroizing::new);
        let text = text.map_err(|error| Failure::terminal(&error, self.variable, self.option))?;
        Passphrase::new(text).map_err(|error| Failure::passphrase(error, "typed"))
    }

    /// A passphrase that is to encrypt keys.
    fn sealing(&self, passphrase: Passphrase, strength: &arguments::Strength) -> Result<Passphrase, Failure> {
        self.refuse_weak(&passphrase, strength)?;
        if passphrase.is_read_otherwise() {
            match self.file {
                Some(path) => output::note(format_args!(
                    "the passphrase for {} is the first line of {} as OpenSSL reads it: up to 1023 bytes, with a \
                     carriage return at its end if there is one",
                    self.what,
                    path.display()
                )),
                None => output::note(format_args!(
                    "the line ending at the end of {} is part of the passphrase for {}",
                    self.variable, self.what
                )),
            }
        }
        Ok(passphrase)
    }

    fn refuse_weak(&self, passphrase: &Passphrase, strength: &arguments::Strength) -> Result<(), Failure> {
        match passphrase.weakness() {
            Some(weak) if !strength.weak_passphrase => Err(Failure::weak_passphrase(weak, self.what)),
            _ => Ok(()),
        }
    }
}

fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let content =
        read_named(path, MAX_PASSPHRASE_FILE_LEN).map_err(|error| Failure::passphrase_file(path, &error))?;
    Passphrase::from_file(&content).map_err(|error| Failure::passphrase(error, &path.display().to_string()))
}
