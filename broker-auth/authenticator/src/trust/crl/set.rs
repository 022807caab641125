//! The revocation lists of one trust, and where they come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::{CertificateRevocationListDer, UnixTime};

use super::super::config::TrustConfig;
use super::super::error::TrustError;
use super::super::pem::objects;
use super::super::source::TrustSource;
use super::signed::{CrlFault, SignedCrl};
use crate::certificate::{AuthorityCertificate, Fingerprint};

/// The lists of a trust, by the file they came in. Several lists of one issuer count together: what any of them
/// revokes is revoked.
#[derive(Clone, Debug, Default)]
pub(in crate::trust) struct CrlSet {
    files: BTreeMap<PathBuf, CrlFile>,
}

#[derive(Clone, Debug)]
struct CrlFile {
    /// Of the whole file, to see that it did not change without verifying it again.
    digest: Fingerprint,
    lists: Vec<Arc<SignedCrl>>,
}

/// A file that was refused. What it held before, if anything, stays in force.
#[derive(Debug)]
pub(in crate::trust) struct RefusedFile(pub(in crate::trust) TrustError);

impl CrlSet {
    /// Reads every source of `trust`, and reuses of `present` what did not change.
    ///
    /// A refused file keeps its place with what it held in `present`.
    pub(in crate::trust) fn read(
        trust: &TrustConfig,
        authorities: &[&AuthorityCertificate],
        present: &Self,
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> (Self, Vec<RefusedFile>) {
        let mut set = Self::default();
        let mut refused = Vec::new();
        for configured in &trust.crl {
            let files = match source.files(configured) {
                Ok(files) => files,
                Err(error) => {
                    refused.push(RefusedFile(read_error(trust, configured, error)));
                    set.keep(present, |file| file.starts_with(configured));
                    continue;
                }
            };
            for file in files {
                match CrlFile::read(trust, &file, authorities, present.files.get(&file), source, now) {
                    Ok(lists) => {
                        set.files.insert(file, lists);
                    }
                    Err(error) => {
                        refused.push(RefusedFile(error));
                        // A folder that went away is read as a file, and keeps what was in it.
                        set.keep(present, |kept| kept.starts_with(&file));
                    }
                }
            }
        }
        let whole =
            set.refuse_older(trust, source).and_then(|()| set.refuse_loss(trust, authorities, present));
        if let Err(error) = whole {
            refused.push(RefusedFile(error));
            set = present.clone();
        }
        (set, refused)
    }

    fn keep(&mut self, present: &Self, which: impl Fn(&Path) -> bool) {
        let kept = present.files.iter().filter(|(file, _)| which(file));
        self.files.extend(kept.map(|(file, lists)| (file.clone(), lists.clone())));
    }

    /// Across restarts, the newest list of each issuer must not be older than the newest ever seen.
    fn refuse_older(&self, trust: &TrustConfig, source: &dyn TrustSource) -> Result<(), TrustError> {
        for (file, held) in &self.files {
            for list in &held.lists {
                let newest = self.of(&list.issuer).map(|list| list.number).max().unwrap_or(list.number);
                if let Some(highest) = source.highest_crl_number(&list.issuer)
                    && newest < highest
                {
                    let fault = CrlFault::Older { number: newest, highest };
                    return Err(TrustError::Crl { trust: trust.name.clone(), file: file.clone(), fault });
                }
            }
        }
        Ok(())
    }

    /// An emptied folder must not take away the last list of a CA: most likely its files are just being replaced.
    fn refuse_loss(
        &self,
        trust: &TrustConfig,
        authorities: &[&AuthorityCertificate],
        present: &Self,
    ) -> Result<(), TrustError> {
        let lost = authorities.iter().find(|authority| {
            let authority = authority.authority();
            present.of(&authority).next().is_some() && self.of(&authority).next().is_none()
        });
        match lost {
            Some(lost) => {
                Err(TrustError::NoCrl { trust: trust.name.clone(), issuer: lost.subject().to_string() })
            }
            None => Ok(()),
        }
    }

    /// All lists.
    pub(in crate::trust) fn lists(&self) -> impl Iterator<Item = &SignedCrl> {
        self.files.values().flat_map(|file| &file.lists).map(|list| &**list)
    }

    /// The lists that `issuer` signed.
    pub(in crate::trust) fn of(&self, issuer: &Fingerprint) -> impl Iterator<Item = &SignedCrl> {
        self.lists().filter(move |list| list.issuer == *issuer)
    }

    /// Whether both hold the same files with the same contents.
    pub(in crate::trust) fn is_same(&self, other: &Self) -> bool {
        self.files.len() == other.files.len()
            && self
                .files
                .iter()
                .zip(&other.files)
                .all(|((file, one), (other_file, other))| file == other_file && one.digest == other.digest)
    }
}

impl CrlFile {
    fn read(
        trust: &TrustConfig,
        file: &Path,
        authorities: &[&AuthorityCertificate],
        present: Option<&Self>,
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> Result<Self, TrustError> {
        let bytes = source.read(file).map_err(|error| read_error(trust, file, error))?;
        let digest = Fingerprint::of(&bytes);
        if let Some(present) = present.filter(|present| present.digest == digest) {
            return Ok(present.clone());
        }
        let ders = objects::<CertificateRevocationListDer<'static>>(bytes).unwrap_or_default();
        if ders.is_empty() {
            return Err(TrustError::Empty {
                trust: trust.name.clone(),
                file: file.to_owned(),
                what: "revocation list, in PEM or DER",
            });
        }
        let mut lists = Vec::with_capacity(ders.len());
        for der in ders {
            let list = SignedCrl::verify(&der, authorities.iter().copied(), now)
                .and_then(|list| refuse_older_than(list, present))
                .map_err(|fault| TrustError::Crl {
                    trust: trust.name.clone(),
                    file: file.to_owned(),
                    fault,
                })?;
            lists.push(Arc::new(list));
        }
        Ok(Self { digest, lists })
    }
}

/// In one file, a list must not be older than the one of the same issuer that it replaces.
fn refuse_older_than(list: SignedCrl, present: Option<&CrlFile>) -> Result<SignedCrl, CrlFault> {
    let replaced = present.into_iter().flat_map(|file| &file.lists).filter(|old| old.issuer == list.issuer);
    match replaced.map(|old| old.number).max() {
        Some(highest) if list.number < highest => Err(CrlFault::Older { number: list.number, highest }),
        _ => Ok(list),
    }
}

fn read_error(trust: &TrustConfig, file: &Path, source: std::io::Error) -> TrustError {
    TrustError::Read { trust: trust.name.clone(), file: file.to_owned(), source }
}
