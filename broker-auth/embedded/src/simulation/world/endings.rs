//! How connections, sessions and the run end, and what follows from it as time passes.

use std::time::Duration;

use bytes::BytesMut;
use mqtt::{Disconnect, DisconnectReasonCode, Packet, QoS, ReadError, Version, frame};

use super::{CLIENTS, MAX_PACKET_SIZE, PEER, World};
use crate::engine::Message;
use crate::session::{Effect, SessionEnd};
use crate::simulation::choices::Choices;
use crate::simulation::model::Model;
use crate::simulation::violations;

impl World {
    /// Breaks the protocol, which ends this connection and harms nobody else.
    pub(super) fn violate(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let client = &mut self.clients[index];
        let mut all = violations::all(client.version);
        let chosen = usize::try_from(choices.below(all.len() as u64)?).unwrap_or(0);
        let (what, bytes) = all.swap_remove(chosen);
        let wire = client.wire.as_mut().expect("it is connected");
        let end = match frame::take(&mut BytesMut::from(&bytes[..]), MAX_PACKET_SIZE) {
            Err(error) => SessionEnd::read(error.into()),
            Ok(taken) => {
                let whole = taken.unwrap_or_else(|| panic!("{what} is a whole packet"));
                match wire.decode(whole) {
                    Err(malformed) => {
                        let code = DisconnectReasonCode::MalformedPacket;
                        SessionEnd::protocol(code, malformed.to_string())
                    }
                    Ok(packet) => match client.state.handle(packet, self.now) {
                        Effect::End(end) => end,
                        other => panic!("{what}: {other:?}"),
                    },
                }
            }
        };
        assert!(matches!(end, SessionEnd::Protocol { .. }), "{what}: {end:?}");
        self.played.from_clients += 1;
        self.end_connection(index, &end);
        Some(())
    }

    pub(super) fn lose_connection(&mut self, index: usize) {
        self.end_connection(index, &SessionEnd::Lost(ReadError::Closed));
    }

    pub(super) fn disconnect(&mut self, index: usize, with_will: bool) {
        let code = if with_will && self.clients[index].version == Version::V5 {
            DisconnectReasonCode::DisconnectWithWillMessage
        } else {
            DisconnectReasonCode::NormalDisconnection
        };
        let effect = self.handle(index, Packet::Disconnect(Disconnect::new(code)));
        let Effect::End(end @ SessionEnd::Disconnected { .. }) = effect else { panic!("{effect:?}") };
        if code == DisconnectReasonCode::NormalDisconnection {
            self.clients[index].will = None;
        }
        self.end_connection(index, &end);
    }

    pub(super) fn end_connection(&mut self, index: usize, end: &SessionEnd) {
        let client = &mut self.clients[index];
        client.state.disconnect(end, PEER);
        let due = client.state.disconnected(end);
        client.wire = None;
        client.gone = self.now;
        let is_over = client.state.is_over();
        match due {
            Some(will) => {
                let wanted = client.will.take().expect("a will is due only if there is one");
                assert_eq!(wanted.delay_seconds, 0);
                let message = will.message(&self.shared, self.now);
                self.publish_will(message, wanted.number);
            }
            None if is_over => self.expire(index),
            None => {
                assert!(client.will.is_none_or(|will| will.delay_seconds > 0), "a will without delay is due");
            }
        }
    }

    /// Ends a session.
    pub(super) fn expire(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let wanted = client.will.take();
        let will = client.state.take_will();
        assert_eq!(will.is_some(), wanted.is_some(), "{}: {wanted:?}", client.name);
        if let (Some(will), Some(wanted)) = (will, wanted) {
            let message = will.message(&self.shared, self.now);
            self.publish_will(message, wanted.number);
        }
        let client = &mut self.clients[index];
        self.given_back += usize::from(client.shares) * (client.model.unacknowledged.len() + 8);
        client.state.expire(false);
        client.model = Model::default();
        assert!(client.state.is_over() && client.state.is_drained());
    }

    fn publish_will(&mut self, message: Message, number: u64) {
        assert_eq!(&*message.payload, number.to_string().as_bytes());
        let topic = message.topic.to_string();
        self.fan_out(&message);
        self.published(&topic, QoS::AtLeastOnce, number, false);
    }

    /// Wills become due, and sessions expire.
    pub(super) fn pass_time(&mut self, time: Duration) {
        self.now += time;
        for index in 0..CLIENTS {
            let client = &mut self.clients[index];
            if client.is_connected() || client.state.is_over() {
                continue;
            }
            let is_due = client.state.will_due(client.gone).is_some_and(|due| due <= self.now);
            let wanted = client.will.is_some_and(|will| {
                client.gone + Duration::from_secs(u64::from(will.delay_seconds)) <= self.now
            });
            assert_eq!(is_due, wanted, "{}", client.name);
            if self.now >= client.gone.checked_add(client.state.expiry()).unwrap_or(self.now + time) {
                self.expire(index);
            } else if is_due
                && let (Some(will), Some(wanted)) = (client.state.take_will(), client.will.take())
            {
                let message = will.message(&self.shared, self.now);
                self.publish_will(message, wanted.number);
            }
        }
    }

    /// All leave: nothing is left of them.
    pub(super) fn end(&mut self) {
        for index in 0..CLIENTS {
            if self.clients[index].is_connected() {
                self.clients[index].will = None;
                self.disconnect(index, false);
            }
            if !self.clients[index].state.is_over() {
                self.expire(index);
            }
        }
        assert_eq!(self.shared.queued_bytes(), 0, "no memory is left taken");
        assert!(self.shared.groups_are_empty(), "no group is left");
        let repeated: usize = self.shared_deliveries.values().map(|count| count - 1).sum();
        assert!(
            repeated <= self.given_back,
            "a message of a group goes to one member: {repeated} {}",
            self.given_back
        );
    }
}
