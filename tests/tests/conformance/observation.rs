//! What a client saw of a broker, and what the specification says it should see.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// A scenario, played for one protocol version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Play {
    pub(crate) scenario: String,
    /// `3.1.1` or `5`.
    pub(crate) version: String,
}

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observation {
    pub(crate) what: String,
    pub(crate) saw: Value,
    /// What the clause demands; of what it leaves open, what Countersign does.
    pub(crate) spec: Value,
    pub(crate) clause: String,
}

/// Everything that was seen of one broker, in order.
pub(crate) type Observed = BTreeMap<Play, Vec<Observation>>;

impl fmt::Display for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.scenario, self.version)
    }
}

/// What the lines of a file of scenarios say. A scenario that failed fails the test.
#[track_caller]
pub(crate) fn observed(broker: &str, lines: &str) -> Observed {
    let mut observed = Observed::new();
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("{name} in {line}")).to_owned();
        let play = Play { scenario: text("scenario"), version: text("version") };
        if let Some(failed) = value["failed"].as_str() {
            panic!("{play} against {broker}: {failed}");
        }
        let observation = Observation {
            what: text("what"),
            saw: value["saw"].clone(),
            spec: value["spec"].clone(),
            clause: text("clause"),
        };
        observed.entry(play).or_default().push(observation);
    }
    assert!(!observed.is_empty(), "nothing was observed of {broker}");
    observed
}
