//! Scenes in which a client does what it may not do.

use std::time::{Duration, Instant};

use super::deviation::{Deviation, deviates};
use super::driver::{PATIENCE, Player};
use super::random::Dice;
use super::violations;
use crate::client::Heard;
use crate::mqtt::{Kind, PINGREQ, Version};

/// How long to listen where there may be nothing to hear.
const GLANCE: Duration = Duration::from_millis(30);

impl Player<'_> {
    /// A breach of the protocol, which ends the connection.
    pub(super) fn fatal(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        if dice.one_in(2) {
            self.moves(dice);
        }
        let Some(mut line) = self.line.take() else { return Ok(()) };
        let crime = violations::fatal(dice, line.terms.version, &self.part);
        for packet in &crime.packets {
            self.count(crime.what, packet);
            line.client.send(packet);
        }
        // If it is answered, the broker went on.
        line.client.send(&PINGREQ);
        let pings = self.model.ended();
        self.astray |= crime.leaves_a_mark;
        self.hear_the_end(&mut line.client, line.terms.version, pings)
            .map_err(|Deviation(what)| Deviation(format!("{}: {what}", crime.what)))
    }

    /// Bytes that may be a packet or not.
    pub(super) fn unclear(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let drafts = self.turn(dice, |turn| (0..6).for_each(|_| turn.move_on()));
        let mut legal: Vec<Vec<u8>> = drafts
            .into_iter()
            .filter(|draft| draft.kind != "PUBLISH retained")
            .map(|draft| draft.packet)
            .collect();
        legal.push(PINGREQ.to_vec());
        let Some(mut line) = self.line.take() else { return Ok(()) };
        let (what, bytes) = violations::unclear(dice, line.terms.version, &legal);
        self.count(what, &bytes);
        line.client.send(&[&bytes[..], &PINGREQ].concat());
        self.model.lost_track();
        self.astray = true;
        // A broker that waits for the rest of a packet goes on delivering.
        let deadline = Instant::now() + GLANCE;
        while Instant::now() < deadline {
            match line.client.hear(GLANCE) {
                Heard::Packet(packet) if packet.is(Kind::PingResp) => break,
                Heard::Packet(packet) => drop(self.read(line.terms.version, &packet)?),
                Heard::Closed | Heard::Silence => break,
                heard => deviates!("{heard:?} after {what}"),
            }
        }
        Ok(())
    }

    /// Another connection, whose first packet is no good CONNECT.
    pub(super) fn stranger(&mut self, dice: &mut Dice) -> Result<(), Deviation> {
        let version = Version::ALL[dice.within(0..2)];
        let mut first = violations::strangers(version, &self.part.client_id);
        let (what, packet) = first.swap_remove(dice.within(0..first.len()));
        let mut client = self.dial(version)?;
        self.count(what, &packet);
        client.send(&packet);
        loop {
            match client.hear(PATIENCE) {
                Heard::Packet(packet) if packet.is(Kind::ConnAck) && packet.reason_code() != 0 => {
                    self.tally.heard(format!("CONNACK {:#04x}", packet.reason_code()));
                }
                Heard::Closed => return Ok(()),
                heard => deviates!("{heard:?} to {what}"),
            }
        }
    }
}
