//! Bytes for postcard: written at once, where serde writes a slice element by element. The encoding is the same.

use serde::{Serialize, Serializer};

/// One slice.
pub(crate) fn one<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// A list of slices.
pub(crate) fn each<S: Serializer>(list: &[&[u8]], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|bytes| Bytes(bytes)))
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one(self.0, serializer)
    }
}
