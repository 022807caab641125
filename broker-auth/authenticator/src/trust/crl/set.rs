//! The revocation lists of one trust, and where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::{CertificateRevocationListDer, UnixTime};

use super::super::config::TrustConfig;
use super::super::crl_source::CrlSource;
use super::super::error::TrustError;
use super::super::pem::objects;
use super::super::source::TrustSource;
use super::newest::NewestCrl;
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

/// A copy of a list that is in force in the place of a file.
#[derive(Debug)]
pub(in crate::trust) struct Replacement {
    /// The file that was refused.
    pub(in crate::trust) file: PathBuf,
    path: PathBuf,
    pub(in crate::trust) list: Arc<SignedCrl>,
}

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
            let files = match configured {
                CrlSource::Path(path) => source.files(path),
                // What is fetched is one file; a folder in its place is none.
                CrlSource::Url { file, .. } => Ok(vec![file.clone()]),
            };
            let files = match files {
                Ok(files) => files,
                Err(error) => {
                    let path = configured.path();
                    refused.push(RefusedFile(read_error(trust, path, error)));
                    set.keep(present, |file| file.starts_with(path));
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
        refused.extend(set.put_back_older(trust, present, source).into_iter().map(RefusedFile));
        if let Err(error) = set.refuse_loss(trust, authorities, present) {
            refused.push(RefusedFile(error));
            set = present.clone();
        }
        (set, refused)
    }

    fn keep(&mut self, present: &Self, which: impl Fn(&Path) -> bool) {
        let kept = present.files.iter().filter(|(file, _)| which(file));
        self.files.extend(kept.map(|(file, lists)| (file.clone(), lists.clone())));
    }

    /// Across restarts, the newest list of each issuer must not be older than the newest ever seen. Where it is, the files
    /// with lists of that issuer hold again what they held in `present`; other issuers' files are left as they are.
    fn put_back_older(
        &mut self,
        trust: &TrustConfig,
        present: &Self,
        source: &dyn TrustSource,
    ) -> Vec<TrustError> {
        let mut refused = Vec::new();
        for issuer in self.issuers() {
            let Err(fault) = self.refuse_older(&issuer, source) else { continue };
            let has_lists = |file: &CrlFile| file.lists.iter().any(|list| list.issuer == issuer);
            let of_issuer = |files: &BTreeMap<PathBuf, CrlFile>| {
                files
                    .iter()
                    .filter(|(_, file)| has_lists(file))
                    .map(|(file, _)| file.clone())
                    .collect::<BTreeSet<_>>()
            };
            let (read, held) = (of_issuer(&self.files), of_issuer(&present.files));
            self.files.retain(|file, _| !read.contains(file));
            self.keep(present, |file| read.contains(file) || held.contains(file));
            refused.extend(read.into_iter().map(|file| TrustError::Crl {
                trust: trust.name.clone(),
                file,
                fault: fault.clone(),
            }));
        }
        // What was put back may have brought back an old list of an issuer that moved from file to file.
        if self.issuers().iter().any(|issuer| self.refuse_older(issuer, source).is_err()) {
            self.files.clone_from(&present.files);
        }
        refused
    }

    fn refuse_older(&self, issuer: &Fingerprint, source: &dyn TrustSource) -> Result<(), CrlFault> {
        NewestCrl::of(self.of(issuer)).refuse_older_than(&source.newest_crl(issuer))
    }

    /// Who signed its lists.
    fn issuers(&self) -> BTreeSet<Fingerprint> {
        self.lists().map(|list| list.issuer).collect()
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

    /// Puts copies of lists that were in force before in the place of files that were `refused`, each under the path of its
    /// file, or, for a folder or a path that is new, below that. They are judged like any list; returns those in force now,
    /// and why others are not.
    pub(in crate::trust) fn put_kept_in_place(
        &mut self,
        trust: &TrustConfig,
        authorities: &[&AuthorityCertificate],
        refused: &[PathBuf],
        source: &dyn TrustSource,
        now: UnixTime,
    ) -> (Vec<Replacement>, Vec<TrustError>) {
        let (mut replacements, mut errors) = (Vec::new(), Vec::new());
        let read: BTreeSet<_> = self.files.keys().map(|file| origin(file)).collect();
        let kept: Vec<_> = authorities
            .iter()
            .flat_map(|ca| source.kept_crls(&ca.authority()).into_iter().map(move |kept| (*ca, kept)))
            .filter(|(_, kept)| !read.contains(&kept.origin))
            .collect();
        let has_copy = |file: &&PathBuf| kept.iter().any(|(_, kept)| kept.origin == origin(file));
        let without_copy = refused.iter().find(|file| !has_copy(file));
        for (authority, kept) in kept.iter() {
            let (place, path) = match refused.iter().find(|file| kept.origin == origin(file)) {
                Some(file) => (file, file.clone()),
                None => match (without_copy, kept.file.file_name()) {
                    (Some(file), Some(name)) => (file, file.join(name)),
                    _ => continue,
                },
            };
            let list = SignedCrl::verify(&kept.der, std::iter::once(*authority), now)
                .and_then(|list| list.refuse_unfit(trust).map(|()| Arc::new(list)));
            match list {
                Ok(list) => {
                    let digest = Fingerprint::of(&kept.der);
                    let file =
                        self.files.entry(path.clone()).or_insert(CrlFile { digest, lists: Vec::new() });
                    file.lists.push(Arc::clone(&list));
                    replacements.push(Replacement { file: place.clone(), path, list });
                }
                Err(fault) => {
                    errors.push(TrustError::Crl {
                        trust: trust.name.clone(),
                        file: kept.file.clone(),
                        fault,
                    });
                }
            }
        }
        for issuer in self.issuers() {
            let Err(fault) = self.refuse_older(&issuer, source) else { continue };
            for old in replacements.extract_if(.., |replacement| replacement.list.issuer == issuer) {
                if let Some(file) = self.files.get_mut(&old.path) {
                    file.lists.retain(|list| list.issuer != issuer);
                }
                let (trust, fault) = (trust.name.clone(), fault.clone());
                errors.push(TrustError::Crl { trust, file: old.path, fault });
            }
        }
        (replacements, errors)
    }

    /// Its files: the path, the digest of what was in it, and who signed each list, in order.
    pub(in crate::trust) fn files(&self) -> impl Iterator<Item = (&Path, Fingerprint, Vec<Fingerprint>)> {
        self.files.iter().map(|(path, file)| {
            (path.as_path(), file.digest, file.lists.iter().map(|list| list.issuer).collect())
        })
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
        let refuse = |fault| TrustError::Crl { trust: trust.name.clone(), file: file.to_owned(), fault };
        let bytes = source.read(file).map_err(|error| read_error(trust, file, error))?;
        let digest = Fingerprint::of(&bytes);
        if let Some(present) = present.filter(|present| present.digest == digest) {
            // The configuration may be another.
            return present.refuse_unfit(trust).map_err(refuse).map(|()| present.clone());
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
            let list = SignedCrl::verify(&der, authorities.iter().copied(), now).map_err(refuse)?;
            lists.push(Arc::new(list));
        }
        let read = Self { digest, lists };
        read.refuse_unfit(trust).map_err(refuse)?;
        read.refuse_older_than(present).map_err(refuse)?;
        Ok(read)
    }

    fn refuse_unfit(&self, trust: &TrustConfig) -> Result<(), CrlFault> {
        self.lists.iter().try_for_each(|list| list.refuse_unfit(trust))
    }

    /// In one file, lists must not be older than those of the same issuer and scope that they replace.
    fn refuse_older_than(&self, present: Option<&Self>) -> Result<(), CrlFault> {
        self.lists.iter().try_for_each(|list| {
            let of_scope = |file: &'_ Self| {
                NewestCrl::of(
                    file.lists.iter().filter(|other| other.has_scope_of(list)).map(|other| &**other),
                )
            };
            let replaced = present.map(of_scope).unwrap_or_default();
            of_scope(self).refuse_older_than(&replaced)
        })
    }
}

/// What copies call the file that they are from.
fn origin(file: &Path) -> String {
    Fingerprint::of(file.as_os_str().as_encoded_bytes()).to_string()
}

fn read_error(trust: &TrustConfig, file: &Path, source: std::io::Error) -> TrustError {
    TrustError::Read { trust: trust.name.clone(), file: file.to_owned(), source }
}
