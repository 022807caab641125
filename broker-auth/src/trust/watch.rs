//! Notices new revocation lists and server certificates by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::crl::files_of;
use super::report::{CrlReport, Freshness};
use super::server_certificate::ServerCertificate;
use super::store::TrustStore;
use crate::certificate::timestamp;

/// How often the files are looked at. Looking costs a few microseconds a file, works on every file system, and sees a
/// rename as well as a rewrite; a tenth of the second in which a revoked device must be gone.
const INTERVAL: Duration = Duration::from_millis(100);

/// Watches the files behind `stores` and `certs`, and swaps in what changed. A file that is refused is logged, and
/// what it held before stays in force. Runs until it is dropped.
pub async fn watch(stores: Vec<Arc<TrustStore>>, certs: Vec<Arc<ServerCertificate>>) {
    // Nothing has been seen yet, so the first tick reads everything again: a file may have changed since it was loaded.
    let mut stores: Vec<_> = stores.into_iter().map(|store| (Stamp::default(), store)).collect();
    let mut certs: Vec<_> = certs.into_iter().map(|certs| (Stamp::default(), certs)).collect();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for (stamp, store) in &mut stores {
            // Taken before the files are read: what changes while they are read is seen at the next tick.
            let found = Stamp::of(&store.crl_sources());
            if found != *stamp {
                *stamp = found;
                let store = Arc::clone(store);
                // A large list takes most of a second to verify; the connections go on meanwhile.
                if tokio::task::spawn_blocking(move || reload_crls(&store)).await.is_err() {
                    tracing::error!("reading the revocation lists failed; the present ones stay in force");
                }
            }
            let aged = store.aged();
            aged.lists.iter().for_each(log_age);
            for anchor in &aged.ended {
                tracing::error!("the anchor {anchor} has ended: its clients are cut off");
            }
        }
        for (stamp, certs) in &mut certs {
            let found = Stamp::of(&certs.files());
            if found != *stamp {
                *stamp = found;
                reload_certificate(certs);
            }
        }
    }
}

fn reload_crls(store: &TrustStore) {
    let report = store.reload_crls();
    for refused in &report.refused {
        tracing::error!("revocation list refused, the present one stays in force: {refused}");
    }
    if report.changed {
        for list in report.trust.trusts.iter().flat_map(|trust| &trust.crls) {
            tracing::info!(
                issuer = list.issuer,
                number = %list.number,
                entries = list.entries,
                next_update = timestamp(list.next_update),
                generation = store.generation(),
                "revocation list in force"
            );
        }
    }
}

fn reload_certificate(certs: &ServerCertificate) {
    match certs.reload() {
        Ok(()) => {
            tracing::info!(not_after = timestamp(certs.not_after()), "server certificate in force");
            if let Some(warning) = certs.warning() {
                tracing::warn!(warning);
            }
        }
        Err(error) => tracing::error!("server certificate refused, the present one stays in force: {error}"),
    }
}

fn log_age(list: &CrlReport) {
    let next_update = timestamp(list.next_update);
    let issuer = &list.issuer;
    match list.freshness {
        Freshness::Current => {
            tracing::info!("the revocation list of {issuer} is current, until {next_update}");
        }
        Freshness::Due => {
            tracing::warn!(
                "the revocation list of {issuer} must be replaced before {next_update}: sign a fresh one"
            );
        }
        Freshness::Late => {
            tracing::warn!(
                "the revocation list of {issuer} was due at {next_update}: its grace is running out"
            );
        }
        Freshness::Stale => {
            tracing::error!("the revocation list of {issuer} was due at {next_update}: it is stale now");
        }
    }
}

/// What tells one state of some files from another, without reading them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    length: u64,
    /// A rename within the resolution of the clock still brings another inode.
    inode: u64,
}

impl Stamp {
    fn of(sources: &[impl AsRef<Path>]) -> Self {
        let files = sources.iter().flat_map(|source| {
            let source = source.as_ref();
            files_of(source).unwrap_or_else(|_| vec![source.to_owned()])
        });
        Self(files.map(|file| (FileStamp::of(&file), file)).map(|(stamp, file)| (file, stamp)).collect())
    }
}

impl FileStamp {
    fn of(file: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self { modified: metadata.modified().ok(), length: metadata.len(), inode: metadata.ino() })
    }
}
