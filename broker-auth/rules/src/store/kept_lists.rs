//! [`KeptLists`]: a copy of the last good revocation lists of each CA, for a start while their files are damaged or gone.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use authenticator::certificate::Fingerprint;
use authenticator::trust::{KeptCrl, LoadedTrust, objects};
use parking_lot::Mutex;
use rustls_pki_types::CertificateRevocationListDer;

use super::files::read_file;
use super::whole_file::{ForeignOwner, write_whole};

/// The folder in the broker's directory.
const FOLDER_NAME: &str = "crl";

/// No more copies are kept or looked at: thirty-two shards of thirty-two CAs.
const MAX_FILES: usize = 1024;

/// The copies, in DER, one for each list: named by the CA, the file that the list came from, and its place in that file.
/// Whoever puts another file there achieves nothing: a copy is verified like any list.
#[derive(Debug)]
pub(super) struct KeptLists {
    folder: PathBuf,
    keep: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Files, by what was in them, whose lists are kept.
    written: BTreeSet<(PathBuf, Fingerprint)>,
    /// The copies that some trust needs, or was started with.
    needed: BTreeSet<String>,
}

impl KeptLists {
    /// The copies in the broker's `directory`. With `keep`, what an interrupted writer left is cleared.
    pub(super) fn open(directory: &Path, keep: bool) -> Self {
        let lists = Self { folder: directory.join(FOLDER_NAME), keep, state: Mutex::default() };
        if keep {
            for name in lists.names().into_iter().filter(|name| name.ends_with(".new")) {
                lists.remove(&name);
            }
        }
        lists
    }

    /// The copies of the lists of `issuer`.
    pub(super) fn of(&self, issuer: &Fingerprint) -> Vec<KeptCrl> {
        let prefix = format!("{issuer}-");
        let names = self.names();
        let names = names.iter().filter(|name| name.starts_with(&prefix) && name.ends_with(".crl"));
        let kept = names.filter_map(|name| {
            let origin = name.strip_prefix(&prefix)?.split('-').next()?.to_owned();
            let file = self.folder.join(name);
            let der = read_file(&file)
                .inspect_err(|error| tracing::warn!("cannot read {}: {error}", file.display()))
                .ok()?;
            self.state.lock().needed.insert(name.clone());
            Some(KeptCrl { file, origin, der })
        });
        kept.collect()
    }

    /// Keeps the lists of `trusts`, as far as their files still hold what was read. With `clear`, copies that no trust
    /// needs any more are removed. What cannot be kept now is tried again the next time.
    pub(super) fn keep(&self, trusts: &[LoadedTrust], clear: bool) {
        if !self.keep {
            return;
        }
        let mut state = self.state.lock();
        for (path, digest, issuers) in trusts.iter().flat_map(LoadedTrust::crl_files) {
            let names = names_of(path, &issuers);
            state.needed.extend(names.iter().cloned());
            let key = (path.to_owned(), digest);
            if state.written.contains(&key) || state.needed.len() > MAX_FILES {
                continue;
            }
            // The file is read again, so that no list need stay in memory for this. What is in it now may be something else.
            let Ok(bytes) = read_file(path) else { continue };
            if Fingerprint::of(&bytes) != digest {
                continue;
            }
            let lists = objects::<CertificateRevocationListDer<'static>>(bytes).unwrap_or_default();
            let written = names.iter().zip(&lists).try_for_each(|(name, list)| self.write(name, list));
            match written {
                Ok(()) => {
                    state.written.retain(|(earlier, _)| earlier != path);
                    state.written.insert(key);
                }
                Err(error) => tracing::error!(
                    "the revocation lists of {} cannot be kept in {}: {error}",
                    path.display(),
                    self.folder.display()
                ),
            }
        }
        if clear {
            let issuers: BTreeSet<_> =
                trusts.iter().flat_map(LoadedTrust::crls).map(|list| format!("{}-", list.issuer)).collect();
            for name in self.names() {
                let is_ours = issuers.iter().any(|issuer| name.starts_with(issuer));
                if is_ours && !state.needed.contains(&name) {
                    self.remove(&name);
                }
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.take(2 * MAX_FILES).collect();
        names.sort();
        names
    }

    fn remove(&self, name: &str) {
        if let Err(error) = std::fs::remove_file(self.folder.join(name)) {
            tracing::warn!("cannot remove {name} in {}: {error}", self.folder.display());
        }
    }

    /// Replaces a copy in one step, if it is not the same: a crash leaves the old one or the new one.
    fn write(&self, name: &str, list: &[u8]) -> io::Result<()> {
        let file = self.folder.join(name);
        if std::fs::metadata(&file).is_ok_and(|there| there.len() == list.len() as u64)
            && read_file(&file).is_ok_and(|there| there == list)
        {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        write_whole(&file, list, ForeignOwner::Replaced)
    }
}

/// The names of the copies of a file with lists of these CAs.
fn names_of(path: &Path, issuers: &[Fingerprint]) -> Vec<String> {
    let origin = Fingerprint::of(path.as_os_str().as_bytes());
    issuers.iter().enumerate().map(|(place, issuer)| format!("{issuer}-{origin}-{place}.crl")).collect()
}
