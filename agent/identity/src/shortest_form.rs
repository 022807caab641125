//! Whether an encoding is the only one of its value: postcard takes numbers that are written in more bytes than they
//! need, and what is signed, compared or stored has one form.

use postcard::ser_flavors::Flavor;
use postcard::serialize_with_flavor;
use serde::Serialize;

/// Whether `encoding`, from which `value` was read, is what `value` is written as.
pub(crate) fn is_shortest_form<T: Serialize>(value: &T, encoding: &[u8]) -> bool {
    serialize_with_flavor(value, Comparison(encoding)).is_ok()
}

/// A sink for postcard that compares instead of storing: it fails at the first byte that differs.
struct Comparison<'a>(&'a [u8]);

impl Flavor for Comparison<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match self.0.split_first() {
            Some((same, rest)) if *same == byte => {
                self.0 = rest;
                Ok(())
            }
            _ => Err(postcard::Error::SerializeBufferFull),
        }
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0 = self.0.strip_prefix(bytes).ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }
}
