//! [`TrustLoad`]: a trust that was loaded, and what was refused; the caller decides what that comes to.

use rustls_pki_types::UnixTime;

use super::config::TrustConfig;
use super::crl::Replacement;
use super::error::TrustError;
use super::loaded_trust::LoadedTrust;
use super::source::TrustSource;
use crate::certificate::timestamp;

/// A trust with the revocation lists that could be read.
#[derive(Debug)]
#[must_use]
pub struct TrustLoad {
    trust: LoadedTrust,
    refused: Vec<TrustError>,
}

/// A trust as a broker starts with it.
#[derive(Debug)]
pub struct StartedTrust {
    /// What is in force.
    pub trust: LoadedTrust,
    /// For which refused files a kept list is in force, and how old it is.
    pub replaced: Vec<String>,
    /// What is missing: clients that need it are refused.
    pub refused: Vec<TrustError>,
    /// Whether it can admit anybody.
    pub is_usable: bool,
}

impl TrustLoad {
    /// Loads everything `config` names. Lists that are the same in `present` are not verified again.
    ///
    /// # Errors
    /// A file of CA certificates cannot be read, or is not what it should be.
    pub fn read(
        config: &TrustConfig,
        present: Option<&LoadedTrust>,
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> Result<Self, TrustError> {
        let (trust, refused) = LoadedTrust::load(config, present, source, now)?;
        Ok(Self { trust, refused })
    }

    /// The trust, if nothing was refused and nothing is missing.
    ///
    /// # Errors
    /// A file was refused, or an issuer whose certificates are to be checked has no list.
    pub fn complete(self) -> Result<LoadedTrust, TrustError> {
        if let Some(error) = self.refused.into_iter().next() {
            return Err(error);
        }
        self.trust.refuse_uncovered_issuers()?;
        Ok(self.trust)
    }

    /// The trust with the kept lists of its CAs in the place of those that were refused: what a running broker would have
    /// gone on with. No list may be newer than `newest`; the rest is judged at `now`.
    pub fn with_kept_lists(self, source: &dyn TrustSource, newest: UnixTime, now: UnixTime) -> StartedTrust {
        let Self { mut trust, refused } = self;
        if refused.is_empty() && trust.refuse_uncovered_issuers().is_ok() {
            let is_usable = trust.is_usable(now);
            return StartedTrust { trust, replaced: Vec::new(), refused, is_usable };
        }
        let (replacements, of_kept, refused) = trust.put_kept_crls_in_place(&refused, source, newest);
        let mut replaced = Vec::new();
        let mut missing = Vec::new();
        for error in &refused {
            let is_of_error = |replacement: &&Replacement| match error.file() {
                Some(file) => replacement.file == file,
                // It is about a CA whose lists went away with their folder.
                None => !refused.iter().any(|other| other.file() == Some(&replacement.file)),
            };
            replaced.extend(replacements.iter().filter(is_of_error).map(|replacement| {
                let list = &replacement.list;
                let hours = now.as_secs().saturating_sub(list.this_update.as_secs()) / 3600;
                format!(
                    "{error}; the list of {} that was kept is in force instead: {}, issued at {}, {hours} hours ago",
                    list.issuer_name,
                    list.designation(),
                    timestamp(list.this_update)
                )
            }));
        }
        missing.extend(refused.into_iter().filter(|error| {
            let is_replaced = |replacement: &Replacement| Some(&*replacement.file) == error.file();
            error.file().is_some() && !replacements.iter().any(is_replaced)
        }));
        missing.extend(of_kept);
        missing.extend(trust.refuse_uncovered_issuers().err());
        StartedTrust { is_usable: trust.is_usable(now), trust, replaced, refused: missing }
    }
}
