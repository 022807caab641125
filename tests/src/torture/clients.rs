//! The clients of a run, and what the policies let each of them do.

use super::random::Dice;

/// What the broker's policies make of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A device under the policy of a new fleet: it is cut off for a publish that is not its to make.
    Device,
    /// A service with topics that nobody else publishes to, so that what comes back can be foretold.
    Narrow,
    /// A service that may do nearly anything, one of several of the same identity.
    Wide,
}

/// The standings of the clients, in turn.
const STANDINGS: [Standing; 4] = [Standing::Device, Standing::Narrow, Standing::Wide, Standing::Wide];

/// The policies of the services, in front of those of a new fleet.
pub(super) const POLICIES: &str = r##"[[policy]]
name = "wide"
match = { trust = "service-ca", identity = "wide" }
action = "allow"
client-id = "must-start-with"
publish = ["#", "$odd/#"]
subscribe = ["#", "$odd/#", "$share/group/#"]
denied-publish = "disconnect"

[[policy]]
name = "narrow"
match = { trust = "service-ca", identity = ["narrow-0", "narrow-1", "narrow-2", "narrow-3"] }
action = "allow"
client-id = "must-start-with"
publish = ["torture/{identity}/#"]
subscribe = ["torture/{identity}/#"]
denied-publish = "drop"

"##;

/// How many clients the policies name room for.
pub(super) const MAX_CLIENTS: usize = 16;

/// One client.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) number: usize,
    pub(super) standing: Standing,
    /// Whom its certificate names.
    pub(super) identity: String,
    pub(super) client_id: String,
}

/// A topic or filter, and whether the policy allows it.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) text: String,
    pub(super) allowed: bool,
}

impl Part {
    pub(super) fn of(number: usize) -> Self {
        let standing = STANDINGS[number % STANDINGS.len()];
        let round = number / STANDINGS.len();
        let (identity, client_id) = match standing {
            Standing::Device => (format!("device-{round}"), format!("device-{round}")),
            Standing::Narrow => (format!("narrow-{round}"), format!("narrow-{round}/client")),
            Standing::Wide => ("wide".to_owned(), format!("wide/{number}")),
        };
        Self { number, standing, identity, client_id }
    }

    /// A topic to publish to. Never one whose retained message is foretold ([`Self::kept`]).
    pub(super) fn topic(&self, dice: &mut Dice) -> Chosen {
        let own = &self.identity;
        let inside = |text: String| Chosen { text, allowed: true };
        match self.standing {
            Standing::Device if dice.one_in(200) => {
                Chosen { text: "devices/other/status".into(), allowed: false }
            }
            Standing::Device => inside(match dice.within(0..4) {
                0 => format!("devices/{own}/status"),
                1 => format!("devices/{own}/telemetry/größe/温度"),
                _ => format!("devices/{own}/telemetry/{}", dice.within(0..50)),
            }),
            Standing::Narrow if dice.one_in(20) => Chosen { text: "torture/nobody/a".into(), allowed: false },
            Standing::Narrow => {
                let tail = *dice.pick(&[
                    "a",
                    "a/b",
                    "a/b/c",
                    "",
                    "/",
                    "é",
                    "日本/語",
                    "a//b",
                    "+plus".trim_start_matches('+'),
                ]);
                inside(format!("torture/{own}/loud/{tail}"))
            }
            Standing::Wide => inside(match dice.within(0..12) {
                0 => {
                    (*dice.pick(&["a", "a/b", "/", "/a", "a/", "a//b", " ", "\u{1}", "é", "é/x", "日本/語"]))
                        .into()
                }
                1 => "é/x".into(),
                2 => "$odd/x".into(),
                3 => vec!["deep"; dice.within(2..=16)].join("/"),
                4..=6 => format!("flood/{}", dice.within(0..4)),
                7 => format!("many/{}", dice.within(0..5000)),
                8 => format!("devices/device-{}/commands/{}", dice.within(0..2), dice.within(0..3)),
                9 => "shared/t".into(),
                _ => format!("a/{}/c", dice.within(0..8)),
            }),
        }
    }

    /// A filter to subscribe to.
    pub(super) fn filter(&self, dice: &mut Dice) -> Chosen {
        let own = &self.identity;
        let outside = *dice.pick(&["#", "+/+", "$SYS/#", "devices/#", "torture/+/loud/a", "/"]);
        let invalid = *dice.pick(&["a/#/b", "a+", "#/", "a/b#", "+a/b", "$share/group"]);
        let (inside, outside): (String, _) = match self.standing {
            Standing::Device => (
                match dice.within(0..4) {
                    0 => format!("devices/{own}/commands/#"),
                    1 => format!("devices/{own}/commands/+"),
                    2 => format!("devices/{own}/credential/response"),
                    _ => format!("devices/{own}/commands/{}", dice.within(0..3)),
                },
                outside,
            ),
            Standing::Narrow => {
                let tails = [
                    "#",
                    "loud/#",
                    "loud/+",
                    "loud/a",
                    "loud/+/b",
                    "+/a",
                    "loud/é",
                    "loud/a/#",
                    "loud/日本/+",
                ];
                (format!("torture/{own}/{}", dice.pick(&tails)), outside)
            }
            Standing::Wide => {
                let pool = [
                    "#",
                    "+",
                    "+/+",
                    "/#",
                    "+/x",
                    "é/+",
                    "é/#",
                    "a/#",
                    "a/+/c",
                    "a/1/c",
                    "flood/#",
                    "flood/1",
                    "flood/+",
                    "many/#",
                    "shared/t",
                    "$odd/#",
                    "$odd/x",
                    "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/#",
                    "devices/+/commands/#",
                ];
                ((*dice.pick(&pool)).to_owned(), "$SYS/#")
            }
        };
        match dice.within(0..20) {
            0 => Chosen { text: outside.into(), allowed: false },
            1 => Chosen { text: invalid.into(), allowed: false },
            _ => Chosen { text: inside, allowed: true },
        }
    }

    /// A topic of its own whose retained message is foretold: far enough from every other topic that no few wrong
    /// bytes lead to it.
    pub(super) fn kept(&self, number: usize) -> String {
        format!("torture/{}/kept/{number}", self.identity)
    }

    /// What [`Self::kept`] and [`Self::echo`] topics match, and nothing else.
    pub(super) fn kept_filter(&self) -> String {
        format!("torture/{}/kept/+", self.identity)
    }

    /// A topic of its own, for messages to itself.
    pub(super) fn echo(&self, number: u64) -> String {
        format!("torture/{}/echo/{number}", self.identity)
    }

    /// Whether the policy lets it have messages of this topic.
    pub(super) fn may_receive(&self, topic: &str) -> bool {
        let below = |prefix: String| {
            topic.strip_prefix(&prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let own = &self.identity;
        match self.standing {
            Standing::Device => {
                below(format!("devices/{own}/commands"))
                    || topic == format!("devices/{own}/credential/response")
            }
            Standing::Narrow => below(format!("torture/{own}")),
            Standing::Wide => !topic.starts_with('$') || below("$odd".into()),
        }
    }
}

/// Whether a filter matches a topic (MQTT 5 §4.7), as an independent reading of it.
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (filter, topic): (Vec<_>, Vec<_>) = (filter.split('/').collect(), topic.split('/').collect());
    if let [head @ .., "#"] = &*filter {
        return topic.len() >= head.len()
            && head.iter().zip(&topic).all(|(want, has)| *want == "+" || want == has);
    }
    filter.len() == topic.len() && filter.iter().zip(&topic).all(|(want, has)| *want == "+" || want == has)
}
