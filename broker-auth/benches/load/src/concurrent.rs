//! Many clients at once.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Runs `act` for every item, at most `at_once` of them at a time; what came of it, in the order of the items.
pub async fn each<T, R, F>(at_once: usize, items: impl IntoIterator<Item = T>, act: impl Fn(T) -> F) -> Vec<R>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let permits = Arc::new(Semaphore::new(at_once));
    let mut acts = JoinSet::new();
    for (index, item) in items.into_iter().enumerate() {
        let permits = Arc::clone(&permits);
        let act = act(item);
        acts.spawn(async move {
            let _permit = permits.acquire_owned().await.expect("nobody closes it");
            (index, act.await)
        });
    }
    let mut results = acts.join_all().await;
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
