//! [`LoadError`]: why trust cannot be loaded.

use std::borrow::Cow;
use std::io::ErrorKind;

use authenticator::trust::TrustError;

use super::crl_numbers::CrlNumbersError;
use super::time_floor::TimeFloorError;

/// Why the trusts of a listener cannot be loaded. What was loaded before stays.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A trust is not what it should be.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The record of the highest CRL numbers cannot be read or written.
    #[error(transparent)]
    Numbers(#[from] CrlNumbersError),
    /// The time floor cannot be written.
    #[error(transparent)]
    Floor(#[from] TimeFloorError),
}

impl LoadError {
    /// Whether it may pass without a change of the files: they could not be read or written, or the clock is wrong.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Trust(error) => error.may_pass(),
            Self::Numbers(error) => matches!(error, CrlNumbersError::Write { .. }),
            Self::Floor(error) => matches!(error, TimeFloorError::Write { .. }),
        }
    }

    /// Whether there was no room for what is to be remembered.
    pub(super) fn is_of_full_disk(&self) -> bool {
        let (Self::Numbers(CrlNumbersError::Write { source, .. })
        | Self::Floor(TimeFloorError::Write { source, .. })) = self
        else {
            return false;
        };
        matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
    }

    /// Whether it is about a file that is fetched, and may be there later.
    pub fn is_of_fetched(&self) -> bool {
        matches!(self, Self::Trust(TrustError::Fetched { .. }))
    }

    /// Whether it is about a list that has not been fetched yet.
    pub fn is_not_fetched(&self) -> bool {
        let Self::Trust(TrustError::Fetched { source, .. }) = self else { return false };
        matches!(&**source, TrustError::Read { source, .. } if source.kind() == ErrorKind::NotFound)
    }

    /// What to do about it.
    pub fn help(&self) -> Cow<'static, str> {
        match self {
            Self::Trust(error) => error.help(),
            Self::Numbers(CrlNumbersError::Damaged { .. }) => {
                "restore the file; if that is not possible, delete it, and make sure that the lists are the newest".into()
            }
            Self::Numbers(_) | Self::Floor(_) => "check the state directory: its permissions, and the room on its disk".into(),
        }
    }
}
