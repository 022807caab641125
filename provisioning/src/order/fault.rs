//! [`OrderError`]: everything that is wrong with an order file, by line.

use std::fmt;
use std::io;
use std::path::PathBuf;

use device_identity::DeviceIdError;

use crate::csr::CsrError;

/// Why an order file is refused. A refused order makes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is longer than an order can be.
    #[error("{path} has {length} bytes, an order has at most {longest}", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// The most that is read.
        longest: u64,
    },
    /// The header is invalid.
    #[error("{path}: {fault}", path = .path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The fault.
        fault: String,
    },
    /// Some lines are invalid.
    #[error("{path} has {count} bad line(s){lines}", path = .path.display(), count = .lines.len(), lines = Lines(.lines))]
    Lines {
        /// The file.
        path: PathBuf,
        /// All of them, by line number.
        lines: Vec<(u64, LineFault)>,
    },
    /// All lines are valid, and some repeat a device or a key.
    #[error("{path} repeats itself in {count} line(s){lines}", path = .path.display(), count = .lines.len(), lines = Lines(.lines))]
    Duplicates {
        /// The file.
        path: PathBuf,
        /// All of them, by line number.
        lines: Vec<(u64, Duplicate)>,
    },
}

/// What is wrong with one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineFault {
    /// The number of fields differs from the header's.
    #[error("{found} fields, the header has {expected}")]
    Fields {
        /// How many the line has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// The device id is invalid.
    #[error(transparent)]
    DeviceId(#[from] DeviceIdError),
    /// A field is too long.
    #[error("{column} has {characters} characters, at most {longest} fit")]
    TooLong {
        /// The column.
        column: String,
        /// How many characters it has.
        characters: usize,
        /// How many fit.
        longest: usize,
    },
    /// A field has a control character. An unclosed quote is found here too: it makes the lines below part of the
    /// field, line breaks included.
    #[error("{column} has a control character or a line break (an unclosed quote?)")]
    ControlCharacter {
        /// The column.
        column: String,
    },
    /// The signing request cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    CsrFile {
        /// The file of the request.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The signing request is refused.
    #[error("{path}: {fault}", path = .path.display())]
    Csr {
        /// The file of the request.
        path: PathBuf,
        /// Why it is refused.
        fault: CsrError,
    },
    /// The line is valid and repeats a device or a key of an earlier line.
    #[error(transparent)]
    Duplicate(#[from] Duplicate),
}

/// What a line repeats of an earlier line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Duplicate {
    /// A device id.
    #[error("{device_id} is in line {first} already")]
    DeviceId {
        /// The device id.
        device_id: String,
        /// The line that has it first.
        first: u64,
    },
    /// A public key: one signing request for two devices.
    #[error("{device_id} has the same public key as line {first}")]
    PublicKey {
        /// The second device.
        device_id: String,
        /// The line that has the key first.
        first: u64,
    },
}

/// Prints one fault per line.
struct Lines<'a, F>(&'a [(u64, F)]);

impl<F: fmt::Display> fmt::Display for Lines<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(line, fault)| write!(f, "\n  line {line}: {fault}"))
    }
}
