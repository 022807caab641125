//! Why an image is refused: by the reader, and by the writer.

use core::fmt;

use super::MAX_LEN;

/// Why bytes are no credential image. Each fault has its own, so that a station can tell an unprogrammed board
/// from a worn one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The bytes do not start with `CSGN`: erased flash, or something else's.
    Magic,
    /// An image of a version this reader does not know.
    Version {
        /// The version it says.
        found: u16,
    },
    /// The reserved field is not zero.
    Reserved {
        /// What it holds.
        found: u16,
    },
    /// The region ends before the image does.
    Short {
        /// The length of the region in bytes.
        length: usize,
        /// What the image needs.
        needed: usize,
    },
    /// The image says it is longer than a slot can hold.
    TooLong {
        /// What it says, in bytes.
        length: usize,
    },
    /// Header or body were changed after they were written.
    Checksum {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of what is there.
        computed: u32,
    },
    /// Something follows the image, or is left over in its body.
    Trailing {
        /// Where it starts, in bytes from the start of the image.
        offset: usize,
    },
    /// The body was written like this, and makes no sense.
    Body(BodyError),
}

/// Why the body of an image makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is no postcard encoding of an image; an invalid device id or key length ends here too.
    Encoding(postcard::Error),
    /// The device certificate is empty.
    NoCertificate,
    /// There is no CA certificate to recognise the broker by.
    NoBrokerAnchor,
    /// The broker's host or server name is empty, not printable ASCII, or longer than a DNS name.
    Name {
        /// Its length in bytes.
        length: usize,
    },
    /// The broker's port is 0.
    NoPort,
    /// A number or a length is written in more bytes than it needs.
    Overlong,
}

/// Why an image cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It would be longer than [`MAX_LEN`]; usually the certificates are.
    TooLong,
    /// It would be refused by the reader.
    Body(BodyError),
}

impl From<BodyError> for ImageError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<BodyError> for WriteError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "no credential image: it does not start with CSGN"),
            Self::Version { found } => write!(f, "credential image of unknown version {found}"),
            Self::Reserved { found } => {
                write!(f, "the reserved field of the credential image holds {found:#06x}")
            }
            Self::Short { length, needed } => {
                write!(f, "the credential image needs {needed} bytes, the region has {length}")
            }
            Self::TooLong { length } => {
                write!(f, "the credential image says it has {length} bytes, a slot holds {MAX_LEN}")
            }
            Self::Checksum { stored, computed } => {
                write!(
                    f,
                    "the credential image is damaged: its checksum is {stored:08x}, its content has {computed:08x}"
                )
            }
            Self::Trailing { offset } => write!(f, "something follows the credential image at byte {offset}"),
            Self::Body(error) => write!(f, "the credential image makes no sense: {error}"),
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(error) => write!(f, "its body cannot be decoded ({error})"),
            Self::NoCertificate => write!(f, "it has no device certificate"),
            Self::NoBrokerAnchor => write!(f, "it has no broker CA certificate"),
            Self::Name { length } => {
                write!(f, "the broker's name must be 1 to 253 printable ASCII characters, it has {length}")
            }
            Self::NoPort => write!(f, "the broker's port is 0"),
            Self::Overlong => write!(f, "a number in it is written in more bytes than it needs"),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "the credential image would be longer than the {MAX_LEN} bytes of a slot")
            }
            Self::Body(error) => write!(f, "the credential image would make no sense: {error}"),
        }
    }
}

impl core::error::Error for ImageError {}
impl core::error::Error for BodyError {}
impl core::error::Error for WriteError {}
