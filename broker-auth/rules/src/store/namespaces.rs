//! [`KnownNamespaces`]: which namespace the clients of each CA belonged to, so that renaming a trust does not go unnoticed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use authenticator::trust::LoadedTrust;
use parking_lot::Mutex;

use super::whole_file::{ForeignOwner, read_if_there, write_whole};

/// The file in the state directory.
const FILE_NAME: &str = "namespaces.json";

/// The namespaces of the clients of each CA, by the fingerprint of its name and key, kept across restarts.
#[derive(Debug)]
pub struct KnownNamespaces {
    file: PathBuf,
    known: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl KnownNamespaces {
    /// What is kept in `directory`. Nothing rests on it but warnings, so one that cannot be read begins anew.
    pub fn open(directory: &Path) -> Self {
        let file = directory.join(FILE_NAME);
        let kept = read_if_there(&file).ok().flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { file, known: Mutex::new(kept.unwrap_or_default()) }
    }

    /// Remembers the namespaces of `trusts`, which are in force. Returns a warning for each CA whose clients belonged to
    /// another before.
    pub fn remember<'a>(&self, trusts: impl Iterator<Item = &'a LoadedTrust>) -> Vec<String> {
        let mut present: BTreeMap<String, (BTreeSet<String>, &LoadedTrust)> = BTreeMap::new();
        for trust in trusts {
            for authority in trust.anchor_authorities() {
                let (namespaces, _) =
                    present.entry(authority.to_string()).or_insert_with(|| (BTreeSet::new(), trust));
                namespaces.insert(trust.config().namespace.to_string());
            }
        }
        let mut known = self.known.lock();
        let mut warnings = BTreeSet::new();
        let before = known.clone();
        for (authority, (namespaces, trust)) in present {
            let earlier = known.insert(authority, namespaces.clone()).unwrap_or_default();
            warnings.extend(earlier.difference(&namespaces).map(|lost| warning(trust, lost)));
        }
        if before != *known
            && let Err(error) = serde_json::to_vec_pretty(&*known)
                .map_err(std::io::Error::from)
                .and_then(|bytes| write_whole(&self.file, &bytes, ForeignOwner::Replaced))
        {
            tracing::error!(file = %self.file.display(), %error, "the namespaces of the CAs cannot be kept");
        }
        warnings.into_iter().collect()
    }
}

/// What the operator of a renamed trust should know.
fn warning(trust: &LoadedTrust, before: &str) -> String {
    let (name, now) = (trust.name(), &trust.config().namespace);
    format!(
        "the clients of trust {name} belonged to namespace {before} and belong to {now} now: they are others than before, \
         and their sessions end; to keep them, set namespace = {before:?} for that trust"
    )
}
