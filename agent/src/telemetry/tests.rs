//! The queue against a model that keeps everything in vectors.

extern crate std;

use std::string::{String, ToString as _};
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;

use super::*;

const CAPACITY: usize = 200;

/// What the queue should hold.
#[derive(Clone, Debug)]
struct Modelled {
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
    sent: Option<PacketId>,
    repeats: Option<PacketId>,
}

#[derive(Clone, Debug)]
enum Step {
    Publish { subtopic: String, length: usize, qos: bool },
    Result { command: String, length: usize },
    Send { window: u16 },
    Settle { which: prop::sample::Index },
    SettleUnknown { id: u16 },
    Discard,
    ConnectionLost,
    SessionLost,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => ("[a-z]{0,6}(/[a-z]{1,3})?", 0_usize..60, any::<bool>())
            .prop_map(|(subtopic, length, qos)| Step::Publish { subtopic, length, qos }),
        1 => ("[a-z0-9]{0,4}", 0_usize..60).prop_map(|(command, length)| Step::Result { command, length }),
        5 => (0_u16..5).prop_map(|window| Step::Send { window }),
        4 => any::<prop::sample::Index>().prop_map(|which| Step::Settle { which }),
        1 => (1_u16..50).prop_map(|id| Step::SettleUnknown { id }),
        1 => Just(Step::Discard),
        1 => Just(Step::ConnectionLost),
        1 => Just(Step::SessionLost),
    ];
    prop::collection::vec(step, 0..200)
}

fn used(model: &[Modelled]) -> usize {
    let prefix = "devices/pump-1/telemetry/".len();
    model.iter().map(|message| message.topic.len().saturating_sub(prefix) + message.payload.len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_queue_holds_what_the_model_holds(steps in steps()) {
        let device_id = DeviceId::new("pump-1").unwrap();
        let mut bytes = vec![0; CAPACITY];
        let mut queue = Queue::new(&device_id, &mut bytes);
        let mut model: Vec<Modelled> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Publish { subtopic, length, qos } => {
                    let qos = if qos { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                    let payload = vec![number as u8; length];
                    let fits = used(&model) + subtopic.len() + length <= CAPACITY * 3 / 4 && model.len() < MAX_MESSAGES;
                    prop_assert_eq!(queue.has_room(subtopic.len() + length), fits);
                    prop_assert_eq!(queue.publish(&subtopic, &payload, qos).is_ok(), fits);
                    if fits {
                        let slash = if subtopic.is_empty() { "" } else { "/" };
                        let topic = format!("devices/pump-1/telemetry{slash}{subtopic}");
                        model.push(Modelled { topic, payload, qos, sent: None, repeats: None });
                    }
                }
                Step::Result { command, length } => {
                    let payload = vec![number as u8; length];
                    let subtopic = if command.is_empty() { "commands".into() } else { format!("commands/{command}") };
                    let needed = subtopic.len() + length;
                    let fits = used(&model) + needed <= CAPACITY && model.len() < MAX_MESSAGES;
                    prop_assert_eq!(queue.publish_result(&command, &payload).is_ok(), fits);
                    if fits {
                        let topic = format!("devices/pump-1/telemetry/{subtopic}");
                        model.push(Modelled { topic, payload, qos: QoS::AtLeastOnce, sent: None, repeats: None });
                    }
                }
                Step::Send { window } => {
                    let in_flight = model.iter().filter(|message| message.sent.is_some()).count();
                    let next = model.iter().position(|message| message.sent.is_none());
                    let next = next.filter(|_| in_flight < usize::from(window));
                    let id = queue.next_id();
                    let due = queue.due(window);
                    prop_assert_eq!(due.is_some(), next.is_some());
                    if let (Some(index), Some(due)) = (next, due) {
                        let expected = &mut model[index];
                        prop_assert_eq!(due.topic.to_string(), &*expected.topic);
                        prop_assert_eq!(due.payload, &*expected.payload);
                        prop_assert_eq!((due.qos, due.repeats), (expected.qos, expected.repeats));
                        if let Some(old) = expected.repeats {
                            prop_assert_eq!(id, old);
                        }
                        if expected.qos == QoS::AtMostOnce {
                            queue.sent(None);
                            model.remove(index);
                        } else {
                            queue.sent(Some(id));
                            expected.sent = Some(id);
                            let same = |message: &&Modelled| message.sent == Some(id) || message.repeats == Some(id);
                            prop_assert_eq!(model.iter().filter(same).count(), 1, "the identifier is its own");
                        }
                    }
                }
                Step::Settle { which } => {
                    let under_way: Vec<_> = (0..model.len()).filter(|at| model[*at].sent.is_some()).collect();
                    if !under_way.is_empty() {
                        let index = under_way[which.index(under_way.len())];
                        let Modelled { topic, payload, sent, .. } = model.remove(index);
                        let message = queue.under_way(sent.unwrap()).unwrap();
                        prop_assert_eq!(message.payload, payload);
                        prop_assert!(topic.ends_with(message.subtopic));
                        prop_assert!(queue.settled(sent.unwrap()));
                    }
                }
                Step::SettleUnknown { id } => {
                    let id = PacketId::new(id).unwrap();
                    let index = model.iter().position(|message| message.sent.or(message.repeats) == Some(id));
                    prop_assert_eq!(queue.settled(id), index.is_some());
                    index.map(|index| model.remove(index));
                }
                Step::Discard => {
                    queue.discard();
                    if let Some(index) = model.iter().position(|message| message.sent.is_none()) {
                        model.remove(index);
                    }
                }
                Step::ConnectionLost => {
                    queue.connection_lost();
                    for message in &mut model {
                        message.repeats = message.sent.take().or(message.repeats);
                    }
                }
                Step::SessionLost => {
                    // It follows a new connection.
                    queue.connection_lost();
                    queue.session_lost();
                    for message in &mut model {
                        (message.sent, message.repeats) = (None, None);
                    }
                }
            }
            prop_assert_eq!(queue.len(), model.len());
        }
    }
}

#[test]
fn what_can_never_fit_is_told_from_what_does_not_fit_now() {
    let device_id = DeviceId::new("pump-1").unwrap();
    let mut bytes = [0; 100];
    let mut queue = Queue::new(&device_id, &mut bytes);
    let publish = |queue: &mut Queue<'_>, length| queue.publish("a", &vec![0; length], QoS::AtLeastOnce);
    assert_eq!(publish(&mut queue, 75), Err(QueueError::TooLong { needed: 76, capacity: 75 }));
    assert_eq!(publish(&mut queue, 70), Ok(()));
    assert_eq!(publish(&mut queue, 10), Err(QueueError::Full { needed: 11, free: 4 }));
    // The last quarter is for results.
    assert_eq!(queue.publish_result("7", &[0; 10]), Ok(()));
    assert!(matches!(queue.publish("a/+", b"", QoS::AtMostOnce), Err(QueueError::Topic(_))));
    assert!(matches!(queue.publish_result("#", b""), Err(QueueError::Topic(_))));
}

#[test]
fn identifiers_start_over_and_pass_by_those_in_use() {
    let device_id = DeviceId::new("pump-1").unwrap();
    let mut bytes = [0; 100];
    let mut queue = Queue::new(&device_id, &mut bytes);
    queue.publish("kept", b"", QoS::AtLeastOnce).unwrap();
    let kept = queue.next_id();
    queue.sent(Some(kept));
    let mut seen = 0;
    for _ in 0..70_000 {
        queue.publish("a", b"", QoS::AtLeastOnce).unwrap();
        let id = queue.next_id();
        assert!(id != kept && id.get() > 2);
        seen = seen.max(id.get());
        queue.sent(Some(id));
        assert!(queue.settled(id));
    }
    assert_eq!(seen, u16::MAX);
}
