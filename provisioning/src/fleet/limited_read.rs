//! Reading files to a limit, so that no pipe, device or mistake makes a command read for ever.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The capacity a read begins with where the length is not known, in bytes.
const FIRST_CAPACITY: usize = 64 * 1024;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// What the operating system said.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More than is read.
    #[error("it has more than {limit} bytes")]
    TooLong {
        /// The most that is read.
        limit: usize,
    },
    /// It is not a file of which the end is known.
    #[error("it is {found}, not a file")]
    NotAFile {
        /// What it is.
        found: &'static str,
    },
    /// It is not below the folder that it was named in.
    #[error("it is outside the folder it may be read from")]
    Outside,
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            ReadError::TooLong { .. } => io::ErrorKind::FileTooLarge.into(),
            ReadError::NotAFile { .. } | ReadError::Outside => Self::other(error),
        }
    }
}

/// Reads what a person named, which may be a pipe, to its end.
///
/// What a pipe or a device never ends with is not waited for: after `limit` bytes it is [`ReadError::TooLong`].
pub(crate) fn read_named(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    read_to_limit(File::open(path)?, limit)
}

/// Reads a regular file, or what a link to one names. Nothing else is opened for longer than it takes to see what it is.
pub(crate) fn read_regular(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    // Without `NONBLOCK`, opening a pipe that nobody writes to waits for a writer.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    regular_to_limit(OpenOptions::new().read(true).custom_flags(flags).open(path)?, limit)
}

pub(super) fn regular_to_limit(file: File, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    match unlike_a_file(&file)? {
        Some(found) => Err(ReadError::NotAFile { found }),
        None => read_to_limit(file, limit),
    }
}

fn read_to_limit(file: File, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let metadata = file.metadata()?;
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if metadata.is_file() && length > limit {
        return Err(ReadError::TooLong { limit });
    }
    // A vector that grows leaves copies of a secret behind, so it has room for the whole file from the start.
    let capacity = if metadata.is_file() { length } else { FIRST_CAPACITY };
    let mut content = Zeroizing::new(Vec::with_capacity(capacity.min(limit) + 1));
    let beyond = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(beyond).read_to_end(&mut content)?;
    if content.len() > limit { Err(ReadError::TooLong { limit }) } else { Ok(content) }
}

fn unlike_a_file(file: &File) -> io::Result<Option<&'static str>> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = file.metadata()?.file_type();
    Ok(match kind {
        _ if kind.is_file() => None,
        _ if kind.is_dir() => Some("a directory"),
        _ if kind.is_fifo() => Some("a pipe"),
        _ if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    })
}
