//! [`OrderError`]: everything that is wrong with an order file, by line.

use std::fmt;
use std::io;
use std::path::PathBuf;

use device_identity::DeviceIdError;

use super::file_kind::FileKind;
use crate::csr::CsrError;
use crate::fleet::ReadError;
use crate::tally::{Counted, Tally};

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
    #[error("{path} is longer than {longest} bytes, the most an order has", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        longest: usize,
    },
    /// The file is no CSV in UTF-8 with commas.
    #[error("{path} is {found}, and an order is CSV with commas, in UTF-8", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: FileKind,
    },
    /// The header is invalid.
    #[error("{path}: {fault}", path = .path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The fault.
        fault: HeaderFault,
    },
    /// Some lines are invalid.
    #[error("{path} has {count} bad line(s){lines}", path = .path.display(), count = .lines.len(), lines = Tally(.lines))]
    Lines {
        /// The file.
        path: PathBuf,
        /// All of them, by line number.
        lines: Vec<FaultyLine<LineFault>>,
    },
    /// All lines are valid, and some repeat a device or a key.
    #[error("{path} repeats itself in {count} line(s){lines}", path = .path.display(), count = .lines.len(), lines = Tally(.lines))]
    Duplicates {
        /// The file.
        path: PathBuf,
        /// All of them, by line number.
        lines: Vec<FaultyLine<Duplicate>>,
    },
}

/// What is wrong with the header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// More columns than an order may have.
    #[error("the header has {found} columns, at most {most} fit")]
    TooManyColumns {
        /// How many it has.
        found: usize,
        /// How many fit.
        most: usize,
    },
    /// The header is not UTF-8.
    #[error("the header is not UTF-8")]
    NotUtf8,
    /// A column without a name.
    #[error("column {column} of the header has no name")]
    Unnamed {
        /// Which column, from 1.
        column: usize,
    },
    /// One name for two columns.
    #[error("the header has the column {name:?} twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// Two names that mean the same column.
    #[error("the columns {first:?} and {second:?} of the header mean the same")]
    SameMeaning {
        /// The first of them.
        first: String,
        /// The second of them.
        second: String,
    },
    /// No column for the device id.
    #[error("the header has no column device_id")]
    NoDeviceId,
}

/// A line, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct FaultyLine<F> {
    /// The line.
    pub(crate) line: u64,
    /// The fault.
    pub(crate) fault: F,
}

impl<F: fmt::Display> fmt::Display for FaultyLine<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
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
    #[error("the line is not UTF-8: after {before:?} comes the byte 0x{byte:02x}")]
    NotUtf8 {
        /// What precedes it in its field.
        before: String,
        /// The byte.
        byte: u8,
    },
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
    /// The order comes through a pipe, which has no folder.
    #[error("no folder is known for its signing request: --csr-dir names it")]
    NoCsrFolder,
    /// The signing request cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    CsrFile {
        /// The file of the request.
        path: PathBuf,
        /// Why not.
        source: ReadError,
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

impl LineFault {
    pub(super) fn not_utf8(field: &[u8], error: std::str::Utf8Error) -> Self {
        let (before, rest) = field.split_at_checked(error.valid_up_to()).unwrap_or((field, &[]));
        Self::NotUtf8 {
            before: String::from_utf8_lossy(before).into_owned(),
            byte: rest.first().copied().unwrap_or_default(),
        }
    }
}

impl Counted for FaultyLine<LineFault> {
    fn kind(&self) -> &'static str {
        match &self.fault {
            LineFault::Fields { .. } => "another number of fields than the header",
            LineFault::NotUtf8 { .. } => "not UTF-8",
            LineFault::DeviceId(_) => "no device id",
            LineFault::TooLong { .. } => "a field that is too long",
            LineFault::ControlCharacter { .. } => "a control character or a line break",
            LineFault::NoCsrFolder => "a signing request in no known folder",
            LineFault::CsrFile { .. } => "a signing request that cannot be read",
            LineFault::Csr { .. } => "a signing request that is refused",
            LineFault::Duplicate(duplicate) => duplicate.kind(),
        }
    }
}

impl Counted for FaultyLine<Duplicate> {
    fn kind(&self) -> &'static str {
        self.fault.kind()
    }
}

impl Duplicate {
    fn kind(&self) -> &'static str {
        match self {
            Self::DeviceId { .. } => "a device that is in the order already",
            Self::PublicKey { .. } => "a key that is in the order already",
        }
    }
}
