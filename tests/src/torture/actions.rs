//! What a client may do, given what it has done.

use std::collections::BTreeMap;

use super::acknowledging::Acknowledging;
use super::clients::{Part, Standing};
use super::model::{Model, Outgoing, Sending};
use super::owed::{Code, Owed};
use super::packet::{self, Properties, Publish};
use super::random::Dice;
use crate::mqtt::{self, PINGREQ, QoS, Version};

/// Unreleased QoS 2 messages of one client: fewer than any broker's Receive Maximum.
const UNRELEASED: usize = 40;

/// Subscriptions of one client: fewer than a broker allows.
const SUBSCRIPTIONS: usize = 40;

/// Topic aliases that the broker grants.
pub(super) const ALIASES: u16 = 16;

/// A packet to be sent, and a word for what it is.
pub(super) struct Draft {
    pub(super) kind: &'static str,
    pub(super) packet: Vec<u8>,
}

/// What belongs to one connection.
pub(super) struct Terms {
    pub(super) version: Version,
    pub(super) acknowledging: Acknowledging,
    /// Topic aliases that the client has set.
    pub(super) aliases: BTreeMap<u16, String>,
}

/// A legal move.
type Move<'a> = fn(&mut Turn<'a>);

/// A client's turn: packets, one after the other, each of them noted in the model.
pub(super) struct Turn<'a> {
    pub(super) dice: &'a mut Dice,
    pub(super) part: &'a Part,
    pub(super) model: &'a mut Model,
    pub(super) terms: &'a mut Terms,
    pub(super) drafts: Vec<Draft>,
}

impl<'a> Turn<'a> {
    pub(super) fn say(&mut self, kind: &'static str, packet: Vec<u8>) {
        self.drafts.push(Draft { kind, packet });
    }

    /// One legal move, or one that a broker answers as if it were.
    pub(super) fn move_on(&mut self) {
        let moves: [(u32, Move<'a>); 9] = [
            (45, Self::publish),
            (12, Self::release),
            (8, Self::subscribe),
            (6, Self::unsubscribe),
            (3, Self::ping),
            (10, Self::acknowledge),
            (5, Self::acknowledge_strangely),
            (4, Self::repeat),
            (4, Self::keep),
        ];
        let chosen = self.dice.weighted(&moves);
        chosen(self);
    }

    fn publish(&mut self) {
        let chosen = self.part.topic(self.dice);
        // That would be the end of the connection.
        if !chosen.allowed && self.terms.version == Version::V311 && self.part.standing != Standing::Narrow {
            return;
        }
        let mut qos: QoS = self.dice.weighted(&[(4, 0), (4, 1), (3, 2)]);
        if qos == 2 && self.model.outgoing.len() >= UNRELEASED {
            qos = 1;
        }
        let mut publish = Publish::new(&chosen.text, self.payload(), qos, self.fresh_id());
        publish.retain = self.dice.one_in(10);
        // A client that has lost its memory may say so of anything; it is new all the same.
        publish.duplicate = qos == 1 && self.dice.one_in(10);
        publish.properties = self.properties();
        let mut sent = publish.clone();
        if self.terms.version == Version::V5 && self.dice.one_in(8) {
            sent = self.with_alias(sent);
        }
        self.say(
            ["PUBLISH QoS 0", "PUBLISH QoS 1", "PUBLISH QoS 2"][usize::from(qos)],
            sent.packet(self.terms.version),
        );
        let code = match (chosen.allowed, self.terms.version) {
            // "No matching subscribers" is a success.
            (true, Version::V5) => Code::Either(0, 0x10),
            (false, Version::V5) => Code::Exactly(0x87),
            (_, Version::V311) => Code::Exactly(0),
        };
        match qos {
            0 => {}
            1 => self.model.owed.push_back(Owed::PubAck { id: publish.id, code, keeps: None }),
            _ => {
                self.model.owed.push_back(Owed::PubRec { id: publish.id, code, keeps: None });
                let outgoing = Outgoing { publish, allowed: chosen.allowed, stage: Sending::Sent };
                self.model.outgoing.insert(outgoing.publish.id, outgoing);
            }
        }
    }

    /// A message that is allowed, as the caller wants it.
    pub(super) fn publish_as_told(&mut self, topic: &str, payload: &[u8], qos: QoS) {
        let publish = Publish::new(topic, payload, qos, self.fresh_id());
        let (id, code) = (publish.id, Code::Either(0, 0x10));
        let packet = publish.packet(self.terms.version);
        match qos {
            0 => {}
            1 => self.model.owed.push_back(Owed::PubAck { id, code, keeps: None }),
            _ => {
                self.model.owed.push_back(Owed::PubRec { id, code, keeps: None });
                self.model.outgoing.insert(id, Outgoing { publish, allowed: true, stage: Sending::Sent });
            }
        }
        self.say("PUBLISH as told", packet);
    }

    /// PUBLISH again, if the connection ended before PUBREC.
    pub(super) fn finish(&mut self, id: u16) {
        if self.model.outgoing.get(&id).is_some_and(|outgoing| outgoing.stage == Sending::MaybeSent) {
            self.repeat_one(id);
        }
    }

    fn payload(&mut self) -> Vec<u8> {
        let len = match self.dice.weighted(&[(5, 0), (80, 1), (13, 2), (2, 3)]) {
            0 => 0,
            1 => self.dice.within(1..40),
            2 => self.dice.within(40..4_000),
            _ => self.dice.within(4_000..40_000),
        };
        vec![b'a' + (len % 26) as u8; len]
    }

    fn properties(&mut self) -> Properties {
        let mut properties = Properties::default();
        if !self.dice.one_in(3) {
            return properties;
        }
        if self.dice.one_in(2) {
            properties = properties.byte(0x01, self.dice.within(0..=1) as u8);
        }
        if self.dice.one_in(2) {
            properties = properties.four(0x02, *self.dice.pick(&[1, 2, 60, u32::MAX]));
        }
        if self.dice.one_in(3) {
            properties = properties.text(0x03, "text/plain; charset=utf-8");
        }
        if self.dice.one_in(3) {
            properties = properties.text(0x08, "response/é").text(0x09, "correlation");
        }
        for _ in 0..self.dice.within(0..4) {
            properties = properties.user("key", "värde");
        }
        properties
    }

    /// Sets an alias, or uses one.
    fn with_alias(&mut self, mut publish: Publish) -> Publish {
        let set =
            self.terms.aliases.iter().find(|(_, topic)| **topic == publish.topic).map(|(alias, _)| *alias);
        let alias = match set {
            Some(alias) => {
                publish.topic.clear();
                alias
            }
            None => {
                // The last is never set ([`super::violations`]).
                let alias = self.dice.within(1..usize::from(ALIASES)) as u16;
                self.terms.aliases.insert(alias, publish.topic.clone());
                alias
            }
        };
        Publish { properties: publish.properties.clone().two(0x23, alias), ..publish }
    }

    /// PUBREL for one of the received, or for one that may be released already.
    fn release(&mut self) {
        let ready =
            |outgoing: &Outgoing| matches!(outgoing.stage, Sending::Received | Sending::MaybeReleased);
        let ids: Vec<u16> =
            self.model.outgoing.iter().filter(|(_, outgoing)| ready(outgoing)).map(|(id, _)| *id).collect();
        if ids.is_empty() {
            return;
        }
        let id = *self.dice.pick(&ids);
        self.release_one(id);
    }

    pub(super) fn release_one(&mut self, id: u16) {
        let Some(outgoing) = self.model.outgoing.get_mut(&id) else { return };
        if !matches!(outgoing.stage, Sending::Received | Sending::MaybeReleased) {
            return;
        }
        let certain = outgoing.stage == Sending::Received && outgoing.allowed;
        outgoing.stage = Sending::Releasing;
        let code = if certain { Code::Exactly(0) } else { Code::Either(0, 0x92) };
        self.model.owed.push_back(Owed::PubComp { id, code });
        self.say("PUBREL", mqtt::acknowledge(0x62, id));
    }

    /// PUBLISH again: because the connection ended before PUBREC, or out of mere doubt.
    fn repeat(&mut self) {
        let may = |outgoing: &Outgoing| {
            matches!(outgoing.stage, Sending::Received | Sending::MaybeSent) && outgoing.allowed
        };
        let ids: Vec<u16> =
            self.model.outgoing.iter().filter(|(_, outgoing)| may(outgoing)).map(|(id, _)| *id).collect();
        if !ids.is_empty() {
            let id = *self.dice.pick(&ids);
            self.repeat_one(id);
        }
    }

    pub(super) fn repeat_one(&mut self, id: u16) {
        let Some(outgoing) = self.model.outgoing.get_mut(&id) else { return };
        if outgoing.stage == Sending::MaybeSent {
            outgoing.stage = Sending::Sent;
        }
        let packet = Publish { duplicate: true, ..outgoing.publish.clone() }.packet(self.terms.version);
        let code = if outgoing.allowed { Code::Either(0, 0x10) } else { Code::Any };
        self.model.owed.push_back(Owed::PubRec { id, code, keeps: None });
        self.say("PUBLISH again", packet);
    }

    fn subscribe(&mut self) {
        if self.model.subscriptions.len() >= SUBSCRIPTIONS {
            return self.unsubscribe();
        }
        let mut filters = Vec::new();
        for _ in 0..self.dice.within(1..=4) {
            let chosen = self.part.filter(self.dice);
            let qos = self.dice.within(0..3) as u8;
            let code = if chosen.allowed { Code::Exactly(qos) } else { Code::Failure };
            filters.push((chosen.text, self.options(qos), code));
        }
        if self.part.standing == Standing::Wide && self.dice.one_in(6) {
            let filter =
                *self.dice.pick(&["$share/group/flood/#", "$share/group/shared/t", "$share/group/é/+"]);
            // Granted, or not supported.
            filters.push((filter.into(), 1, Code::Any));
        }
        self.subscribe_to(filters);
    }

    /// The options of a subscription; of 3.1.1 the QoS alone.
    fn options(&mut self, qos: QoS) -> u8 {
        match self.terms.version {
            Version::V311 => qos,
            Version::V5 if self.dice.one_in(2) => qos,
            Version::V5 => qos | (self.dice.within(0..4) << 2) as u8 | (self.dice.within(0..3) << 4) as u8,
        }
    }

    pub(super) fn subscribe_to(&mut self, filters: Vec<(String, u8, Code)>) {
        let mut properties = Properties::default();
        if self.terms.version == Version::V5 && self.dice.one_in(3) {
            let id = *self.dice.pick(&[1, 2, 127, 128, 268_435_455]);
            self.model.subscription_ids.insert(id);
            properties = properties.variable(0x0B, id);
        }
        let id = self.fresh_id();
        let wanted: Vec<(String, u8)> =
            filters.iter().map(|(filter, options, _)| (filter.clone(), *options)).collect();
        for (filter, _, code) in &filters {
            if *code != Code::Failure {
                self.model.may_match(filter);
                self.model.subscriptions.insert(filter.clone(), matches!(code, Code::Exactly(_)));
            }
        }
        let codes = filters.into_iter().map(|(filter, _, code)| (filter, code)).collect();
        self.model.owed.push_back(Owed::SubAck { id, codes });
        self.say("SUBSCRIBE", packet::subscribe(self.terms.version, id, &wanted, &properties));
    }

    fn unsubscribe(&mut self) {
        let mut filters: Vec<String> = self.model.subscriptions.keys().cloned().collect();
        self.dice.shuffle(&mut filters);
        filters.truncate(self.dice.within(1..=3));
        if filters.is_empty() || self.dice.one_in(3) {
            let chosen = self.part.filter(self.dice);
            if chosen.allowed {
                filters.push(chosen.text);
            }
        }
        if !filters.is_empty() {
            self.unsubscribe_from(filters);
        }
    }

    pub(super) fn unsubscribe_from(&mut self, filters: Vec<String>) {
        let id = self.fresh_id();
        let packet = packet::unsubscribe(self.terms.version, id, &filters);
        let mut codes = Vec::new();
        for filter in filters {
            let code = match self.model.subscriptions.remove(&filter) {
                Some(true) => Code::Exactly(0),
                Some(false) => Code::Either(0, 0x11),
                None => Code::Exactly(0x11),
            };
            codes.push((filter, code));
        }
        self.model.owed.push_back(Owed::UnsubAck { id, codes });
        self.say("UNSUBSCRIBE", packet);
    }

    pub(super) fn ping(&mut self) {
        self.model.owed.push_back(Owed::PingResp);
        self.say("PINGREQ", PINGREQ.to_vec());
    }

    /// Keeps a message on a topic of its own, replaces it, or clears it.
    fn keep(&mut self) {
        if self.part.standing != Standing::Narrow {
            return;
        }
        let topic = self.part.kept(self.dice.within(0..6));
        let payload = if self.dice.one_in(4) { Vec::new() } else { self.dice.bytes(8) };
        let id = self.fresh_id();
        let publish = Publish { retain: true, ..Publish::new(&topic, payload.clone(), 1, id) };
        self.model.kept.insert(topic.clone(), Some(payload));
        self.model.owed.push_back(Owed::PubAck { id, code: Code::Either(0, 0x10), keeps: Some(topic) });
        self.say("PUBLISH retained", publish.packet(self.terms.version));
    }

    /// A packet id that is not in use (MQTT 5 §2.2.1).
    pub(super) fn fresh_id(&mut self) -> u16 {
        loop {
            let id = self.dice.within(1..=40_000) as u16;
            let is_owed = self.model.owed.iter().any(|owed| match owed {
                Owed::PubAck { id: used, .. }
                | Owed::PubRec { id: used, .. }
                | Owed::SubAck { id: used, .. }
                | Owed::UnsubAck { id: used, .. } => *used == id,
                Owed::PubRel { .. } | Owed::PubComp { .. } | Owed::PingResp => false,
            });
            if !is_owed && !self.model.outgoing.contains_key(&id) {
                return id;
            }
        }
    }
}
