//! Where clients see something else in mosquitto with the plugin, by hand. A difference that is gone fails the test.

use std::fmt;

use integration_tests::mqtt::Version;

/// A known difference.
pub(crate) struct Difference {
    scenario: &'static str,
    /// `None`: in both.
    version: Option<Version>,
    what: &'static str,
    /// What is seen in mosquitto.
    pub(crate) mosquitto: &'static str,
    because: &'static str,
}

impl Difference {
    pub(crate) fn is_about(&self, scenario: &str, version: Version, what: &str) -> bool {
        let is_of_version = self.version.is_none_or(|its| its == version);
        self.scenario == scenario && is_of_version && self.what == what
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, what, mosquitto, because, .. } = self;
        write!(f, "{scenario}, {what}: {mosquitto}, because {because}")
    }
}

const DROPPED: &str = "mosquitto asks about each subscription of whoever is kicked, and drops what is denied";

const fn in_both(
    scenario: &'static str,
    what: &'static str,
    mosquitto: &'static str,
    because: &'static str,
) -> Difference {
    Difference { scenario, version: None, what, mosquitto, because }
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    in_both(
        "forbidden-will",
        "is let in",
        "true",
        "mosquitto shows no will at CONNECT; it is judged when it would be published, and dropped",
    ),
    in_both(
        "delayed-will-of-the-suspended",
        "heard",
        "[]",
        "the session is forgotten as soon as its device is on hold, and its will is nobody's",
    ),
    in_both("subscription-of-before-the-suspension", "heard", "[]", DROPPED),
    in_both("subscription-of-before-the-suspension", "still subscribed", "[]", DROPPED),
    in_both(
        "subscription-of-before-the-revocation",
        "its session is there",
        "true",
        "no plugin can end a session that mosquitto keeps; there is nothing in it",
    ),
    in_both(
        "messages-of-before-the-suspension",
        "heard",
        "[\"before\"]",
        "nothing is added to the queue of whoever is on hold, and what mosquitto holds cannot be taken away",
    ),
];
