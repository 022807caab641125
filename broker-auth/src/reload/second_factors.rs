//! Notices new password files and key sets by itself.

use std::sync::Arc;

use broker_rules::factors::FactorStore;
use broker_rules::watch::WatchedFiles;

use super::watch::ticks;

/// Watches the files behind second factors, and how old their keys are: whoever has shown what is gone is cut off. Runs until
/// it is dropped.
pub(crate) async fn watch_second_factors(second_factors: Arc<FactorStore>) {
    let mut files = WatchedFiles::default();
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        second_factors.notice_age();
        if !files.are_due(&second_factors.files()) {
            continue;
        }
        let reading = Arc::clone(&second_factors);
        // A large file takes a while; whoever revokes is not kept waiting.
        let reloaded = tokio::task::spawn_blocking(move || reading.reload()).await;
        let Ok(reloaded) = reloaded else { return };
        match reloaded {
            Ok(changed) => {
                if changed {
                    tracing::info!("second factors are verified by other files than before");
                }
                files.read(Vec::new(), false);
            }
            Err(error) => {
                let may_pass = error.may_pass();
                let why = format!("second factors are verified as before: {error}");
                files.read(vec![why], may_pass).iter().for_each(|why| tracing::error!("{why}"));
            }
        }
    }
}
