//! [`Digesting`]: a reader that digests what passes through it; and the digests of all members.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};

use ring::digest::{Context, SHA256};

use super::member::MemberName;
use crate::digest::Sha256;

/// A reader that digests what passes through it.
pub(super) struct Digesting<R> {
    inner: R,
    context: Context,
    length: u64,
}

impl<R: Read> Digesting<R> {
    /// Digests what `inner` gives.
    pub(super) fn new(inner: R) -> Self {
        Self { inner, context: Context::new(&SHA256), length: 0 }
    }

    /// The digest of what has passed, and how many bytes that were.
    pub(super) fn finish(self) -> (Sha256, u64) {
        (Sha256::from_digest(&self.context.finish()), self.length)
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(buffer.get(..read).unwrap_or_default());
        self.length = self.length.saturating_add(read as u64);
        Ok(read)
    }
}

/// The digests of members, by their names.
pub(super) type Digests = BTreeMap<MemberName, Sha256>;

/// The digests as `sha256sum` writes them.
pub(super) fn manifest(digests: &Digests) -> String {
    let mut text = String::new();
    for (name, digest) in digests {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{digest}  {name}");
    }
    text
}
