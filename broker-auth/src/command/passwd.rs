//! `passwd`: setting and removing passwords in the password file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use broker_rules::store::{ForeignOwner, directory_of, read_file, replaced_file, write_whole};
use ring::rand::{SecureRandom, SystemRandom};
use second_factor::password::{Argon2Hash, PasswordFile, UnusablePassword, remove, set};
use zeroize::Zeroizing;

use crate::args::PasswdArgs;
use crate::config::Config;
use crate::exit;

/// The longest line that is read as a password, in bytes; a password is refused long before.
const MAX_LINE: u64 = 64 * 1024;

pub(crate) fn run(args: &PasswdArgs) -> ExitCode {
    let done = password_file(args).and_then(|file| edit(args, &file));
    match done {
        Ok(text) => exit::print(&text),
        Err(code) => code,
    }
}

/// The file that is edited: the one that is named, or that of the configuration.
fn password_file(args: &PasswdArgs) -> Result<PathBuf, ExitCode> {
    if let Some(file) = &args.file {
        return Ok(file.clone());
    }
    let config = Config::load(&args.config.file())
        .map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, error.fault.help()))?;
    config.second_factors.password.clone().ok_or_else(|| {
        exit::fail(
            exit::INPUT_REFUSED,
            "the configuration names no password file",
            "write file = \"passwords\" into [second-factor.password], or name a file with --file",
        )
    })
}

/// Changes the file, one at a time of those who do so at once.
fn edit(args: &PasswdArgs, file: &Path) -> Result<String, ExitCode> {
    let failed = |error: io::Error| {
        let what = format!("{} cannot be changed: {error}", file.display());
        exit::fail(exit::FAILED, what, "see that its directory is there, and may be written to")
    };
    let file = replaced_file(file).map_err(failed)?;
    if args.remove {
        fs::metadata(&file).map_err(failed)?;
    }
    // Asked for before anybody else is kept waiting.
    let password = if args.remove { None } else { Some(new_password(args)?) };
    let lock = File::open(directory_of(&file)).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let refused = |error: &dyn fmt::Display| {
        let what = format!("{}: {error}", file.display());
        exit::fail(exit::INPUT_REFUSED, what, "put the line right; nothing was changed")
    };
    let text = match read_file(&file) {
        Ok(bytes) => Zeroizing::new(String::from_utf8(bytes).map_err(|_| refused(&"it is not UTF-8"))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
        Err(error) => return Err(failed(error)),
    };
    PasswordFile::parse(&text).map_err(|error| refused(&error))?;
    let (changed, said) = match password {
        Some(password) => {
            let hash = hash(&password)?;
            let changed = set(&text, &args.name, &hash).map_err(|error| refused(&error))?;
            (changed, format!("the password of {} is set\n", args.name))
        }
        None => match remove(&text, &args.name).map_err(|error| refused(&error))? {
            Some(changed) => (changed, format!("{} has no password any more\n", args.name)),
            None => {
                let what = format!("{} has no {}", file.display(), args.name);
                return Err(exit::fail(exit::UNKNOWN, what, "an identity is written namespace/name"));
            }
        },
    };
    write_whole(&file, changed.as_bytes(), ForeignOwner::Refused).map_err(failed)?;
    Ok(said)
}

fn hash(password: &[u8]) -> Result<Argon2Hash, ExitCode> {
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| {
        exit::fail(exit::FAILED, "there are no random numbers", "see that /dev/urandom is there")
    })?;
    Argon2Hash::make(password, &salt).map_err(|error: UnusablePassword| {
        exit::fail(exit::INPUT_REFUSED, error, "choose another password; nothing was changed")
    })
}

/// The new password: from a file, a terminal that is asked twice, or a line of stdin.
fn new_password(args: &PasswdArgs) -> Result<Zeroizing<Vec<u8>>, ExitCode> {
    let unreadable =
        |what: String| exit::fail(exit::INPUT_REFUSED, what, "write the password into it, in one line");
    let mut text = Zeroizing::new(Vec::new());
    if let Some(file) = &args.password_file {
        let read = File::open(file).and_then(|opened| opened.take(MAX_LINE).read_to_end(&mut text));
        read.map_err(|error| unreadable(format!("cannot read {}: {error}", file.display())))?;
    } else if io::stdin().is_terminal() {
        let prompt = |text: &str| {
            let answer = rpassword::prompt_password(text).map(String::into_bytes).map(Zeroizing::new);
            answer.map_err(|error| exit::fail(exit::USAGE, error, "name a file with --password-file"))
        };
        let first = prompt(&format!("New password of {}: ", args.name))?;
        if *prompt("The same again: ")? != *first {
            return Err(exit::fail(exit::USAGE, "the two differ", "type the same password twice"));
        }
        return Ok(first);
    } else {
        let read = io::stdin().lock().take(MAX_LINE).read_to_end(&mut text);
        read.map_err(|error| unreadable(format!("cannot read stdin: {error}")))?;
    }
    // One line ending is the editor's.
    for end in [b"\r\n".as_slice(), b"\n"] {
        if let Some(line) = text.strip_suffix(end) {
            let length = line.len();
            text.truncate(length);
            break;
        }
    }
    Ok(text)
}
