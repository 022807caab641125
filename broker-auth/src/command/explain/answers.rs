//! [`Answers`]: what the files say, and what the running broker says.

use broker_rules::explanation::Explanation;
use serde::Serialize;

/// What `explain` has found out.
#[derive(Debug, Serialize)]
pub(super) struct Answers {
    /// What a broker that is started now would decide.
    #[serde(flatten)]
    pub(super) files: Explanation,
    /// Where the client's certificate is from.
    pub(super) source: String,
    /// What the running broker decides. `None`: there is none, or it does not say.
    pub(super) running: Option<Explanation>,
    /// Whether the two differ.
    pub(super) differs: bool,
}
