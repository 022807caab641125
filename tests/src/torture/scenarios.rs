//! What a client does in one step.

use std::thread;
use std::time::{Duration, Instant};

use super::actions::Draft;
use super::clients::Standing;
use super::deviation::{Deviation, deviates};
use super::driver::{PATIENCE, Player};
use super::owed::Code;
use super::packet::Properties;
use super::random::Dice;
use crate::mqtt::Version;

/// How long to wait before asking again whether something has come.
const BREATH: Duration = Duration::from_millis(5);

/// What happens in one step.
type Scene<'a> = fn(&mut Player<'a>, &mut Dice) -> Result<(), Deviation>;

impl<'a> Player<'a> {
    /// One step: a scene from beginning to end.
    pub(super) fn act(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let scenes: [(u32, (&str, Scene<'a>)); 12] = [
            (55, ("exchange", Player::exchange)),
            (8, ("loose ends", Player::loose_ends)),
            (4, ("drain", Player::drain)),
            (5, ("probe", Player::probe)),
            (4, ("interrupted", Player::interrupted)),
            (3, ("recall", Player::recall)),
            (4, ("fatal", Player::fatal)),
            (7, ("unclear", Player::unclear)),
            (2, ("stranger", Player::stranger)),
            (3, ("flood", Player::flood)),
            (2, ("busy leave (K3)", Player::leave_while_busy)),
            (2, ("share leave (K2)", Player::leave_a_share)),
        ];
        let (name, scene) = dice.weighted(&scenes);
        self.trace.note(format!("step {}: {name}", self.step));
        if self.line.is_none() {
            self.open(dice)?;
        }
        if self.line.is_none() {
            // It was refused, as it had to be.
            return Ok(());
        }
        scene(self, dice)
    }

    /// Some moves, and everything that is owed for them.
    fn exchange(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        self.moves(dice);
        self.settle(dice)
    }

    pub(super) fn moves(&mut self, dice: &mut Dice) {
        let count = dice.within(1..=16);
        let drafts = self.turn(dice, |turn| {
            turn.acknowledge();
            (0..count).for_each(|_| turn.move_on());
        });
        self.send(dice, &drafts);
    }

    /// Some moves, and an end of the connection before they are answered.
    fn loose_ends(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        self.moves(dice);
        match dice.within(0..4) {
            0 => self.abandon(),
            1 => {
                let drafts = self.turn(dice, |turn| turn.move_on());
                if let (Some(line), Some(draft)) = (&mut self.line, drafts.first()) {
                    line.client.send(&draft.packet[..draft.packet.len() / 2]);
                }
                self.abandon();
            }
            2 => self.say_good_bye(dice)?,
            _ => {
                self.trace.note("  taking over");
                self.open(dice)?;
            }
        }
        Ok(())
    }

    fn say_good_bye(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let is_5 = self.line.as_ref().is_some_and(|line| line.terms.version == Version::V5);
        let code = if dice.one_in(3) { 0x04 } else { 0 };
        let mut properties = Properties::default();
        let expiry = *dice.pick(&[0, 1, 3600]);
        if is_5 && self.model.is_lasting() && dice.one_in(3) {
            properties = properties.four(0x11, expiry);
            self.model.lasts(expiry);
        }
        self.disconnect(code, &properties)
    }

    /// Acknowledges until nothing is left and nothing comes; what a former connection left unacknowledged has to have
    /// come again.
    pub(super) fn drain(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (before, messages) = (self.trace.now(), self.messages);
            let drafts = self.turn(dice, |turn| turn.acknowledge_all());
            self.send(dice, &drafts);
            self.settle(dice)?;
            // What an acknowledgement sets free comes after the answer to a PINGREQ that came with it.
            let is_quiet = drafts.is_empty() && self.messages == messages;
            // Others always have something to say to a wide client.
            let is_over = self.part.standing != Standing::Narrow || (is_quiet && self.model.is_idle());
            if is_over && self.model.missing() == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                deviates!("not everything unacknowledged came again: {:?}", self.model.incoming);
            }
            if is_quiet {
                self.trace.rewind(before);
                thread::sleep(BREATH);
            }
        }
    }

    /// Messages to itself: each comes, in order, and no more often than there are subscriptions for it.
    fn probe(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        if self.part.standing != Standing::Narrow {
            return self.exchange(dice);
        }
        self.drain(dice)?;
        let topic = self.part.echo(self.step);
        let (sent_at, granted) = (dice.within(1..3) as u8, dice.within(1..3) as u8);
        self.watch(dice, &topic, granted)?;
        let copies = self.model.wanting(&topic);
        let payloads: Vec<Vec<u8>> =
            (0..dice.within(1..=8)).map(|number| format!("{number}").into_bytes()).collect();
        let drafts = self.turn(dice, |turn| {
            payloads.iter().for_each(|payload| turn.publish_as_told(&topic, payload, sent_at));
        });
        self.send(dice, &drafts);
        self.await_seen(dice, &payloads)?;
        let mut first: Vec<&Vec<u8>> = Vec::new();
        for message in &self.seen {
            if copies == 1 && message.qos != sent_at.min(granted) {
                deviates!("{message:?} comes with QoS {}, not {}", message.qos, sent_at.min(granted));
            }
            if !first.contains(&&message.payload) {
                first.push(&message.payload);
            }
            let count = self.seen.iter().filter(|other| other.payload == message.payload).count();
            if count > copies {
                deviates!("{message:?} came {count} times for {copies} subscriptions");
            }
        }
        if first.into_iter().ne(&payloads) {
            deviates!("messages came out of order: {:?}", self.seen);
        }
        self.unwatch(dice, &topic)
    }

    /// A message to itself with QoS 2, and the connection ends in the middle of it: it comes exactly once.
    fn interrupted(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        if self.part.standing != Standing::Narrow {
            return self.loose_ends(dice);
        }
        if !self.model.is_lasting() {
            self.say_good_bye(dice)?;
            self.reopen(dice)?;
        }
        self.drain(dice)?;
        let others: Vec<String> = self.model.subscriptions.keys().cloned().collect();
        if !others.is_empty() {
            let drafts = self.turn(dice, |turn| turn.unsubscribe_from(others));
            self.send(dice, &drafts);
            self.settle(dice)?;
        }
        let topic = self.part.echo(self.step);
        self.watch(dice, &topic, 2)?;
        let payload = b"once".to_vec();
        let drafts = self.turn(dice, |turn| turn.publish_as_told(&topic, &payload, 2));
        self.send(dice, &drafts);
        let stage = dice.within(0..3);
        if stage > 0 {
            self.await_seen(dice, std::slice::from_ref(&payload))?;
        }
        if stage > 1 {
            let drafts = self.turn(dice, |turn| turn.acknowledge_all());
            self.send(dice, &drafts);
        }
        self.abandon();
        self.reopen(dice)?;
        let ids: Vec<u16> = self.model.outgoing.keys().copied().collect();
        let drafts = self.turn(dice, |turn| ids.iter().for_each(|id| turn.finish(*id)));
        self.send(dice, &drafts);
        self.settle(dice)?;
        let drafts = self.turn(dice, |turn| ids.iter().for_each(|id| turn.release_one(*id)));
        self.send(dice, &drafts);
        self.await_seen(dice, std::slice::from_ref(&payload))?;
        self.drain(dice)?;
        if self.seen.len() != 1 {
            deviates!("a QoS 2 message came {} times: {:?}", self.seen.len(), self.seen);
        }
        self.unwatch(dice, &topic)
    }

    /// Its own retained messages: all of them, and none that was cleared.
    fn recall(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        if self.part.standing != Standing::Narrow {
            return self.exchange(dice);
        }
        self.drain(dice)?;
        let filter = self.part.kept_filter();
        let kept = self.model.kept.clone();
        let expected: Vec<Vec<u8>> =
            kept.values().flatten().filter(|payload| !payload.is_empty()).cloned().collect();
        self.watch(dice, &filter, 1)?;
        self.await_seen(dice, &expected)?;
        // Another subscription may bring what was published a moment ago.
        let is_alone = self.model.wanting(&self.part.kept(0)) == 1;
        for message in self.seen.iter().filter(|_| is_alone) {
            match kept.get(&message.topic) {
                Some(Some(payload)) if *payload != message.payload || payload.is_empty() => {
                    deviates!("{message:?} is retained, and should be {payload:?}")
                }
                None => deviates!("{message:?} was never retained"),
                _ if !message.retain => deviates!("{message:?} is not marked as retained"),
                _ => {}
            }
        }
        if is_alone && self.seen.len() > kept.len() {
            deviates!("retained messages came more than once: {:?}", self.seen);
        }
        self.unwatch(dice, &filter)
    }

    /// Subscribes to a filter, whose messages are kept from now on.
    fn watch(&mut self, dice: &mut Dice, filter: &str, qos: u8) -> Result<(), Deviation> {
        self.seen.clear();
        self.watched = Some(filter.trim_end_matches('+').to_owned());
        let drafts =
            self.turn(dice, |turn| turn.subscribe_to(vec![(filter.to_owned(), qos, Code::Exactly(qos))]));
        self.send(dice, &drafts);
        self.settle(dice)
    }

    fn unwatch(&mut self, dice: &mut Dice, filter: &str) -> Result<(), Deviation> {
        self.watched = None;
        let drafts = self.turn(dice, |turn| {
            turn.acknowledge_all();
            turn.unsubscribe_from(vec![filter.to_owned()]);
        });
        self.send(dice, &drafts);
        self.settle(dice)
    }

    /// Listens until all these have been seen, and once more for what should not come.
    fn await_seen(&mut self, dice: &mut Dice, payloads: &[Vec<u8>]) -> Result<(), Deviation> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (before, count) = (self.trace.now(), self.seen.len());
            self.settle(dice)?;
            if payloads.iter().all(|payload| self.seen.iter().any(|message| message.payload == *payload)) {
                return self.settle(dice);
            }
            if Instant::now() > deadline {
                deviates!("{payloads:?} should have come; this did: {:?}", self.seen);
            }
            if self.seen.len() == count && self.model.is_idle() {
                self.trace.rewind(before);
                thread::sleep(BREATH);
            }
            let drafts = self.turn(dice, |turn| turn.acknowledge_all());
            self.send(dice, &drafts);
        }
    }

    /// Many messages at once.
    fn flood(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let drafts = self.deluge(dice);
        self.send(dice, &drafts);
        self.settle(dice)
    }

    fn deluge(&mut self, dice: &mut Dice) -> Vec<Draft> {
        let topic = loop {
            let chosen = self.part.topic(dice);
            if chosen.allowed {
                break chosen.text;
            }
        };
        let count = dice.within(20..200);
        self.turn(dice, |turn| {
            for number in 0..count {
                turn.publish_as_told(&topic, b"flood", u8::from(number % 8 == 0));
            }
        })
    }

    /// Subscribes with QoS 0 where much is going on, and leaves in the middle of it.
    fn leave_while_busy(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let filter = match self.part.standing {
            Standing::Device => format!("devices/{}/commands/#", self.part.identity),
            Standing::Narrow => format!("torture/{}/#", self.part.identity),
            Standing::Wide => "#".to_owned(),
        };
        let drafts = self.turn(dice, |turn| turn.subscribe_to(vec![(filter, 0, Code::Exactly(0))]));
        self.send(dice, &drafts);
        let drafts = self.deluge(dice);
        self.send(dice, &drafts);
        self.say_good_bye(dice)
    }

    /// Leaves as the last member of a share, with something unacknowledged.
    fn leave_a_share(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        if self.part.standing != Standing::Wide {
            return self.loose_ends(dice);
        }
        let filter = format!("$share/group/many/{}", self.part.number);
        let topic = format!("many/{}", self.part.number);
        let drafts = self.turn(dice, |turn| {
            turn.subscribe_to(vec![(filter, 1, Code::Any), (topic.clone(), 1, Code::Exactly(1))]);
            turn.publish_as_told(&topic, b"never acknowledged", 1);
        });
        self.send(dice, &drafts);
        if dice.one_in(2) {
            self.settle(dice)?;
        }
        if dice.one_in(2) {
            self.abandon();
            return Ok(());
        }
        self.say_good_bye(dice)
    }
}
