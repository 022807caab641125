//! Notices new password files and key sets by itself.

use std::sync::Arc;

use broker_rules::factors::FactorStore;
use broker_rules::watch::{FactorsWatch, Happened};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use super::watch::ticks;

/// Watches the files behind second factors, and how old their keys are: whoever has shown what is gone is cut off. Runs until
/// it is dropped.
pub(crate) async fn watch_second_factors(second_factors: Arc<FactorStore>) {
    let factors = Arc::new(Mutex::new(FactorsWatch::of(second_factors)));
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        let factors = Arc::clone(&factors);
        // A large file takes a while; whoever revokes is not kept waiting.
        let Ok(happened) = spawn_blocking(move || factors.lock().look()).await else { return };
        happened.iter().for_each(Happened::log);
    }
}
