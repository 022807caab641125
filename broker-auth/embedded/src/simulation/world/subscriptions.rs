//! SUBSCRIBE and UNSUBSCRIBE.

use mqtt::{
    Packet, QoS, Subscribe, SubscribeAckReason, SubscriptionOptions, Text, Unsubscribe, UnsubscribeAckReason,
};

use super::World;
use crate::session::{Effect, SubscribeStep};
use crate::simulation::choices::Choices;
use crate::simulation::model::Owed;

impl World {
    pub(super) fn subscribe(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]
            [usize::try_from(choices.below(3)?).unwrap_or(0)];
        let client = &mut self.clients[index];
        let filter = if client.shares {
            "$share/g/t/#"
        } else {
            ["t/#", "t/+", "t/b", "t/b/#", "other/#"][usize::try_from(choices.below(5)?).unwrap_or(0)]
        };
        let id = client.fresh_id();
        let options = SubscriptionOptions { qos, ..SubscriptionOptions::default() };
        let subscribe = Packet::Subscribe(Subscribe {
            packet_id: id,
            id: None,
            user_properties: Vec::new(),
            topic_filters: vec![(Text::from_static(filter), options)],
        });
        let effect = self.handle(index, subscribe);
        let Effect::Subscribe(mut pending) = effect else { panic!("{effect:?}") };
        let suback = loop {
            let state = &mut self.clients[index].state;
            match state.subscribe(&mut pending, self.now) {
                SubscribeStep::Listen { filter, options } => {
                    state.subscribed(&mut pending, filter, options, Ok(())).expect("the engine has it");
                }
                SubscribeStep::Done(packet) => break packet,
                SubscribeStep::End(end) => panic!("{end:?}"),
            }
        };
        let Packet::SubscribeAck(suback) = &suback else { panic!("{suback:?}") };
        let is_allowed = !filter.starts_with("other");
        let wanted = match (is_allowed, qos) {
            (false, _) => SubscribeAckReason::NotAuthorized,
            (true, QoS::AtMostOnce) => SubscribeAckReason::GrantedQos0,
            (true, QoS::AtLeastOnce) => SubscribeAckReason::GrantedQos1,
            (true, QoS::ExactlyOnce) => SubscribeAckReason::GrantedQos2,
        };
        assert_eq!((suback.packet_id, suback.status.as_slice()), (id, &[wanted][..]), "{filter}");
        let model = &mut self.clients[index].model;
        if is_allowed && !filter.starts_with("$share") {
            model.subscriptions.insert(filter.to_owned(), qos);
            let parsed = authenticator::policy::TopicFilter::new(filter).expect("a filter");
            for (topic, (number, retained_qos)) in &self.retained {
                let name = authenticator::policy::TopicName::new(topic).expect("a topic");
                if parsed.matches(&name) {
                    let qos = qos.less_value(*retained_qos);
                    model.owed.push_back(Owed { number: *number, qos, retain: true });
                }
            }
        }
        self.deliver(index);
        Some(())
    }

    pub(super) fn unsubscribe(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let client = &mut self.clients[index];
        let filter = if client.shares {
            "$share/g/t/#"
        } else {
            ["t/#", "t/+", "t/b"][usize::try_from(choices.below(3)?).unwrap_or(0)]
        };
        let was_there = client.shares || client.model.subscriptions.contains_key(filter);
        let is_shared = client.shares;
        let id = client.fresh_id();
        client.model.subscriptions.remove(filter);
        let unsubscribe = Packet::Unsubscribe(Unsubscribe {
            packet_id: id,
            user_properties: Vec::new(),
            topic_filters: vec![Text::from_static(filter)],
        });
        let effect = self.handle(index, unsubscribe);
        let Effect::Unsubscribe { reply: Packet::UnsubscribeAck(ack), filters } = &effect else {
            panic!("{effect:?}")
        };
        if !is_shared {
            let wanted = if was_there {
                UnsubscribeAckReason::Success
            } else {
                UnsubscribeAckReason::NoSubscriptionExisted
            };
            assert_eq!(
                (ack.packet_id, ack.status.as_slice(), filters.len()),
                (id, &[wanted][..], usize::from(was_there))
            );
        }
        Some(())
    }
}
