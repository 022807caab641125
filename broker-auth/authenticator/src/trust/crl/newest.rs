//! [`NewestCrl`]: which of two states of an issuer's lists is the older one.

use rustls_pki_types::UnixTime;

use super::number::CrlNumber;
use super::signed::{CrlFault, SignedCrl};
use crate::certificate::timestamp;

/// The newest of some lists of one issuer: the highest number, where lists have one, and the latest issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewestCrl {
    /// The highest cRLNumber.
    pub number: Option<CrlNumber>,
    /// The latest thisUpdate.
    pub this_update: Option<UnixTime>,
}

impl NewestCrl {
    /// The newest of `lists`.
    pub(super) fn of<'a>(lists: impl Iterator<Item = &'a SignedCrl>) -> Self {
        lists.fold(Self::default(), |newest, list| Self {
            number: newest.number.max(list.number),
            this_update: newest.this_update.max(Some(list.this_update)),
        })
    }

    /// Refuses lists that are older than `before`: by number, if both have one, or else by issue. Several lists of one issuer
    /// may be in force, so only the newest of each side are compared.
    pub(super) fn refuse_older_than(&self, before: &Self) -> Result<(), CrlFault> {
        // Where there are numbers, they alone say which list is newer: a CA whose clock was ahead once, and was put right,
        // goes on to count, and its revocations must not wait until the time that it had said.
        if let (Some(number), Some(highest)) = (self.number, before.number) {
            return if number < highest { Err(CrlFault::Older { number, highest }) } else { Ok(()) };
        }
        if let (Some(this_update), Some(newest)) = (self.this_update, before.this_update)
            && this_update < newest
        {
            return Err(CrlFault::OlderIssue {
                this_update: timestamp(this_update),
                newest: timestamp(newest),
            });
        }
        Ok(())
    }
}
