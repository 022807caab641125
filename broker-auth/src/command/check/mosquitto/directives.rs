//! [`Directive`]: a line of mosquitto.conf, read as mosquitto 2.0 reads it.
//!
//! A name, a space, and the rest of the line. Only a `#` in the first column begins a comment, a tab is no space, and of two
//! lines for one setting the later counts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use broker_rules::config::{ConfigError, ConfigFault, read_text};

/// Configurations are written by people; more files are something else.
const MAX_FILES: usize = 256;

/// A setting, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// The file.
    pub(super) file: PathBuf,
    /// The line, from 1.
    pub(super) line: usize,
    pub(super) name: String,
    /// Without the spaces around it; empty if there is none.
    pub(super) value: String,
}

impl Directive {
    /// Whether it switches something on: mosquitto takes `true` and `1`, and looks at the first word alone.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.value.split(' ').next(), Some("true" | "1"))
    }
}

/// The lines of a file, in order. What is set in it is set for it: an included file begins without a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfFile {
    pub(super) directives: Vec<Directive>,
    /// The files of each `include_dir`, with the number of directives in front of it.
    pub(super) included: Vec<(usize, Vec<Self>)>,
}

/// Why a mosquitto.conf cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfFileError {
    /// It cannot be read, is no UTF-8, or larger than 1 MiB.
    #[error(transparent)]
    Read(#[from] ConfigError),
    /// mosquitto reads texts up to their first NUL.
    #[error("{}:{line}: there is a NUL, and mosquitto passes over what follows it", file.display())]
    Nul {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
    },
    /// A directory cannot be read.
    #[error("{}:{line}: include_dir {:?} cannot be read: {source}", file.display(), directory.display())]
    IncludeDir {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are too many files.
    #[error("{}:{line}: include_dir brings more than {MAX_FILES} files", file.display())]
    TooManyFiles {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
    },
}

impl ConfFileError {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Read(ConfigError { fault: ConfigFault::Read(_), .. }) => {
                "name the file that mosquitto is started with (mosquitto -c FILE)"
            }
            Self::Read(_) | Self::Nul { .. } => "correct the line",
            Self::IncludeDir { .. } => {
                "run this where mosquitto is started, or write the directory from the root, without quotes and spaces"
            }
            Self::TooManyFiles { .. } => "keep fewer files in it",
        }
    }
}

impl ConfFile {
    /// Reads `file` and what it includes.
    ///
    /// # Errors
    /// One of the files cannot be read as mosquitto reads it.
    pub(super) fn read(file: &Path) -> Result<Self, ConfFileError> {
        let mut conf = Self { directives: directives(file, &read_text(file)?)?, included: Vec::new() };
        let mut count = 0;
        for (index, include) in conf.directives.iter().enumerate() {
            if include.name != "include_dir" {
                continue;
            }
            let mut files = Vec::new();
            for path in included_files(include)? {
                count += 1;
                if count > MAX_FILES {
                    return Err(ConfFileError::TooManyFiles { file: file.to_owned(), line: include.line });
                }
                // What these include is passed over by mosquitto, too.
                files.push(Self { directives: directives(&path, &read_text(&path)?)?, ..Self::default() });
            }
            conf.included.push((index, files));
        }
        Ok(conf)
    }
}

#[cfg(test)]
impl ConfFile {
    /// A file that includes none.
    pub(super) fn of_text(text: &str) -> Self {
        let directives = directives(Path::new("mosquitto.conf"), text).expect("a text without NUL");
        Self { directives, ..Self::default() }
    }
}

/// Every file of the directory whose name ends with `.conf` and is longer, as mosquitto sorts them.
fn included_files(include: &Directive) -> Result<Vec<PathBuf>, ConfFileError> {
    let directory = PathBuf::from(&include.value);
    let names = fs::read_dir(&directory).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
    });
    let names = names.map_err(|source| ConfFileError::IncludeDir {
        file: include.file.clone(),
        line: include.line,
        directory: directory.clone(),
        source,
    })?;
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| name.as_encoded_bytes().len() > 5 && name.as_encoded_bytes().ends_with(b".conf"))
        .collect();
    names.sort_by_key(|name| (name.to_ascii_lowercase(), name.clone()));
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

fn directives(file: &Path, text: &str) -> Result<Vec<Directive>, ConfFileError> {
    let mut directives = Vec::new();
    for (line, text) in (1..).zip(text.split('\n')) {
        if text.contains('\0') {
            return Err(ConfFileError::Nul { file: file.to_owned(), line });
        }
        let text = text.trim_end_matches('\r');
        if text.starts_with('#') {
            continue;
        }
        let text = text.trim_start_matches(' ');
        let (name, value) = text.split_once(' ').unwrap_or((text, ""));
        if !name.is_empty() {
            let (name, value) = (name.to_owned(), value.trim_matches(' ').to_owned());
            directives.push(Directive { file: file.to_owned(), line, name, value });
        }
    }
    Ok(directives)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let read = directives(Path::new("mosquitto.conf"), text).expect("a text");
        read.into_iter().map(|directive| (directive.line, directive.name, directive.value)).collect()
    }

    /// Each was tried with mosquitto 2.0.11.
    #[test]
    fn a_line_is_read_as_mosquitto_reads_it() {
        for (text, name, value) in [
            ("listener 8883 127.0.0.1", "listener", "8883 127.0.0.1"),
            ("   listener   8883   ", "listener", "8883"),
            ("cafile /a b\r", "cafile", "/a b"),
            ("listener\t8883", "listener\t8883", ""),
            (" # no comment", "#", "no comment"),
            ("cafile", "cafile", ""),
        ] {
            assert_eq!(read(text), [(1, name.to_owned(), value.to_owned())], "{text:?}");
        }
        assert_eq!(read("# comment\n\n   \n#\nport 1\n").first().map(|(line, ..)| *line), Some(5));
        assert!(directives(Path::new("a"), "port 1\nport 2\0").is_err());
    }

    #[test]
    fn on_is_true_or_1() {
        for (value, is_on) in
            [("true", true), ("1", true), ("true x", true), ("True", false), ("yes", false), ("", false)]
        {
            let directive =
                Directive { file: PathBuf::new(), line: 1, name: String::new(), value: value.to_owned() };
            assert_eq!(directive.is_on(), is_on, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_no_line_is_counted_twice(text in "[a# \t\r\n\u{e9}]{0,80}") {
            let lines: Vec<_> = read(&text).iter().map(|(line, ..)| *line).collect();
            prop_assert!(lines.is_sorted_by(|first, second| first < second));
            prop_assert!(lines.iter().all(|line| *line <= text.split('\n').count()));
        }
    }
}
