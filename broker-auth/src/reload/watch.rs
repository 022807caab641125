//! Notices new revocation lists and server certificates by itself.

use std::sync::Arc;

use broker_rules::store::RulesetStore;
use broker_rules::watch::{Happened, RulesWatch, WATCH_INTERVAL, WatchedFiles};
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;
use tokio::task::spawn_blocking;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::own_certificate_log::OwnCertificateLog;
use crate::transport::ServerCertificate;

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
    let rules = Arc::new(Mutex::new(RulesWatch::of(stores)));
    let mut certificates: Vec<_> = certificates
        .into_iter()
        .map(|(certificate, store)| {
            (WatchedFiles::default(), OwnCertificateLog::default(), certificate, store)
        })
        .collect();
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        let rules = Arc::clone(&rules);
        // A large list takes most of a second to verify; the connections go on meanwhile.
        match spawn_blocking(move || rules.lock().look()).await {
            Ok(happened) => happened.iter().for_each(Happened::log),
            Err(_) => {
                tracing::error!("reading the revocation lists failed; the present ones stay in force");
            }
        }
        for (files, log, certificate, store) in &mut certificates {
            let now = store.now();
            if files.are_due(&certificate.files()) {
                let (refused, may_pass) = reload_certificate(certificate, now);
                files.read(refused, may_pass).iter().for_each(|why| tracing::error!("{why}"));
            }
            log.look(certificate, now);
        }
    }
}

/// Why its files are refused, and whether that may pass by itself.
fn reload_certificate(certificate: &ServerCertificate, now: UnixTime) -> (Vec<String>, bool) {
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
