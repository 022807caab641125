//! An image as it will lie in its slot, taken piece by piece: a device that writes one into flash has no room for a
//! second slot in RAM.

use postcard::ser_flavors::{Flavor, Size};
use postcard::serialize_with_flavor;

use super::{Image, MAX_LEN, WriteError, header};

/// An image that can be written, and how long it is.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'i, 'a> {
    image: &'i Image<'a>,
    header: [u8; header::LEN],
    body_len: usize,
}

impl<'a> Image<'a> {
    /// The bytes of this image, header first. An error is what a reader would refuse it for.
    pub fn encoded(&self) -> Result<Encoded<'_, 'a>, WriteError> {
        self.check()?;
        let body_len = serialize_with_flavor(self, Size::default()).map_err(|_| WriteError::TooLong)?;
        if body_len > MAX_LEN - header::LEN {
            return Err(WriteError::TooLong);
        }
        let header = header::of_body(body_len, |digest| {
            // This sink takes every byte, so that the encoding that has been measured does not fail.
            let _ = serialize_with_flavor(self, Digested(digest));
        });
        Ok(Encoded { image: self, header, body_len })
    }
}

impl Encoded<'_, '_> {
    /// The length of the image in bytes, at most [`MAX_LEN`].
    #[expect(clippy::len_without_is_empty, reason = "an image always has its header")]
    pub const fn len(&self) -> usize {
        header::LEN + self.body_len
    }

    /// Copies what of the image lies from `offset` on, in bytes from its start, and 0xFF behind its end.
    pub fn copy(&self, offset: usize, into: &mut [u8]) {
        into.fill(0xff);
        let mut piece = Piece { at: 0, start: offset, into };
        piece.push(&self.header);
        // This sink takes every byte, too.
        let _ = serialize_with_flavor(self.image, piece);
    }
}

/// A sink for postcard that keeps what falls into a window.
struct Piece<'w> {
    /// The place of the next byte, from the start of the image.
    at: usize,
    /// The place of the window.
    start: usize,
    into: &'w mut [u8],
}

impl Piece<'_> {
    fn push(&mut self, bytes: &[u8]) {
        let before = self.start.saturating_sub(self.at).min(bytes.len());
        let place = self.at.saturating_sub(self.start).min(self.into.len());
        let (window, bytes_within) =
            (self.into.get_mut(place..).unwrap_or_default(), bytes.get(before..).unwrap_or_default());
        let length = window.len().min(bytes_within.len());
        if let (Some(window), Some(bytes)) = (window.get_mut(..length), bytes_within.get(..length)) {
            window.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }
}

impl Flavor for Piece<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.push(&[byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.push(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// A sink for postcard that computes the checksum.
struct Digested<'d, 'c>(&'d mut header::Digest<'c>);

impl Flavor for Digested<'_, '_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.update(&[byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.update(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
