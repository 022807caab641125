//! Why a payload is no message of a renewal.

use core::fmt;

/// Why a payload is no message of a renewal, or a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// It does not start with `CSRN`.
    Magic,
    /// A version that this reader does not know.
    Version {
        /// The version it says.
        found: u8,
    },
    /// It is longer than a message can be.
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It is no postcard encoding of a message that is expected here.
    Encoding(postcard::Error),
    /// Something follows the message.
    Trailing {
        /// How many bytes.
        length: usize,
    },
    /// A number or a length is written in more bytes than it needs: the same message would have several forms.
    Overlong,
    /// A field is empty, or longer than it can be.
    Length {
        /// Which field.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// The buffer is too small for the message.
    NoRoom,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "no message of a renewal: it does not start with CSRN"),
            Self::Version { found } => write!(f, "a message of a renewal of unknown version {found}"),
            Self::TooLong { length } => write!(f, "{length} bytes are too many for a message of a renewal"),
            Self::Encoding(error) => write!(f, "the message of a renewal makes no sense: {error}"),
            Self::Trailing { length } => write!(f, "{length} bytes follow the message of a renewal"),
            Self::Overlong => write!(f, "a number in the message of a renewal is written in too many bytes"),
            Self::Length { field, length } => {
                write!(f, "the {field} in the message of a renewal has {length} bytes")
            }
            Self::NoRoom => write!(f, "the message of a renewal does not fit where it is to be written"),
        }
    }
}

impl core::error::Error for MessageError {}
