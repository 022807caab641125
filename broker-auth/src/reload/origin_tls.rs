//! Notices new files of `[listener.upstream-tls]` by itself.

use std::sync::Arc;

use broker_rules::watch::WatchedFiles;

use super::watch::ticks;
use crate::transport::OriginTls;

/// Watches the files by which origins are asked: requests from here on are asked by what is new. Runs until it is dropped.
pub(crate) async fn watch_origin_tls(origins: Vec<Arc<OriginTls>>) {
    let mut origins: Vec<_> = origins.into_iter().map(|tls| (WatchedFiles::default(), tls)).collect();
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        for (files, tls) in &mut origins {
            if !files.are_due(&tls.files()) {
                continue;
            }
            match tls.reload() {
                Ok(changed) => {
                    if changed {
                        tracing::info!(
                            "an origin is asked by other files of [listener.upstream-tls] than before"
                        );
                    }
                    files.read(Vec::new(), false);
                }
                Err(error) => {
                    let may_pass = error.may_pass();
                    let why = format!("[listener.upstream-tls]: the origin is asked as before: {error}");
                    files.read(vec![why], may_pass).iter().for_each(|why| tracing::error!("{why}"));
                }
            }
        }
    }
}
