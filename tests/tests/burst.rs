//! A burst that is too much for whom it is for: every acknowledged message is delivered, or accounted for.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::BytesMut;
use integration_tests::broker::Mark;
use integration_tests::large_fleet::LargeFleet;
use integration_tests::program::Programs;
use load::client::{Client, ConnectOptions, Lost};
use load::packet::{Packet, QoS, Version};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const MESSAGES: u32 = 100_000;

/// Messages on their way without an acknowledgement, as many as the broker grants.
const WINDOW: u32 = 64;

const TOPICS: u32 = 4;

/// Says that there is nothing more.
const LAST: u32 = u32::MAX;

/// How long a silent broker is listened to before it has nothing more to say.
const SILENCE: Duration = Duration::from_secs(2);

fn topic(number: u32) -> String {
    format!("devices/dev-1/commands/{}", number % TOPICS)
}

/// Publishes all of them; every one is acknowledged when it returns.
async fn burst(mut publisher: Client) -> Result<Client, Lost> {
    let writer = publisher.writer();
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < MESSAGES {
        let mut batch = BytesMut::new();
        while sent < MESSAGES && sent - acknowledged < WINDOW {
            let id = u16::try_from(sent % 60_000).expect("below 65,536") + 1;
            batch.extend_from_slice(&writer.publish_acknowledged(id, &topic(sent), &sent.to_be_bytes()));
            sent += 1;
        }
        if !batch.is_empty() {
            publisher.send(&batch).await?;
        }
        let mut answer = Some(publisher.answer().await?);
        while let Some(packet) = answer {
            match packet {
                Packet::PubAck(_, code) if code < 0x80 => acknowledged += 1,
                other => return Err(Lost::Unexpected(other)),
            }
            answer = publisher.heard();
        }
    }
    Ok(publisher)
}

/// What a subscriber has heard.
#[derive(Default)]
struct Heard {
    numbers: BTreeSet<u32>,
    repeated: u32,
    out_of_order: u32,
}

impl Heard {
    /// Notes a message; its packet id.
    fn note(&mut self, packet: &Packet) -> u16 {
        let Packet::Publish { id, payload, .. } = packet else { panic!("no message: {packet:?}") };
        let number = u32::from_be_bytes(payload[..].try_into().expect("four bytes"));
        if self.numbers.last().is_some_and(|last| *last > number) {
            self.out_of_order += 1;
        }
        if !self.numbers.insert(number) {
            self.repeated += 1;
        }
        *id
    }
}

/// Listens until it has heard the last message, at a millisecond each as long as it is told to be slow.
async fn listen(mut subscriber: Client, slow: watch::Receiver<bool>) -> (Client, Heard) {
    let writer = subscriber.writer();
    let mut heard = Heard::default();
    while !heard.numbers.contains(&LAST) {
        let packet = subscriber.answer().await.expect("the subscriber is served");
        let id = heard.note(&packet);
        subscriber.send(&writer.acknowledge(id)).await.expect("the subscriber is served");
        if *slow.borrow() {
            sleep(Duration::from_millis(1)).await;
        }
    }
    (subscriber, heard)
}

/// The burst, to a subscriber that is slow meanwhile and hears the rest afterwards.
async fn burst_to_a_slow_subscriber(fleet: &LargeFleet) -> Heard {
    let options = ConnectOptions { version: Version::V311, ..ConnectOptions::default() };
    let mut subscriber = fleet.connect(&fleet.site.device(1), options).await.unwrap();
    subscriber.subscribe("devices/dev-1/commands/#", QoS::AtLeastOnce).await.unwrap();
    let publisher = fleet.connect(&fleet.site.service(1), ConnectOptions::default()).await.unwrap();
    let (hurry, slow) = watch::channel(true);
    let listening = tokio::spawn(listen(subscriber, slow));
    let mut publisher = burst(publisher).await.unwrap();
    hurry.send_replace(false);
    // Once its queue is empty there is room for the last one, which also tells it of what was lost on the way.
    let queued = || {
        let sessions = fleet.operate("sessions", &["--json"]).json();
        let sessions = sessions.as_array().expect("one array");
        sessions.iter().map(|session| session["queued"].as_u64().expect("a number")).sum::<u64>()
    };
    while queued() > 0 {
        sleep(Duration::from_millis(50)).await;
    }
    publisher.publish(&topic(0), &LAST.to_be_bytes()).await.unwrap();
    let (mut subscriber, mut heard) = listening.await.unwrap();
    assert!(timeout(SILENCE, subscriber.hear()).await.is_err(), "there is nothing after the last");
    assert!(heard.numbers.remove(&LAST));
    subscriber.leave().await.unwrap();
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_acknowledged_message_of_a_burst_is_delivered_or_counted_and_logged() {
    let fleet = LargeFleet::new(PROGRAMS, "");
    let heard = burst_to_a_slow_subscriber(&fleet).await;
    let (dropped, overtaken) = (fleet.count("dropped_queue_full"), fleet.count("dropped_lagging"));
    println!(
        "{MESSAGES} acknowledged: {} delivered, {dropped} found the queue full, {overtaken} were overtaken",
        heard.numbers.len()
    );
    assert_eq!((heard.repeated, heard.out_of_order), (0, 0));
    assert_eq!(heard.numbers.len() as u64 + dropped + overtaken, u64::from(MESSAGES));
    assert!(dropped > 0, "the burst was not too much");
    assert_eq!(fleet.count("published"), u64::from(MESSAGES) + 1);

    let (code, log) = fleet.stop();
    assert_eq!(code, 0);
    let log = log.since(Mark::START);
    let logged = |words: &str, number: &str| {
        let lines = log.iter().filter(|line| line["message"].as_str().is_some_and(|m| m.starts_with(words)));
        let mut last = 0;
        for line in lines {
            assert_eq!(line["identity"], "device-000001", "{line}");
            last = line[number].as_u64().expect("a number");
            if number == "dropped" {
                let topic = line["topic"].as_str().expect("a topic");
                assert!(topic.starts_with("devices/dev-1/commands/"), "{line}");
            }
        }
        last
    };
    assert_eq!(logged("messages are dropped", "dropped"), dropped);
    assert_eq!(logged("messages were lost", "lost"), overtaken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_long_enough_loses_nothing_of_a_burst() {
    let fleet = LargeFleet::new(PROGRAMS, "max-queued-messages = 200000\nmax-queued-bytes = 100000000");
    let heard = burst_to_a_slow_subscriber(&fleet).await;
    assert_eq!((heard.repeated, heard.out_of_order), (0, 0));
    assert_eq!(heard.numbers.len() as u64, u64::from(MESSAGES));
    assert_eq!((fleet.count("dropped_queue_full"), fleet.count("dropped_lagging")), (0, 0));
}
