//! Notices new revocation lists and server certificates by itself.

use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::timestamp;
use authenticator::trust::{CrlReport, Freshness};
use rustls_pki_types::UnixTime;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::clock_step::ClockComparison;
use super::own_certificate_log::OwnCertificateLog;
use super::watched_files::{Refusals, WatchedFiles};
use crate::rules::RulesetStore;
use crate::transport::ServerCertificate;

/// How often the files are looked at. Looking costs a few microseconds a file, works on every file system, and sees a
/// rename as well as a rewrite; a tenth of the second in which a revoked device must be gone.
pub(super) const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// When files are looked at: at once, and then at that interval. A look that takes longer is not made up for.
pub(super) fn ticks() -> Interval {
    let mut ticks = interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Watches the files behind `stores` and `certificates`, each with the store whose time it is judged by, and swaps in what
/// changed. A file that is refused is logged, and what it held before stays in force. Runs until it is dropped.
pub async fn watch(
    stores: Vec<Arc<RulesetStore>>,
    certificates: Vec<(Arc<ServerCertificate>, Arc<RulesetStore>)>,
) {
    let mut stores: Vec<_> = stores
        .into_iter()
        .map(|store| (WatchedFiles::default(), ClockComparison::since(store.clock_time()), store))
        .collect();
    let mut certificates: Vec<_> = certificates
        .into_iter()
        .map(|(certificate, store)| {
            (WatchedFiles::default(), OwnCertificateLog::default(), certificate, store)
        })
        .collect();
    let mut ticks = ticks();
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
