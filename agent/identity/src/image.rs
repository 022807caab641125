//! The credential image: what the factory writes into a device's flash, and the device reads in place.
//!
//! ```text
//! offset  length
//!      0       4  "CSGN"
//!      4       2  version, little endian: 1
//!      6       2  reserved: 0
//!      8       4  length of the body in bytes, little endian
//!     12       4  CRC-32/ISO-HDLC over bytes 0–11 and the body, little endian
//!     16          body: postcard, fields in the order of `Image`, numbers in as few bytes as they need
//!             …   0xFF up to the end of the region
//! ```
//!
//! A slot of flash is [`SLOT_LEN`] bytes. The image takes at most [`MAX_LEN`] of them; what is left at the end
//! belongs to the credential store of the device, and is all 0xFF when the factory has written it ("confirmed").

mod body;
mod encoded;
mod error;
mod header;
mod key;

pub use body::{Certificates, Image};
pub use encoded::Encoded;
pub use error::{BodyError, ImageError, WriteError};
pub use header::checksum;
pub use key::PrivateKey;

/// A slot of flash, in bytes: one page of most Cortex-M parts' flash, or several.
pub const SLOT_LEN: usize = 4096;

/// The longest image, in bytes: a slot less the 64 bytes of the device's slot state.
pub const MAX_LEN: usize = SLOT_LEN - 64;

#[cfg(test)]
mod tests;
