//! [`Said`]: a decision, as the broker, the plugin and `explain` tell of it.

use serde_json::Value;

/// What all three say of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) is_allowed: bool,
    /// `namespace/name`, if it is known. A random one is `anonymous`.
    pub(crate) identity: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) reason: Option<String>,
    /// The policy that lets it in.
    pub(crate) policy: Option<String>,
}

/// Whether a line of the broker's log is the decision about a client that comes.
pub(crate) fn is_decision(line: &Value) -> bool {
    // What a policy only reports has a note.
    line["event"] == "connect" && line["note"].is_null()
        || line["event"] == "handshake" && line["outcome"] == "refused"
}

impl Said {
    /// Whether it takes the client for a device.
    pub(crate) fn is_of_device(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.starts_with("device-ca/"))
    }

    /// What the broker's log says.
    pub(crate) fn of_broker(line: &Value) -> Self {
        Self::of_json(line, line["outcome"] != "refused")
    }

    /// What `explain --json` says.
    pub(crate) fn of_explain(answer: &Value) -> Self {
        Self::of_json(answer, answer["allowed"] == true)
    }

    fn of_json(object: &Value, is_allowed: bool) -> Self {
        let text = |key: &str| object[key].as_str().map(str::to_owned);
        let identity = text("namespace").zip(text("identity"));
        let identity = identity.map(|(namespace, name)| named(&format!("{namespace}/{name}")));
        let policy = text("policy").filter(|_| is_allowed);
        Self { is_allowed, identity, verdict: text("verdict"), reason: text("reason"), policy }
    }

    /// What a line of mosquitto's log says that the plugin has written, if it is a decision about a client that comes.
    pub(crate) fn of_plugin(line: &str) -> Option<Self> {
        let (_, line) = line.split_once(": countersign: ")?;
        let policy = line.split_once(" is admitted by policy \"").map(|(_, rest)| rest.trim_end_matches('"'));
        let reason = line.split_once(" is refused: ").and_then(|(_, rest)| rest.split(' ').next());
        let whom = line.split_once(", taken for ").and_then(|(_, rest)| rest.split_once("),"));
        let (identity, verdict) = whom.and_then(|(whom, _)| whom.split_once(" (")).unzip();
        (policy.is_some() || reason.is_some()).then(|| Self {
            is_allowed: policy.is_some(),
            identity: identity.map(named),
            verdict: verdict.map(str::to_owned),
            reason: reason.map(str::to_owned),
            policy: policy.map(str::to_owned),
        })
    }
}

fn named(qualified: &str) -> String {
    match qualified.split_once("/anonymous-") {
        Some((namespace, _)) => format!("{namespace}/anonymous"),
        None => qualified.to_owned(),
    }
}
