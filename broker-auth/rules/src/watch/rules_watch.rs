//! [`RulesWatch`]: notices new revocation lists, and what the clock does to those in force.

use std::sync::Arc;

use super::clock_step::ClockComparison;
use super::happened::Happened;
use super::watched_files::WatchedFiles;
use crate::store::RulesetStore;

/// What is known of the files behind some stores, and of the clocks that they are judged by.
#[derive(Debug)]
pub struct RulesWatch(Vec<Watched>);

#[derive(Debug)]
struct Watched {
    files: WatchedFiles,
    clock: ClockComparison,
    store: Arc<RulesetStore>,
}

impl RulesWatch {
    /// Nothing has been seen yet: the first look reads everything again.
    pub fn of(stores: impl IntoIterator<Item = Arc<RulesetStore>>) -> Self {
        let watched = stores.into_iter().map(|store| Watched {
            files: WatchedFiles::default(),
            clock: ClockComparison::since(store.clock_time()),
            store,
        });
        Self(watched.collect())
    }

    /// Looks at the files and the clocks, and puts in force what is new; returns what has happened, in that order. A list
    /// that is refused leaves its predecessor in force. Mostly a few microseconds a file; a large list takes most of a second.
    pub fn look(&mut self) -> Vec<Happened> {
        let mut happened = Vec::new();
        // Each store's own clock is looked at; usually it is the same, and its step is told once.
        let mut step = None;
        for Watched { clock, store, .. } in &mut self.0 {
            if let Some(seconds) = clock.step(store.clock_time()) {
                store.clock_was_set();
                step = Some(seconds);
            }
        }
        happened.extend(step.map(|seconds| Happened::ClockSet { seconds }));
        for Watched { files, store, .. } in &mut self.0 {
            if files.are_due(&store.crl_sources()) {
                happened.extend(reload_crls(store, files));
            }
            let changes = store.status_changes();
            happened.extend(changes.lists.into_iter().map(Happened::Freshness));
            happened.extend(changes.expired.into_iter().map(|subject| Happened::AnchorExpired { subject }));
        }
        happened
    }
}

fn reload_crls(store: &RulesetStore, files: &mut WatchedFiles) -> Vec<Happened> {
    let report = store.reload_crls();
    let mut happened = Vec::new();
    if report.changed {
        let generation = store.generation();
        let lists = report.trust.trusts.into_iter().flat_map(|trust| trust.crls);
        happened.extend(lists.map(|list| Happened::ListInForce { list, generation }));
    }
    happened.extend(report.lost.into_iter().map(Happened::RevocationLost));
    let refused = report.refused.into_iter();
    let refused =
        refused.map(|why| format!("revocation list refused, the present one stays in force: {why}"));
    let news = files.read(refused.collect(), report.may_pass);
    happened.extend(news.into_iter().map(Happened::ListRefused));
    happened
}
