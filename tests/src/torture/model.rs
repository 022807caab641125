//! What a broker owes one client: the acknowledgements of what was sent, and the state of its session.
//!
//! Packets of a client that keeps to the protocol have foretold answers. They come in the order of what they answer,
//! kind by kind (MQTT 5 §4.6); everything owed has come when the answer to a later PINGREQ has. What a connection left
//! unanswered when it ended is uncertain, and is foretold as one of two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::answer::{Answer, Delivered};
use super::clients::{Part, matches};
use super::deviation::{Deviation, deviates};
use super::incoming::Incoming;
use super::owed::{Code, Owed};
use super::packet::{Opening, Publish};
use crate::mqtt::Version;

/// A QoS 2 message to the broker whose PUBCOMP is outstanding.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) publish: Publish,
    /// Whether the policy allows it.
    pub(super) allowed: bool,
    pub(super) stage: Sending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// PUBLISH was sent over the present connection, and PUBREC is owed.
    Sent,
    /// PUBREC came: the broker has it.
    Received,
    /// PUBREL was sent over the present connection, and PUBCOMP is owed.
    Releasing,
    /// The connection ended before PUBREC came: to be sent again.
    MaybeSent,
    /// The connection ended before PUBCOMP came: to be released again.
    MaybeReleased,
}

/// Whether the broker holds a session for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    Absent,
    Present,
    Unknown,
}

/// What is known of one client's session and of its present connection.
pub(super) struct Model {
    pub(super) part: Part,
    pub(super) session: Session,
    /// Filter to whether it is certain that it is subscribed to.
    pub(super) subscriptions: BTreeMap<String, bool>,
    /// Every filter of the session so far: what was queued for a former subscription may still come.
    pub(super) ever: BTreeSet<String>,
    pub(super) subscription_ids: BTreeSet<usize>,
    pub(super) outgoing: BTreeMap<u16, Outgoing>,
    pub(super) incoming: Vec<Incoming>,
    /// The retained messages of the client's own topics: `None` where it is not known which one.
    pub(super) kept: BTreeMap<String, Option<Vec<u8>>>,
    pub(super) owed: VecDeque<Owed>,
    lasts: u32,
    version: Version,
    /// Whether the connection took up a session that was there.
    pub(super) resumed: bool,
    /// How many unacknowledged messages the client takes.
    pub(super) window: usize,
    /// How many bytes of a packet it takes.
    pub(super) max_packet: usize,
}

impl Model {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            session: Session::Absent,
            subscriptions: BTreeMap::new(),
            ever: BTreeSet::new(),
            subscription_ids: BTreeSet::new(),
            outgoing: BTreeMap::new(),
            incoming: Vec::new(),
            kept: BTreeMap::new(),
            owed: VecDeque::new(),
            lasts: 0,
            version: Version::V5,
            resumed: false,
            window: 0,
            max_packet: usize::MAX,
        }
    }

    /// CONNACK came. `window` is what the client told the broker to keep within.
    pub(super) fn connected(
        &mut self,
        opening: &Opening,
        present: bool,
        window: usize,
        max_packet: usize,
    ) -> Result<(), Deviation> {
        let expected = if opening.clean { Session::Absent } else { self.session };
        match (expected, present) {
            (Session::Absent, true) => {
                deviates!("CONNACK says that there is a session, and there can be none")
            }
            (Session::Present, false) => {
                deviates!("CONNACK says that there is no session, and there must be one")
            }
            _ => {}
        }
        if !present {
            self.forget_session();
        }
        for incoming in &mut self.incoming {
            incoming.resumed(max_packet);
        }
        (self.resumed, self.window, self.max_packet) = (present, window, max_packet);
        self.lasts = opening.lasts();
        self.version = opening.version;
        Ok(())
    }

    /// Changes how long the session lasts, as DISCONNECT may.
    pub(super) fn lasts(&mut self, seconds: u32) {
        self.lasts = seconds;
    }

    pub(super) fn is_lasting(&self) -> bool {
        self.lasts > 0
    }

    /// The connection ended. How many answers to PINGREQ are still under way.
    pub(super) fn ended(&mut self) -> usize {
        let pings = self.owed.iter().filter(|owed| matches!(owed, Owed::PingResp)).count();
        self.session = match self.lasts {
            0 => Session::Absent,
            1..60 => Session::Unknown,
            _ => Session::Present,
        };
        for owed in std::mem::take(&mut self.owed) {
            match owed {
                Owed::PubAck { keeps: Some(topic), .. } | Owed::PubRec { keeps: Some(topic), .. } => {
                    self.kept.insert(topic, None);
                }
                Owed::SubAck { codes, .. } | Owed::UnsubAck { codes, .. } => {
                    for (filter, _) in codes.into_iter().filter(|(_, code)| *code != Code::Failure) {
                        self.subscriptions.insert(filter, false);
                    }
                }
                _ => {}
            }
        }
        for outgoing in self.outgoing.values_mut() {
            outgoing.stage = match outgoing.stage {
                Sending::Sent => Sending::MaybeSent,
                Sending::Releasing => Sending::MaybeReleased,
                stage => stage,
            };
        }
        pings
    }

    /// Nothing is known any more, but that a clean start makes an end of it.
    pub(super) fn lost_track(&mut self) {
        self.ended();
        self.session = Session::Unknown;
    }

    fn forget_session(&mut self) {
        self.subscriptions.clear();
        self.ever.clear();
        self.subscription_ids.clear();
        self.outgoing.clear();
        self.incoming.clear();
    }

    /// Notes that a filter was asked for, so that messages may come for it.
    pub(super) fn may_match(&mut self, filter: &str) {
        let filter = filter
            .strip_prefix("$share/")
            .and_then(|rest| rest.split_once('/'))
            .map_or(filter, |(_, rest)| rest);
        self.ever.insert(filter.to_owned());
    }

    /// How many subscriptions want a message of this topic.
    pub(super) fn wanting(&self, topic: &str) -> usize {
        self.subscriptions.keys().filter(|filter| matches(filter, topic)).count()
    }

    /// Everything owed has come.
    pub(super) fn settled(&mut self) {
        self.incoming.retain(|incoming| !incoming.is_settled());
    }

    /// Checks an answer against what is owed. `Some` is a message that is new to the client.
    pub(super) fn heard(&mut self, answer: Answer) -> Result<Option<Delivered>, Deviation> {
        match answer {
            Answer::Publish(message) => return self.delivered(message),
            Answer::PubRel { id, code } => return self.released(id, code).map(|()| None),
            Answer::PubAck { id, code } => match self.take(|owed| matches!(owed, Owed::PubAck { .. })) {
                Some(Owed::PubAck { id: wanted, code: admitted, .. })
                    if wanted == id && admitted.admits(code) => {}
                owed => deviates!("PUBACK {id} {code:#x}, but owed is {owed:?}"),
            },
            Answer::PubRec { id, code } => match self.take(|owed| matches!(owed, Owed::PubRec { .. })) {
                Some(Owed::PubRec { id: wanted, code: admitted, .. })
                    if wanted == id && admitted.admits(code) =>
                {
                    if code >= 0x80 {
                        self.outgoing.remove(&id);
                    } else if let Some(outgoing) = self.outgoing.get_mut(&id)
                        && outgoing.stage == Sending::Sent
                    {
                        outgoing.stage = Sending::Received;
                    }
                }
                owed => deviates!("PUBREC {id} {code:#x}, but owed is {owed:?}"),
            },
            Answer::PubComp { id, code } => match self.take(|owed| matches!(owed, Owed::PubComp { .. })) {
                Some(Owed::PubComp { id: wanted, code: admitted })
                    if wanted == id && admitted.admits(code) =>
                {
                    if self.outgoing.get(&id).is_some_and(|outgoing| outgoing.stage == Sending::Releasing) {
                        self.outgoing.remove(&id);
                    }
                }
                owed => deviates!("PUBCOMP {id} {code:#x}, but owed is {owed:?}"),
            },
            Answer::SubAck { id, codes } => match self.take(|owed| matches!(owed, Owed::SubAck { .. })) {
                Some(Owed::SubAck { id: wanted, codes: admitted })
                    if wanted == id && fit(&admitted, &codes) => {}
                owed => deviates!("SUBACK {id} {codes:x?}, but owed is {owed:?}"),
            },
            Answer::UnsubAck { id, codes } => match self.take(|owed| matches!(owed, Owed::UnsubAck { .. })) {
                Some(Owed::UnsubAck { id: wanted, codes: admitted })
                    if wanted == id
                        && (fit(&admitted, &codes)
                            || (self.version == Version::V311 && codes.is_empty())) => {}
                owed => deviates!("UNSUBACK {id} {codes:x?}, but owed is {owed:?}"),
            },
            Answer::PingResp => match self.owed.pop_front() {
                Some(Owed::PingResp) => {}
                owed => deviates!("PINGRESP, but something earlier is owed: {owed:?}"),
            },
            answer => deviates!("{answer:?} came unasked"),
        }
        Ok(None)
    }

    /// Takes the first answer of a kind that is owed.
    fn take(&mut self, is_kind: impl Fn(&Owed) -> bool) -> Option<Owed> {
        let index = self.owed.iter().position(is_kind)?;
        self.owed.remove(index)
    }
}

fn fit(admitted: &[(String, Code)], codes: &[u8]) -> bool {
    admitted.len() == codes.len()
        && admitted.iter().zip(codes).all(|((_, admitted), code)| admitted.admits(*code))
}
