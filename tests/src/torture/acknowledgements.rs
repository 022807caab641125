//! What a client says to messages: the right thing, something strange, or nothing.

use super::acknowledging::Acknowledging;
use super::actions::Turn;
use super::incoming::Taking;
use super::owed::{Code, Owed};
use super::packet::{self, Properties};
use crate::mqtt::{self, Version};

/// Packet ids that a client never uses.
const UNUSED: std::ops::Range<usize> = 41_000..42_000;

/// Packet ids that the broker never comes to in one session.
const UNREACHED: std::ops::Range<usize> = 60_000..65_536;

impl Turn<'_> {
    /// Acknowledges what came, as is the client's manner.
    pub(super) fn acknowledge(&mut self) {
        match self.terms.acknowledging {
            Acknowledging::Prompt => self.acknowledge_all(),
            Acknowledging::Mute => {}
            Acknowledging::Lazy => {
                let mut indices: Vec<usize> = (0..self.model.incoming.len()).collect();
                self.dice.shuffle(&mut indices);
                indices.truncate(self.dice.within(0..=indices.len()));
                for index in indices {
                    self.acknowledge_one(index);
                }
            }
        }
    }

    pub(super) fn acknowledge_all(&mut self) {
        for index in 0..self.model.incoming.len() {
            self.acknowledge_one(index);
        }
    }

    fn acknowledge_one(&mut self, index: usize) {
        let message = &mut self.model.incoming[index];
        let id = message.id;
        let (kind, header) = match (message.stage, message.qos) {
            (Taking::Unanswered, _) if !message.is_here() => return,
            (Taking::Unanswered, 1) => {
                message.stage = Taking::Done;
                ("PUBACK", 0x40)
            }
            (Taking::Unanswered, _) => {
                message.stage = Taking::Received;
                self.model.owed.push_back(Owed::PubRel { id, code: Code::Exactly(0) });
                ("PUBREC", 0x50)
            }
            (Taking::Released, _) => {
                message.stage = Taking::Done;
                ("PUBCOMP", 0x70)
            }
            (Taking::Received | Taking::Done, _) => return,
        };
        self.say(kind, mqtt::acknowledge(header, id));
    }

    /// Acknowledgements of what never was, of the wrong kind, twice, or with a refusal.
    pub(super) fn acknowledge_strangely(&mut self) {
        let version = self.terms.version;
        let unreached = self.dice.within(UNREACHED) as u16;
        let not_found = if version == Version::V5 { Code::Exactly(0x92) } else { Code::Exactly(0) };
        match self.dice.within(0..6) {
            0 => self.say("PUBACK for nothing", mqtt::acknowledge(0x40, unreached)),
            1 => self.say("PUBCOMP for nothing", mqtt::acknowledge(0x70, unreached)),
            2 => {
                self.model.owed.push_back(Owed::PubRel { id: unreached, code: not_found });
                self.say("PUBREC for nothing", mqtt::acknowledge(0x50, unreached));
            }
            3 => {
                let id = self.dice.within(UNUSED) as u16;
                self.model.owed.push_back(Owed::PubComp { id, code: not_found });
                let properties = Properties::default().user("why", "a mistake");
                self.say("PUBREL for nothing", packet::acknowledge(version, 0x62, id, 0x92, &properties));
            }
            4 => self.acknowledge_with_the_wrong_kind(not_found),
            _ => self.refuse(),
        }
    }

    fn acknowledge_with_the_wrong_kind(&mut self, not_found: Code) {
        let waiting: Vec<usize> = (0..self.model.incoming.len())
            .filter(|index| {
                self.model.incoming[*index].stage == Taking::Unanswered
                    && self.model.incoming[*index].is_here()
            })
            .collect();
        if waiting.is_empty() {
            return;
        }
        let message = &self.model.incoming[*self.dice.pick(&waiting)];
        let (id, qos) = (message.id, message.qos);
        match (qos, self.dice.one_in(2)) {
            (1, true) => self.say("PUBCOMP instead of PUBACK", mqtt::acknowledge(0x70, id)),
            (1, false) => {
                self.model.owed.push_back(Owed::PubRel { id, code: not_found });
                self.say("PUBREC instead of PUBACK", mqtt::acknowledge(0x50, id));
            }
            (_, true) => self.say("PUBCOMP instead of PUBREC", mqtt::acknowledge(0x70, id)),
            (_, false) => self.say("PUBACK instead of PUBREC", mqtt::acknowledge(0x40, id)),
        }
    }

    /// A message that the client does not want (MQTT 5).
    fn refuse(&mut self) {
        let message = self.model.incoming.iter_mut().find(|message| message.stage == Taking::Unanswered);
        let Some(message) = message.filter(|message| self.terms.version == Version::V5 && message.is_here())
        else {
            return;
        };
        message.stage = Taking::Done;
        let (id, header) = (message.id, if message.qos == 1 { 0x40 } else { 0x50 });
        let code = *self.dice.pick(&[0x80, 0x83, 0x87, 0x90, 0x97, 0x99]);
        self.say(
            "a refusing acknowledgement",
            packet::acknowledge(self.terms.version, header, id, code, &Properties::default()),
        );
    }
}
