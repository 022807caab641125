//! Where mosquitto 2.0.11 differs from Countersign, and who is right.

use std::fmt;

use serde_json::Value;

use crate::observation::{Observation, Play};

/// Whose behaviour the clause demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Countersign's; mosquitto's is a fault.
    Countersign,
    /// The clause leaves it open.
    Both,
}

/// One known difference. What Countersign does is what the scenario says; a difference that is gone fails the test.
#[derive(Debug)]
pub(crate) struct Difference {
    scenario: &'static str,
    /// `3.1.1`, `5`, or `*` for both.
    version: &'static str,
    what: &'static str,
    /// What mosquitto does instead, as JSON.
    mosquitto: &'static str,
    right: Right,
    /// Where it is written, and why it decides so.
    clause: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, version, what, mosquitto, right, clause } = self;
        write!(f, "{scenario} ({version}), {what}: mosquitto does {mosquitto}; right: {right:?}, by {clause}")
    }
}

impl Difference {
    /// Whether it is about this scenario.
    pub(crate) fn is_of(&self, play: &Play) -> bool {
        self.scenario == play.scenario && (self.version == "*" || self.version == play.version)
    }

    /// Whether it is about this observation of its scenario.
    pub(crate) fn is_about(&self, observation: &Observation) -> bool {
        self.what == observation.what
    }

    /// Whether this is what mosquitto is known to do.
    pub(crate) fn is_known(&self, observation: &Observation) -> bool {
        let known: Value = serde_json::from_str(self.mosquitto).expect("the table holds JSON");
        known == observation.saw
    }
}

/// Every known difference.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        scenario: "offline_queueing",
        version: "*",
        what: "with 0, too",
        mosquitto: "false",
        right: Right::Both,
        clause: "4.1: the state of a session may hold QoS 0 messages",
    },
    Difference {
        scenario: "take_over",
        version: "5",
        what: "the first",
        mosquitto: r#""closed""#,
        right: Right::Both,
        clause: "3.1.4-3: the old connection must be closed; that DISCONNECT is sent first is no must",
    },
    Difference {
        scenario: "denied",
        version: "3.1.1",
        what: "answer",
        mosquitto: "[2, 2, 2]",
        right: Right::Both,
        clause: "3.9.3: mosquitto judges each delivery, and grants what will bring nothing",
    },
    Difference {
        scenario: "denied",
        version: "3.1.1",
        what: "alone",
        mosquitto: "[2]",
        right: Right::Both,
        clause: "3.9.3: the same",
    },
    Difference {
        scenario: "denied",
        version: "5",
        what: "answer",
        mosquitto: "[2, 2, 2]",
        right: Right::Both,
        clause: "3.9.3: the same",
    },
    Difference {
        scenario: "denied",
        version: "5",
        what: "alone",
        mosquitto: "[2]",
        right: Right::Both,
        clause: "3.9.3: the same",
    },
    Difference {
        scenario: "overlapping",
        version: "3.1.1",
        what: "the highest",
        mosquitto: "[1]",
        right: Right::Countersign,
        clause: "3.1.1 3.3.5-1: the maximum QoS of all the matching subscriptions",
    },
    Difference {
        scenario: "no_local",
        version: "5",
        what: "without the option",
        mosquitto: "[]",
        right: Right::Countersign,
        clause: "3.8.4-3: a subscription is completely replaced, its options included",
    },
    Difference {
        scenario: "delay_without_a_session",
        version: "5",
        what: "at once",
        mosquitto: "false",
        right: Right::Countersign,
        clause: "3.1.3.2.2: the end of the session, if that is earlier than the delay",
    },
    Difference {
        scenario: "another_session_within_the_delay",
        version: "5",
        what: "heard",
        mosquitto: "[]",
        right: Right::Countersign,
        clause: "3.1.2-8, 3.1.3.2.2: the session has ended",
    },
    Difference {
        scenario: "disconnect_may_end_the_session_and_the_wait",
        version: "5",
        what: "heard",
        mosquitto: "[]",
        right: Right::Countersign,
        clause: "3.1.3.2.2: the session has ended",
    },
    Difference {
        scenario: "maximum_packet_size_of_the_client",
        version: "5",
        what: "with 0",
        mosquitto: r#"[["x", 59], ["y", 58], ["z", 1]]"#,
        right: Right::Countersign,
        clause: "2.1.4, 3.1.2-24: the size counts the whole packet",
    },
    Difference {
        scenario: "maximum_packet_size_of_the_client",
        version: "5",
        what: "with 1",
        mosquitto: r#"[["x", 57], ["y", 56], ["z", 1]]"#,
        right: Right::Countersign,
        clause: "3.1.2-24: the same",
    },
    Difference {
        scenario: "maximum_packet_size_of_the_client",
        version: "5",
        what: "with 2",
        mosquitto: r#"[["x", 57], ["y", 56], ["z", 1]]"#,
        right: Right::Countersign,
        clause: "3.1.2-24: the same",
    },
    Difference {
        scenario: "receive_maximum_of_the_client_for_1",
        version: "5",
        what: "after one answer with 1",
        mosquitto: r#"["2", "3"]"#,
        right: Right::Countersign,
        clause: "3.3.4-9: three messages are unanswered, and two may be",
    },
    Difference {
        scenario: "receive_maximum_of_the_client_for_1",
        version: "5",
        what: "after all answers with 1",
        mosquitto: "[]",
        right: Right::Countersign,
        clause: "3.3.4-9: it was sent too early",
    },
    Difference {
        scenario: "receive_maximum_of_the_client_for_2",
        version: "5",
        what: "after one answer with 2",
        mosquitto: r#"["2", "3"]"#,
        right: Right::Countersign,
        clause: "3.3.4-9: three messages are unanswered, and two may be",
    },
    Difference {
        scenario: "receive_maximum_of_the_client_for_2",
        version: "5",
        what: "after all answers with 2",
        mosquitto: "[]",
        right: Right::Countersign,
        clause: "3.3.4-9: it was sent too early",
    },
    Difference {
        scenario: "second_connect",
        version: "5",
        what: "ended with",
        mosquitto: r#""closed""#,
        right: Right::Both,
        clause: "4.13.1: DISCONNECT should be sent, the connection must be closed",
    },
    Difference {
        scenario: "too_many_in_flight",
        version: "5",
        what: "one more than Receive Maximum",
        mosquitto: r#""Silence""#,
        right: Right::Both,
        clause: "3.3.4-7 binds the client; 4.9: the server may close the connection",
    },
    Difference {
        scenario: "wildcards_in_a_topic",
        version: "5",
        what: "a/+",
        mosquitto: "130",
        right: Right::Both,
        clause: "3.3.2-2 names no code; 0x90 says more than 0x82",
    },
    Difference {
        scenario: "wildcards_in_a_topic",
        version: "5",
        what: "#",
        mosquitto: "130",
        right: Right::Both,
        clause: "3.3.2-2 names no code; 0x90 says more than 0x82",
    },
    Difference {
        scenario: "wildcards_in_a_topic",
        version: "5",
        what: "a/b#",
        mosquitto: "130",
        right: Right::Both,
        clause: "3.3.2-2 names no code; 0x90 says more than 0x82",
    },
    Difference {
        scenario: "wrong_filters",
        version: "*",
        what: "a/#/b",
        mosquitto: r#""closed""#,
        right: Right::Both,
        clause: "4.7.1-1, 4.7.1-2: a malformed packet; 3.9.3 has a code for the one filter",
    },
    Difference {
        scenario: "wrong_filters",
        version: "*",
        what: "a#",
        mosquitto: r#""closed""#,
        right: Right::Both,
        clause: "4.7.1-1, 4.7.1-2: a malformed packet; 3.9.3 has a code for the one filter",
    },
    Difference {
        scenario: "wrong_filters",
        version: "*",
        what: "a+/b",
        mosquitto: r#""closed""#,
        right: Right::Both,
        clause: "4.7.1-1, 4.7.1-2: a malformed packet; 3.9.3 has a code for the one filter",
    },
    Difference {
        scenario: "said_twice",
        version: "3.1.1",
        what: "three times PUBLISH",
        mosquitto: r#"[{"pubrec": 3}, {"pubrec": 3}, "Closed"]"#,
        right: Right::Both,
        clause: "4.4.0-1: nothing is sent again over one connection; what is done about it is open",
    },
    Difference {
        scenario: "said_twice",
        version: "5",
        what: "three times PUBLISH",
        mosquitto: r#"[{"pubrec": 3}, {"pubrec": 3}, "packet 0xe0 \"\\x82\"", "Closed"]"#,
        right: Right::Both,
        clause: "the same",
    },
    Difference {
        scenario: "said_twice",
        version: "*",
        what: "twice PUBREL",
        mosquitto: r#"["Closed"]"#,
        right: Right::Both,
        clause: "the same",
    },
    Difference {
        scenario: "said_twice",
        version: "*",
        what: "delivered",
        mosquitto: "[]",
        right: Right::Both,
        clause: "the same; mosquitto delivers at PUBREL, which 4.3.3 allows",
    },
    Difference {
        scenario: "beside_others",
        version: "3.1.1",
        what: "one of each other group",
        mosquitto: r#"[["m"]]"#,
        right: Right::Both,
        clause: "3.1.1 knows no shared subscriptions",
    },
    Difference {
        scenario: "no_local_on_a_group",
        version: "5",
        what: "ended with",
        mosquitto: r#""not at all""#,
        right: Right::Countersign,
        clause: "3.8.3-4: a Protocol Error",
    },
    Difference {
        scenario: "no_retained_messages",
        version: "5",
        what: "at first",
        mosquitto: r#"["retained"]"#,
        right: Right::Countersign,
        clause: "4.8.2: retained messages are for non-shared subscriptions",
    },
    Difference {
        scenario: "options_are_each_members_own",
        version: "5",
        what: "replaced",
        mosquitto: "[[0, null], [0, null]]",
        right: Right::Countersign,
        clause: "4.8.2: the second is the retained message",
    },
    Difference {
        scenario: "unacknowledged_and_ended",
        version: "5",
        what: "afterwards",
        mosquitto: "[]",
        right: Right::Both,
        clause: "4.8.2: the server should send it to another client",
    },
    Difference {
        scenario: "identifiers",
        version: "5",
        what: "in one copy",
        mosquitto: "2",
        right: Right::Both,
        clause: "3.3.4: one copy, or one for each",
    },
    Difference {
        scenario: "overlapping",
        version: "5",
        what: "the others",
        mosquitto: "[0, 1]",
        right: Right::Both,
        clause: "3.3.4: one copy, or one for each",
    },
];
