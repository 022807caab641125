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
    Send { window: u16, maximum_qos: bool, fate: Fate },
    Acknowledge { which: prop::sample::Index },
    AcknowledgeUnknown { id: u16 },
    ConnectionLost,
    SessionLost,
}

/// What becomes of a message that goes out.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Sent,
    TooLong,
    /// The connection is lost while it is being written.
    CutOff,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => ("[a-z]{0,6}(/[a-z]{1,3})?", 0_usize..60, any::<bool>())
            .prop_map(|(subtopic, length, qos)| Step::Publish { subtopic, length, qos }),
        1 => ("[a-z0-9]{0,4}", 0_usize..60).prop_map(|(command, length)| Step::Result { command, length }),
        5 => (0_u16..5, prop::bool::weighted(0.9), fates())
            .prop_map(|(window, maximum_qos, fate)| Step::Send { window, maximum_qos, fate }),
        4 => any::<prop::sample::Index>().prop_map(|which| Step::Acknowledge { which }),
        1 => (1_u16..50).prop_map(|id| Step::AcknowledgeUnknown { id }),
        1 => Just(Step::ConnectionLost),
        1 => Just(Step::SessionLost),
    ];
    prop::collection::vec(step, 0..200)
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Sent), 1 => Just(Fate::TooLong), 1 => Just(Fate::CutOff)]
}

/// The model of [`Queue::connection_lost`].
fn connection_lost(model: &mut [Modelled]) {
    for message in model {
        message.repeats = message.sent.take().or(message.repeats);
    }
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
                    let fits = used(&model) + subtopic.len() + length <= CAPACITY * 3 / 4 && model.len() < MAX_MESSAGES * 3 / 4;
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
                Step::Send { window, maximum_qos, fate } => {
                    let in_flight = model.iter().filter(|message| message.sent.is_some()).count();
                    let next = model.iter().position(|message| message.sent.is_none());
                    let next = next.filter(|_| in_flight < usize::from(window));
                    prop_assert_eq!(queue.has_due(window), next.is_some());
                    let maximum_qos = if maximum_qos { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                    let outgoing = queue.send_next(window, maximum_qos);
                    prop_assert_eq!(outgoing.is_some(), next.is_some());
                    if let (Some(index), Some(outgoing)) = (next, outgoing) {
                        let expected = model[index].clone();
                        let (topic, message) = queue.message_of(outgoing).unwrap();
                        prop_assert_eq!(topic.to_string(), &*expected.topic);
                        prop_assert_eq!(message.payload, &*expected.payload);
                        let acknowledged = expected.qos.min(maximum_qos) == QoS::AtLeastOnce;
                        prop_assert_eq!((outgoing.qos, outgoing.packet_id.is_some()), (expected.qos, acknowledged));
                        prop_assert_eq!(outgoing.repeats, acknowledged && expected.repeats.is_some());
                        if let (Some(id), Some(old)) = (outgoing.packet_id, expected.repeats) {
                            prop_assert_eq!(id, old);
                        }
                        model[index].sent = outgoing.packet_id;
                        match fate {
                            Fate::TooLong => {
                                queue.discard(outgoing);
                                model.remove(index);
                            }
                            Fate::Sent => {
                                if !acknowledged {
                                    queue.discard(outgoing);
                                    model.remove(index);
                                }
                            }
                            Fate::CutOff => {
                                queue.connection_lost();
                                if expected.qos == QoS::AtMostOnce {
                                    model.remove(index);
                                } else if !acknowledged {
                                    model[index].repeats = None;
                                }
                                connection_lost(&mut model);
                            }
                        }
                        if let Some(id) = outgoing.packet_id {
                            let same = |message: &&Modelled| message.sent == Some(id) || message.repeats == Some(id);
                            prop_assert!(model.iter().filter(same).count() <= 1, "the identifier is its own");
                        }
                    }
                }
                Step::Acknowledge { which } => {
                    let in_flight: Vec<_> = (0..model.len()).filter(|at| model[*at].sent.is_some()).collect();
                    if !in_flight.is_empty() {
                        let index = in_flight[which.index(in_flight.len())];
                        let Modelled { topic, payload, sent, .. } = model.remove(index);
                        let message = queue.in_flight(sent.unwrap()).unwrap();
                        prop_assert_eq!(message.payload, payload);
                        prop_assert!(topic.ends_with(message.subtopic));
                        prop_assert!(queue.acknowledge(sent.unwrap()));
                    }
                }
                Step::AcknowledgeUnknown { id } => {
                    let id = PacketId::new(id).unwrap();
                    let index = model.iter().position(|message| message.sent.or(message.repeats) == Some(id));
                    prop_assert_eq!(queue.acknowledge(id), index.is_some());
                    index.map(|index| model.remove(index));
                }
                Step::ConnectionLost => {
                    queue.connection_lost();
                    connection_lost(&mut model);
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
fn a_message_that_can_never_fit_has_another_error_than_a_full_queue() {
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
    let send = |queue: &mut Queue<'_>| queue.send_next(2, QoS::AtLeastOnce).unwrap().packet_id.unwrap();
    queue.publish("kept", b"", QoS::AtLeastOnce).unwrap();
    let kept = send(&mut queue);
    let mut seen = 0;
    for _ in 0..70_000 {
        queue.publish("a", b"", QoS::AtLeastOnce).unwrap();
        let id = send(&mut queue);
        assert!(id != kept && id.get() > 2);
        seen = seen.max(id.get());
        assert!(queue.acknowledge(id));
    }
    assert_eq!(seen, u16::MAX);
}

#[test]
fn a_queue_full_of_telemetry_has_room_for_results() {
    let device_id = DeviceId::new("pump-1").unwrap();
    let mut bytes = [0; 2048];
    let mut queue = Queue::new(&device_id, &mut bytes);
    let said = (0..100).take_while(|_| queue.publish("n", b"1", QoS::AtLeastOnce).is_ok()).count();
    assert_eq!(said, MAX_MESSAGES * 3 / 4);
    assert!(!queue.has_room(0));
    let answered = (0..100).take_while(|_| queue.publish_result("7", b"done").is_ok()).count();
    assert_eq!(answered, MAX_MESSAGES / 4);
}
