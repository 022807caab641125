//! The verdict of a running broker beside that of `explain`, for everything that can be shown or asked; with a line that says
//! in what they differ, and a list of all differences at the end.
//!
//! Only words are compared that both give: allowed or refused, the reason, the evidence. What the broker answers without a
//! decision, such as a malformed packet, is written as what the client hears and the log tells.

mod changes;
mod comparison;
mod connects;
mod topics;
mod trust;

use std::thread;

use integration_tests::transcript::matches_snapshot;

use self::changes::live_sessions;
use self::comparison::Recorded;
use self::connects::{certificates, client_ids, wills_and_connects};
use self::topics::{publishes, subscriptions};
use self::trust::{ended_anchor, intermediates, stale_list};

/// The parts that wait for certificates and lists to end are recorded beside the others.
#[test]
fn the_broker_and_explain_side_by_side() {
    let waiting: [fn() -> Recorded; 5] = [
        live_sessions,
        || stale_list("deny-new"),
        || stale_list("deny-all"),
        || stale_list("alarm"),
        ended_anchor,
    ];
    let parts: [fn() -> Recorded; 6] =
        [certificates, intermediates, client_ids, wills_and_connects, publishes, subscriptions];
    let (texts, differences): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let waiting = waiting.map(|part| scope.spawn(part));
        let recorded = parts.map(|part| part());
        let waited = waiting.map(|part| part.join().expect("a part is recorded"));
        recorded.into_iter().chain(waited).unzip()
    });
    let differences = differences.concat().join("\n");
    matches_snapshot("verdicts", &format!("{}# Where they differ\n\n{differences}\n", texts.concat()));
}
