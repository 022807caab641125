use super::super::memory::Memory;
use super::*;
use crate::engine::Origin;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const LIMITS: QueueLimits = QueueLimits { messages: 100, bytes: 100_000 };

/// An outbox with all the memory it may want.
fn outbox(limits: QueueLimits) -> Outbox {
    Outbox::new(limits, Memory::new(usize::MAX).allowance())
}

fn delivery(number: u32, qos: QoS) -> Delivery {
    let message = Message { qos, origin: Origin(1), ..Message::specimen("a/b", number.to_string()) };
    Delivery { message, qos, retain: false, subscription_ids: Vec::new(), group: None }
}

fn number(publish: &Publish) -> u32 {
    std::str::from_utf8(&publish.payload).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_full_queue_refuses_and_an_expired_message_is_not_sent() {
    let mut outbox = outbox(QueueLimits { messages: 2, bytes: 1000 });
    outbox.reconnected(10);
    let mut expiring = delivery(1, QoS::AtMostOnce);
    expiring.message.expires_at = Some(Instant::now());
    outbox.push(expiring).unwrap();
    outbox.push(delivery(2, QoS::AtMostOnce)).unwrap();
    assert_eq!(outbox.push(delivery(3, QoS::AtMostOnce)), Err(Dropped::Queue));
    let Some(Packet::Publish(publish)) = outbox.next(Instant::now()) else { panic!() };
    assert_eq!(number(&publish), 2);
    assert_eq!(outbox.queued_bytes, 0);
}

#[tokio::test]
async fn a_message_takes_memory_until_it_is_acknowledged_or_forgotten() {
    let memory = Memory::new(1_000_000);
    let mut outbox = Outbox::new(LIMITS, memory.allowance());
    outbox.reconnected(2);
    let mut ids = Vec::new();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
        outbox.push(delivery(1, qos)).unwrap();
    }
    let one = delivery(1, QoS::AtMostOnce).message.weight();
    assert_eq!(memory.used(), 4 * one);
    while let Some(Packet::Publish(publish)) = outbox.next(Instant::now()) {
        ids.extend(publish.packet_id);
    }
    assert_eq!((ids.len(), memory.used()), (2, 3 * one));
    assert!(outbox.acknowledged(ids[0]));
    assert_eq!(memory.used(), 2 * one);
    assert!(outbox.received(ids[1]).is_some());
    assert_eq!(memory.used(), one, "what the client has is only to be completed");
    drop(outbox);
    assert_eq!(memory.used(), 0);
}

#[tokio::test]
async fn messages_are_dropped_when_the_memory_of_all_clients_is_taken() {
    let memory = Memory::new(10_000);
    let mut hoarder = Outbox::new(LIMITS, memory.allowance());
    let mut full = Ok(());
    while full.is_ok() {
        full = hoarder.push(delivery(1, QoS::AtLeastOnce));
    }
    assert_eq!(full, Err(Dropped::Queue), "a hundred short messages");
    let mut long = delivery(2, QoS::AtLeastOnce);
    long.message.payload = Bytes::from(vec![0; 9_000]);
    let mut other = Outbox::new(LIMITS, memory.allowance());
    assert_eq!(other.push(long), Err(Dropped::Memory));
    other.push(delivery(3, QoS::AtLeastOnce)).unwrap();
}

#[tokio::test]
async fn a_client_is_told_what_is_left_of_a_messages_life() {
    let mut outbox = outbox(LIMITS);
    outbox.reconnected(10);
    let now = Instant::now();
    let mut expiring = delivery(1, QoS::AtMostOnce);
    expiring.message.expires_at = Some(now + Duration::from_millis(2500));
    outbox.push(expiring).unwrap();
    let Some(Packet::Publish(publish)) = outbox.next(now) else { panic!() };
    assert_eq!(publish.properties.unwrap().message_expiry_interval.map(NonZeroU32::get), Some(3));
}

/// What happens to an outbox from outside.
#[derive(Clone, Debug)]
enum Step {
    Push(QoS),
    Send,
    /// The client answers the n-th unanswered packet.
    Answer(usize),
    /// The connection breaks; what was sent and not answered may or may not have arrived.
    Reconnect(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let qos = prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)];
    proptest::collection::vec(
        prop_oneof![
            4 => qos.prop_map(Step::Push),
            6 => Just(Step::Send),
            5 => (0..8usize).prop_map(Step::Answer),
            1 => (1..6usize).prop_map(Step::Reconnect),
        ],
        0..120,
    )
}

/// A client that keeps to the protocol, and what it has got.
#[derive(Default)]
struct Client {
    unanswered: VecDeque<Packet>,
    /// QoS 2 ids between PUBLISH and PUBREL.
    received: BTreeMap<NonZeroU16, u32>,
    got: Vec<u32>,
}

impl Client {
    fn answer(&mut self, outbox: &mut Outbox, index: usize) {
        if index >= self.unanswered.len() {
            return;
        }
        match self.unanswered.remove(index) {
            Some(Packet::Publish(publish)) => match (publish.qos, publish.packet_id) {
                (QoS::AtMostOnce, _) => self.got.push(number(&publish)),
                (QoS::AtLeastOnce, Some(id)) => {
                    self.got.push(number(&publish));
                    outbox.acknowledged(id);
                }
                (QoS::ExactlyOnce, Some(id)) => {
                    if self.received.insert(id, number(&publish)).is_none() {
                        self.got.push(number(&publish));
                    }
                    if let Some(release) = outbox.received(id) {
                        self.unanswered.push_back(release);
                    }
                }
                _ => panic!("QoS above 0 without a packet id"),
            },
            Some(Packet::PublishRelease(release)) => {
                self.received.remove(&release.packet_id);
                outbox.completed(release.packet_id);
            }
            _ => panic!("an outbox sends nothing else"),
        }
    }
}

proptest! {
    /// Whatever breaks when: QoS 1 arrives at least once, QoS 2 exactly once, first sends are in order, the window
    /// holds, and at rest nothing is left.
    #[test]
    fn quality_of_service_holds_through_every_interruption(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let now = Instant::now();
        let (mut outbox, mut client) = (outbox(LIMITS), Client::default());
        let mut window = 3;
        outbox.reconnected(window);
        let mut pushed: Vec<(u32, QoS)> = Vec::new();
        let mut first_sends = Vec::new();
        let mut send = |outbox: &mut Outbox, client: &mut Client| {
            let packet = outbox.next(now);
            if let Some(Packet::Publish(publish)) = &packet
                && !publish.dup
            {
                first_sends.push(number(publish));
            }
            let some = packet.is_some();
            client.unanswered.extend(packet);
            some
        };
        for step in steps {
            match step {
                Step::Push(qos) => {
                    let number = u32::try_from(pushed.len()).unwrap();
                    if outbox.push(delivery(number, qos)).is_ok() {
                        pushed.push((number, qos));
                    }
                }
                Step::Send => { send(&mut outbox, &mut client); }
                Step::Answer(index) => client.answer(&mut outbox, index),
                Step::Reconnect(to) => {
                    // QoS 0 that was under way is lost; that is what QoS 0 means.
                    client.unanswered.clear();
                    window = to;
                    outbox.reconnected(window);
                }
            }
            let unanswered = client.unanswered.iter().filter(|packet| {
                matches!(packet, Packet::Publish(publish) if publish.qos != QoS::AtMostOnce)
            });
            prop_assert!(unanswered.count() <= window);
        }
        for _ in 0..2000 {
            if !send(&mut outbox, &mut client) && client.unanswered.is_empty() {
                break;
            }
            client.answer(&mut outbox, 0);
        }
        prop_assert_eq!((outbox.queued(), outbox.in_flight(), outbox.queued_bytes), (0, 0, 0));
        prop_assert!(first_sends.is_sorted());
        for (number, qos) in pushed {
            let count = client.got.iter().filter(|got| **got == number).count();
            match qos {
                QoS::AtMostOnce => prop_assert!(count <= 1),
                QoS::AtLeastOnce => prop_assert!(count >= 1, "{number} was lost"),
                QoS::ExactlyOnce => prop_assert!(count == 1, "{number} arrived {count} times"),
            }
        }
    }
}
