//! One client: its connection, its session as it knows it, and how it talks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::acknowledging::Acknowledging;
use super::actions::{Draft, Terms, Turn};
use super::answer::{Answer, Delivered};
use super::clients::{Part, Standing};
use super::counts::Tally;
use super::deviation::{Deviation, deviates};
use super::model::Model;
use super::packet::{self, Opening, Properties, Publish, Will};
use super::random::Dice;
use super::trace::Trace;
use crate::client::{Client, Heard, Tls};
use crate::mqtt::{Packet, Version};

/// How long an answer may take on a machine with more to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Where all clients play, and what they have in common.
pub(super) struct Stage<'a> {
    pub(super) address: SocketAddr,
    pub(super) seed: u64,
    /// Packets sent by all.
    pub(super) packets: AtomicU64,
    /// Set when something went wrong: nobody needs to go on.
    pub(super) stopped: &'a AtomicBool,
}

/// How one client's play ended.
pub(super) struct Outcome {
    pub(super) part: Part,
    pub(super) step: u64,
    pub(super) tally: Tally,
    pub(super) result: Result<(), Deviation>,
    pub(super) trace: Trace,
}

/// A connection.
pub(super) struct Line {
    pub(super) client: Client,
    pub(super) terms: Terms,
}

/// One client.
pub(super) struct Player<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) part: Part,
    pub(super) tls: Tls,
    pub(super) model: Model,
    pub(super) line: Option<Line>,
    /// Messages of the watched topics, as they came for the first time.
    pub(super) seen: Vec<Delivered>,
    pub(super) watched: Option<String>,
    /// How many messages have come, of whatever topic.
    pub(super) messages: u64,
    /// Whether only a clean start leads to a known session.
    pub(super) astray: bool,
    pub(super) step: u64,
    pub(super) trace: Trace,
    pub(super) tally: Tally,
}

impl<'a> Player<'a> {
    pub(super) fn new(stage: &'a Stage<'a>, part: Part, tls: Tls) -> Self {
        Self {
            stage,
            model: Model::new(part.clone()),
            part,
            tls,
            line: None,
            seen: Vec::new(),
            watched: None,
            messages: 0,
            astray: false,
            step: 0,
            trace: Trace::default(),
            tally: Tally::default(),
        }
    }

    /// Plays from step `first` until `packets` are sent, the time is over or another client has failed; then leaves
    /// without a trace.
    pub(super) fn play(mut self, first: u64, packets: u64, until: Instant) -> Outcome {
        self.step = first;
        let mut result = Ok(());
        while result.is_ok()
            && self.tally.packets() < packets
            && Instant::now() < until
            && !self.stage.stopped.load(Ordering::Relaxed)
        {
            let mut dice = Dice::of_step(self.stage.seed, self.part.number, self.step);
            result = self.act(&mut dice);
            self.step += 1;
        }
        let result = result.and_then(|()| self.leave());
        if result.is_err() {
            self.stage.stopped.store(true, Ordering::Relaxed);
        }
        Outcome { part: self.part, step: self.step, tally: self.tally, result, trace: self.trace }
    }

    /// Ends the session by a clean start.
    fn leave(&mut self) -> Result<(), Deviation> {
        self.trace.note("leaving");
        self.abandon();
        let opening = Opening::new(Version::V5, &self.part.client_id);
        let mut dice = Dice::of_step(self.stage.seed, self.part.number, u64::MAX);
        self.connect(&mut dice, &opening, Limits::NONE)?;
        self.disconnect(0, &Properties::default())
    }

    /// Connects as chance will have it. A connection that is open is taken over.
    pub(super) fn open(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let version = if dice.one_in(2) { Version::V311 } else { Version::V5 };
        let mut opening = Opening::new(version, &self.part.client_id);
        opening.clean = dice.one_in(3);
        opening.expiry = dice.weighted(&[(3, 0), (1, 1), (6, 3600)]);
        let mut limits = Limits::NONE;
        if version == Version::V5 {
            if dice.one_in(3) {
                limits.receive_max = Some(dice.within(1..40) as u16);
            }
            // What was on its way before may be too long now, and then never be heard of again.
            if dice.one_in(6) && (opening.clean || self.part.standing != Standing::Narrow) {
                limits.max_packet = Some(dice.within(400..6_000) as u32);
            }
            if dice.one_in(4) {
                opening.properties = opening.properties.byte(0x17, dice.within(0..2) as u8).byte(0x19, 1);
            }
            if dice.one_in(4) {
                opening.properties = opening.properties.two(0x22, 10).user("key", "value");
            }
        }
        if dice.one_in(4) {
            let chosen = self.part.topic(dice);
            let mut publish = Publish::new(&chosen.text, "last will", dice.within(0..3) as u8, 0);
            publish.retain = dice.one_in(4);
            opening.will = Some(Will { publish, delay: dice.weighted(&[(2, 0), (1, 1), (1, 2)]) });
            if !chosen.allowed {
                return self.be_refused(&opening);
            }
        }
        opening.clean |= self.astray;
        self.connect(dice, &opening, limits)
    }

    /// CONNECT with a will that the policy does not allow.
    fn be_refused(&mut self, opening: &Opening) -> Result<(), Deviation> {
        let mut client = self.dial(opening.version)?;
        self.count("CONNECT with a will it may not have", &opening.packet());
        client.send(&opening.packet());
        let wanted = if opening.version == Version::V5 { 0x87 } else { 5 };
        match client.hear(PATIENCE) {
            Heard::Packet(packet) => match self.read(opening.version, &packet)? {
                Answer::ConnAck { code, .. } if code == wanted => {}
                answer => deviates!("{answer:?} to a will that is not allowed"),
            },
            heard => deviates!("{heard:?} to a will that is not allowed"),
        }
        match client.hear(PATIENCE) {
            Heard::Closed => Ok(()),
            heard => deviates!("{heard:?} after a refusal"),
        }
    }

    /// Comes back to the session, which lasts.
    pub(super) fn reopen(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let version = Version::ALL[dice.within(0..2)];
        let opening = Opening { clean: false, expiry: 3600, ..Opening::new(version, &self.part.client_id) };
        self.connect(dice, &opening, Limits::NONE)
    }

    /// Connects and is let in.
    pub(super) fn connect(
        &mut self,
        dice: &mut Dice,
        opening: &Opening,
        limits: Limits,
    ) -> Result<(), Deviation> {
        let mut opening = opening.clone();
        opening.properties = limits.properties(opening.properties);
        let former = self.line.take();
        let mut client = self.dial(opening.version)?;
        self.count("CONNECT", &opening.packet());
        client.send(&opening.packet());
        let pings = if former.is_some() { self.model.ended() } else { 0 };
        let present = match client.hear(PATIENCE) {
            Heard::Packet(packet) => match self.read(opening.version, &packet)? {
                Answer::ConnAck { present, code: 0 } => present,
                answer => deviates!("{answer:?} to {opening:?}"),
            },
            heard => deviates!("{heard:?} to {opening:?}"),
        };
        if let Some(Line { mut client, terms }) = former {
            self.trace.note("  the former connection:");
            self.hear_the_end(&mut client, terms.version, pings)?;
        }
        let window = usize::from(limits.receive_max.unwrap_or(u16::MAX));
        let max_packet = limits.max_packet.map_or(usize::MAX, |bytes| bytes as usize);
        self.model.connected(&opening, present, window, max_packet)?;
        self.astray = false;
        let acknowledging =
            dice.weighted(&[(5, Acknowledging::Prompt), (3, Acknowledging::Lazy), (1, Acknowledging::Mute)]);
        let terms = Terms { version: opening.version, acknowledging, aliases: BTreeMap::new() };
        self.line = Some(Line { client, terms });
        Ok(())
    }

    pub(super) fn dial(&mut self, version: Version) -> Result<Client, Deviation> {
        Client::dial(self.stage.address, &self.tls, version)
            .map_err(|heard| Deviation(format!("the handshake failed: {heard:?}")))
    }

    /// Makes moves: `plan` says which. Nothing is sent without a connection.
    pub(super) fn turn(&mut self, dice: &mut Dice, plan: impl FnOnce(&mut Turn<'_>)) -> Vec<Draft> {
        let Some(line) = &mut self.line else { return Vec::new() };
        let mut turn = Turn {
            dice,
            part: &self.part,
            model: &mut self.model,
            terms: &mut line.terms,
            drafts: Vec::new(),
        };
        plan(&mut turn);
        turn.drafts
    }

    /// Sends packets: together, one by one, or cut where no packet ends.
    pub(super) fn send(&mut self, dice: &mut Dice, drafts: &[Draft]) {
        for draft in drafts {
            self.count(draft.kind, &draft.packet);
        }
        let Some(line) = &mut self.line else { return };
        match dice.within(0..3) {
            0 => drafts.iter().for_each(|draft| line.client.send(&draft.packet)),
            1 => line.client.send(&drafts.iter().flat_map(|draft| draft.packet.clone()).collect::<Vec<_>>()),
            _ => {
                let bytes: Vec<u8> = drafts.iter().flat_map(|draft| draft.packet.clone()).collect();
                let piece = dice.within(1..=300).max(bytes.len() / 20);
                bytes.chunks(piece).for_each(|piece| line.client.send(piece));
            }
        }
    }

    /// Counts a packet that is about to be sent.
    pub(super) fn count(&mut self, kind: &str, packet: &[u8]) {
        self.trace.sent(kind, packet);
        self.tally.sent(kind);
        self.stage.packets.fetch_add(1, Ordering::Relaxed);
    }

    /// Listens until everything owed has come.
    pub(super) fn settle(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let ping = self.turn(dice, |turn| turn.ping());
        self.send(dice, &ping);
        while !self.model.owed.is_empty() {
            let Some(line) = &mut self.line else { break };
            let (heard, version) = (line.client.hear(PATIENCE), line.terms.version);
            let answer = match heard {
                Heard::Packet(packet) => self.read(version, &packet)?,
                heard => deviates!("{heard:?}, and owed are {:?}", self.model.owed),
            };
            self.take(answer)?;
        }
        self.model.settled();
        Ok(())
    }

    fn take(&mut self, answer: Answer) -> Result<(), Deviation> {
        let Some(message) = self.model.heard(answer)? else { return Ok(()) };
        self.messages += 1;
        if self.watched.as_ref().is_some_and(|prefix| message.topic.starts_with(prefix)) {
            self.seen.push(message);
        }
        Ok(())
    }

    pub(super) fn read(&mut self, version: Version, packet: &Packet) -> Result<Answer, Deviation> {
        let answer =
            Answer::read(version, packet).map_err(|error| Deviation(format!("{}: {packet:?}", error.0)))?;
        self.trace.heard(&answer);
        self.tally.heard(answer.label());
        Ok(answer)
    }

    /// Goes without a word.
    pub(super) fn abandon(&mut self) {
        if self.line.take().is_some() {
            self.trace.note("  gone without a word");
            self.model.ended();
        }
    }

    /// Says good-bye, and hears the end.
    pub(super) fn disconnect(&mut self, code: u8, properties: &Properties) -> Result<(), Deviation> {
        let Some(Line { mut client, terms }) = self.line.take() else { return Ok(()) };
        let packet = packet::disconnect(terms.version, code, properties);
        self.count("DISCONNECT", &packet);
        client.send(&packet);
        let pings = self.model.ended();
        self.hear_the_end(&mut client, terms.version, pings)
    }

    /// Listens until the broker has closed the connection. What is still said means nothing, but that more than `pings`
    /// answers to PINGREQ say that it goes on.
    pub(super) fn hear_the_end(
        &mut self,
        client: &mut Client,
        version: Version,
        mut pings: usize,
    ) -> Result<(), Deviation> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match client.hear(PATIENCE) {
                Heard::Packet(packet) => {
                    if self.read(version, &packet)? == Answer::PingResp {
                        let Some(left) = pings.checked_sub(1) else { deviates!("the broker goes on") };
                        pings = left;
                    }
                }
                Heard::Closed => return Ok(()),
                heard => deviates!("{heard:?}, and the connection should have been closed"),
            }
        }
        deviates!("the connection was not closed")
    }
}

/// What a client tells the broker to keep within (MQTT 5).
#[derive(Clone, Copy)]
pub(super) struct Limits {
    receive_max: Option<u16>,
    max_packet: Option<u32>,
}

impl Limits {
    pub(super) const NONE: Self = Self { receive_max: None, max_packet: None };

    fn properties(self, mut properties: Properties) -> Properties {
        if let Some(receive_max) = self.receive_max {
            properties = properties.two(0x21, receive_max);
        }
        if let Some(bytes) = self.max_packet {
            properties = properties.four(0x27, bytes);
        }
        properties
    }
}
