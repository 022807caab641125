//! Notices new revocation lists and server certificates by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::timestamp;
use authenticator::trust::{CrlReport, Freshness};
use tokio::time::Instant;

use super::clock_step::ClockComparison;
use super::file_stamp::Stamp;
use crate::rules::RulesetStore;
use crate::transport::{ServerCertificate, ServerCertificateError};

/// How often the files are looked at. Looking costs a few microseconds a file, works on every file system, and sees a
/// rename as well as a rewrite; a tenth of the second in which a revoked device must be gone.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// When a file is tried again that was refused for what may pass by itself: no descriptor was free, the disk was full, the
/// clock was wrong. The file is not written again then, and the devices that it revokes must not stay in.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Watches the files behind `stores` and `certs`, and swaps in what changed. A file that is refused is logged, and
/// what it held before stays in force. Runs until it is dropped.
pub async fn watch(stores: Vec<Arc<RulesetStore>>, certs: Vec<Arc<ServerCertificate>>) {
    let mut stores: Vec<_> = stores
        .into_iter()
        .map(|store| (Files::default(), ClockComparison::since(store.clock_time()), store))
        .collect();
    let mut certs: Vec<_> = certs.into_iter().map(|certs| (Files::default(), certs)).collect();
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Each store's own clock is looked at; usually it is the same, and its step is logged once.
        let mut step = None;
        for (_, clock, store) in &mut stores {
            if let Some(seconds) = clock.step(store.clock_time()) {
                store.clock_was_set();
                step = Some(seconds);
            }
        }
        if let Some(seconds) = step {
            tracing::warn!(seconds, "the clock was set: every session is judged again");
        }
        for (files, _, store) in &mut stores {
            if files.are_due(&store.crl_sources()) {
                let store = Arc::clone(store);
                // A large list takes most of a second to verify; the connections go on meanwhile.
                match tokio::task::spawn_blocking(move || reload_crls(&store)).await {
                    Ok((refused, may_pass)) => files.read(refused, may_pass),
                    Err(_) => {
                        tracing::error!(
                            "reading the revocation lists failed; the present ones stay in force"
                        );
                    }
                }
            }
            let changes = store.status_changes();
            changes.lists.iter().for_each(log_freshness);
            for anchor in &changes.expired {
                tracing::error!("the anchor {anchor} has expired: its clients are cut off");
            }
        }
        for (files, certs) in &mut certs {
            if files.are_due(&certs.files()) {
                let (refused, may_pass) = reload_certificate(certs);
                files.read(refused, may_pass);
            }
        }
    }
}

/// Why files were refused, and whether it may pass by itself.
type Refusals = (Vec<String>, bool);

fn reload_crls(store: &RulesetStore) -> Refusals {
    let report = store.reload_crls();
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
    let refused = report.refused.into_iter();
    let refused = refused
        .map(|why| format!("revocation list refused, the present one stays in force: {why}"))
        .collect();
    (refused, report.may_pass)
}

fn reload_certificate(certs: &ServerCertificate) -> Refusals {
    match certs.reload() {
        Ok(()) => {
            tracing::info!(not_after = timestamp(certs.not_after()), "server certificate in force");
            if let Some(warning) = certs.warning() {
                tracing::warn!(warning);
            }
            (Vec::new(), false)
        }
        Err(error) => {
            let may_pass = matches!(error, ServerCertificateError::Read { .. });
            (vec![format!("server certificate refused, the present one stays in force: {error}")], may_pass)
        }
    }
}

/// What is known of the files behind something.
///
/// At first nothing has been seen, so that everything is read again: a file may have changed since it was loaded.
#[derive(Debug, Default)]
struct Files {
    stamp: Stamp,
    retry_at: Option<Instant>,
    /// Why some were refused since they last changed. The same is not logged at every try.
    refused: Vec<String>,
}

impl Files {
    /// Whether they are to be read: they have changed, or are to be tried again.
    fn are_due(&mut self, sources: &[impl AsRef<Path>]) -> bool {
        // Taken before the files are read: what changes while they are read is seen at the next tick.
        let found = Stamp::of(sources);
        let changed = found != self.stamp;
        if changed {
            (self.stamp, self.refused) = (found, Vec::new());
        }
        changed || self.retry_at.is_some_and(|at| at <= Instant::now())
    }

    /// They were read.
    fn read(&mut self, refused: Vec<String>, may_pass: bool) {
        for why in refused.iter().filter(|why| !self.refused.contains(why)) {
            tracing::error!("{why}");
        }
        self.refused = refused;
        self.retry_at = may_pass.then(|| Instant::now() + RETRY_INTERVAL);
    }
}

fn log_freshness(list: &CrlReport) {
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
