//! Notices new revocation lists and server certificates by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use authenticator::certificate::timestamp;
use authenticator::trust::{CrlReport, Freshness};
use rustls_pki_types::UnixTime;
use tokio::time::Instant;

use super::clock_step::ClockComparison;
use super::file_stamp::{Contents, Stamp};
use super::own_certificate_log::OwnCertificateLog;
use crate::rules::RulesetStore;
use crate::transport::ServerCertificate;

/// How often the files are looked at. Looking costs a few microseconds a file, works on every file system, and sees a
/// rename as well as a rewrite; a tenth of the second in which a revoked device must be gone.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// When a file is tried again that was refused for what may pass by itself: no descriptor was free, the disk was full, the
/// clock was wrong. The file is not written again then, and the devices that it revokes must not stay in.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// How often files are read again that have just changed, and small ones compared by content: what no time of a file tells
/// is seen within a second.
const COMPARE_INTERVAL: Duration = Duration::from_millis(500);

/// Watches the files behind `stores` and `certificates`, each with the store whose time it is judged by, and swaps in what
/// changed. A file that is refused is logged, and what it held before stays in force. Runs until it is dropped.
pub async fn watch(
    stores: Vec<Arc<RulesetStore>>,
    certificates: Vec<(Arc<ServerCertificate>, Arc<RulesetStore>)>,
) {
    let mut stores: Vec<_> = stores
        .into_iter()
        .map(|store| (Files::default(), ClockComparison::since(store.clock_time()), store))
        .collect();
    let mut certificates: Vec<_> = certificates
        .into_iter()
        .map(|(certificate, store)| (Files::default(), OwnCertificateLog::default(), certificate, store))
        .collect();
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
        for (files, log, certificate, store) in &mut certificates {
            let now = store.now();
            if files.are_due(&certificate.files()) {
                let (refused, may_pass) = reload_certificate(certificate, now);
                files.read(refused, may_pass);
            }
            log.look(certificate, now);
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
                number = list.number.map(tracing::field::display),
                entries = list.entries,
                next_update = timestamp(list.next_update),
                generation = store.generation(),
                "revocation list in force"
            );
        }
    }
    report.lost.iter().for_each(|lost| tracing::warn!("{lost}"));
    let refused = report.refused.into_iter();
    let refused = refused
        .map(|why| format!("revocation list refused, the present one stays in force: {why}"))
        .collect();
    (refused, report.may_pass)
}

fn reload_certificate(certificate: &ServerCertificate, now: UnixTime) -> Refusals {
    match certificate.reload(now) {
        Ok(changed) => {
            changed.into_iter().flatten().for_each(|warning| tracing::warn!(warning));
            (Vec::new(), false)
        }
        Err(error) => {
            let may_pass = error.may_pass();
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
    contents: Contents,
    compare_at: Option<Instant>,
    /// They had only just changed when they were last compared.
    racy: bool,
    retry_at: Option<Instant>,
    /// Why some were refused since they last changed. The same is not logged at every try.
    refused: Vec<String>,
}

impl Files {
    /// Whether they are to be read: they have changed, may have changed unseen, or are to be tried again.
    fn are_due(&mut self, sources: &[impl AsRef<Path>]) -> bool {
        // Taken before the files are read: what changes while they are read is seen at the next tick.
        self.are_due_as(Stamp::of(sources), SystemTime::now(), Instant::now())
    }

    /// The same for files that were found like this at the time `told` of the machine's clock.
    fn are_due_as(&mut self, found: Stamp, told: SystemTime, now: Instant) -> bool {
        let mut changed = found != self.stamp;
        let mut may_have_changed = false;
        if changed || self.compare_at.is_none_or(|at| at <= now) {
            // The files were racy when they were last looked at: then what was read may be from before a change.
            may_have_changed = self.racy;
            self.racy = found.is_racy(told);
            changed |= self.contents.differ(&found);
            self.compare_at = Some(now + COMPARE_INTERVAL);
        }
        if changed {
            (self.stamp, self.refused) = (found, Vec::new());
        }
        changed || may_have_changed || self.retry_at.is_some_and(|at| at <= now)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose times never tell that it changed: what a stamp of before stands for.
    #[test]
    fn a_change_that_no_time_tells_is_seen_within_a_second() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.crl");
        let write = |length: usize, octet: u8| std::fs::write(&file, vec![octet; length]).unwrap();
        // Small files are compared whenever they changed; large ones are read again while they have just changed.
        for (length, age, seen) in [
            (400, Duration::ZERO, true),
            (400, Duration::from_secs(3600), true),
            (2_000_000, Duration::ZERO, true),
            (2_000_000, Duration::from_secs(3600), false),
        ] {
            write(length, 1);
            let stamp = Stamp::of(&[&file]);
            let (told, begin) = (SystemTime::now() + age, Instant::now());
            let mut files = Files::default();
            assert!(files.are_due_as(stamp.clone(), told, begin), "nothing was known");
            write(length, 2);
            assert!(!files.are_due_as(stamp.clone(), told, begin + Duration::from_millis(100)));
            let due = (2..=10)
                .filter(|tick| files.are_due_as(stamp.clone(), told, begin + *tick * WATCH_INTERVAL))
                .count();
            assert_eq!(due > 0, seen, "{length} bytes, {age:?} after the change");
            // Later, nothing is read again.
            let later = told + Duration::from_secs(10);
            let mut due_at =
                |seconds| files.are_due_as(stamp.clone(), later, begin + Duration::from_secs(seconds));
            due_at(11);
            assert!(!due_at(12) && !due_at(13), "{length} bytes, {age:?} after the change");
        }
    }
}
