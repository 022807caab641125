//! Messages from the broker: what may come, and what must come again.

use super::answer::Delivered;
use super::clients::matches;
use super::deviation::{Deviation, deviates};
use super::model::Model;
use super::owed::Owed;
use crate::mqtt::QoS;

/// What a PUBLISH may need besides its topic and payload: other people's properties.
const OTHER_BYTES: usize = 200;

/// A message from the broker that is to be acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) id: u16,
    pub(super) qos: QoS,
    topic: String,
    payload: Vec<u8>,
    pub(super) stage: Taking,
    /// Whether it came over the present connection.
    here: bool,
    /// Whether the broker may have given it up.
    may_be_gone: bool,
}

impl Incoming {
    /// The client has connected again, and takes packets of so many bytes.
    pub(super) fn resumed(&mut self, max_packet: usize) {
        self.here = false;
        // What is longer than the client takes counts as delivered (MQTT 5 §3.1.2.11.4).
        self.may_be_gone |= self.payload.len() + self.topic.len() + OTHER_BYTES > max_packet;
    }

    /// Whether the broker has read its acknowledgement, if it has read everything so far. One that was sent over a
    /// former connection may be lost, and the message come again at any time.
    pub(super) fn is_settled(&self) -> bool {
        self.here && self.stage == Taking::Done
    }

    /// Whether it has to come again.
    fn is_missing(&self) -> bool {
        !self.here && self.stage == Taking::Unanswered && !self.may_be_gone
    }

    /// Whether it came over the present connection: what has not yet come again is not to be acknowledged.
    pub(super) fn is_here(&self) -> bool {
        self.here
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// PUBLISH came.
    Unanswered,
    /// PUBREC was sent.
    Received,
    /// PUBREL came, PUBCOMP is to be sent.
    Released,
    /// PUBACK or PUBCOMP was sent; until the broker has read it, it may not know.
    Done,
}

impl Model {
    /// Whether nothing is to be acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.incoming.iter().all(|message| message.stage == Taking::Done)
    }

    /// Unacknowledged messages of a former connection that have not come again.
    pub(super) fn missing(&self) -> usize {
        self.incoming.iter().filter(|message| message.is_missing()).count()
    }

    /// Checks a message; `Some` is one that is new to the client.
    pub(super) fn delivered(&mut self, message: Delivered) -> Result<Option<Delivered>, Deviation> {
        let topic = &message.topic;
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            deviates!("a message of {topic:?}, which is no topic");
        }
        if !self.part.may_receive(topic) {
            deviates!("a message of {topic:?}, which the policy does not allow");
        }
        if !self.ever.iter().any(|filter| matches(filter, topic)) {
            deviates!("a message of {topic:?}, which no subscription wants: {:?}", self.ever);
        }
        if message.packet_len > self.max_packet {
            deviates!("a PUBLISH of {} bytes, more than {}", message.packet_len, self.max_packet);
        }
        if let Some(id) = message.subscription_ids.iter().find(|id| !self.subscription_ids.contains(id)) {
            deviates!("subscription identifier {id}, which was never given");
        }
        if message.qos == 0 {
            if message.duplicate {
                deviates!("QoS 0 with DUP");
            }
            return Ok(Some(message));
        }
        let known = self.incoming.iter().position(|incoming| incoming.id == message.id);
        let is_new = match known.and_then(|index| self.incoming.get(index)) {
            Some(before) if !message.duplicate => {
                if before.stage != Taking::Done && !before.may_be_gone {
                    deviates!("packet id {} is in use: {before:?}", message.id);
                }
                true
            }
            Some(before) => {
                if !self.resumed || before.here {
                    deviates!("DUP over the connection that {before:?} came over");
                }
                if (&before.topic, &before.payload, before.qos) != (topic, &message.payload, message.qos) {
                    deviates!("{message:?} is said to repeat {before:?}");
                }
                let mut earlier = self.incoming.iter().take_while(|incoming| incoming.id != message.id);
                let overtaken = earlier.find(|earlier| before.is_missing() && earlier.is_missing());
                if let Some(overtaken) = overtaken {
                    deviates!("{before:?} comes again before {overtaken:?}");
                }
                false
            }
            // It was on its way when the former connection ended.
            None if message.duplicate && !self.resumed => deviates!("DUP of something that never came"),
            None => true,
        };
        let incoming = Incoming {
            id: message.id,
            qos: message.qos,
            topic: topic.clone(),
            payload: message.payload.clone(),
            stage: Taking::Unanswered,
            here: true,
            may_be_gone: false,
        };
        match known {
            Some(index) if !is_new => self.incoming[index] = incoming,
            Some(index) => {
                self.incoming.remove(index);
                self.incoming.push(incoming);
            }
            None => self.incoming.push(incoming),
        }
        let unanswered = self
            .incoming
            .iter()
            .filter(|incoming| incoming.here && incoming.stage == Taking::Unanswered)
            .count();
        if unanswered > self.window {
            deviates!("{unanswered} unacknowledged messages, and the client takes {}", self.window);
        }
        Ok(is_new.then_some(message))
    }

    /// Checks PUBREL.
    pub(super) fn released(&mut self, id: u16, code: u8) -> Result<(), Deviation> {
        let position = self.owed.iter().position(|owed| matches!(owed, Owed::PubRel { .. }));
        let owed = position.and_then(|index| self.owed.get(index).cloned());
        let incoming = self.incoming.iter_mut().find(|incoming| incoming.id == id);
        match (owed, incoming) {
            (Some(Owed::PubRel { id: wanted, code: admitted }), incoming) if wanted == id => {
                if !admitted.admits(code) {
                    deviates!("PUBREL {id} {code:#x}, and it should be {admitted:?}");
                }
                if let Some(index) = position {
                    self.owed.remove(index);
                }
                if let Some(incoming) = incoming
                    && incoming.stage == Taking::Received
                {
                    incoming.stage = Taking::Released;
                    incoming.here = true;
                }
            }
            // Sent again by itself, because the former connection left it open.
            (_, Some(incoming)) if self.resumed && !incoming.here && incoming.qos == 2 => {
                if incoming.stage == Taking::Unanswered {
                    deviates!("PUBREL {id} for a message that was not received: {incoming:?}");
                }
                incoming.stage = Taking::Released;
                incoming.here = true;
            }
            (owed, incoming) => deviates!("PUBREL {id}, but owed is {owed:?}; {incoming:?}"),
        }
        Ok(())
    }
}
