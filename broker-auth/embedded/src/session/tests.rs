//! Sessions whose engine is behind: what is to end them does not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authenticator::decide::Standing;
use authenticator::for_test;
use authenticator::policy::{ClientId, ClientIdRule, Permit};
use authenticator::reason::{Reason, Refusal};
use authenticator::record::{Audit, DecisionId, Record};
use authenticator::trust::Role;
use bytes::BytesMut;
use mqtt::wire::Wire;
use mqtt::{Connection, ConnectionLimits};
use rustls_pki_types::UnixTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Hub, attach};
use crate::admitted_client::AdmittedClient;
use crate::engine::{Engine, Message};
use crate::limits::{BrokerLimits, SessionLimits};
use crate::recheck::Recheck;

/// Well below the time for which a client may wait for the engine.
const SOON: Duration = Duration::from_secs(3);

/// Judges every client the same.
struct Verdict {
    revoked: AtomicBool,
    changes: watch::Sender<u64>,
}

impl Recheck for Verdict {
    fn now(&self) -> UnixTime {
        UnixTime::now()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn recheck(&self, _permit: &Permit, _client_id: &ClientId) -> Result<Standing, Refusal> {
        if self.revoked.load(Ordering::SeqCst) {
            return Err(Refusal::new(Reason::Revoked, "revoked"));
        }
        Ok(Standing::Unchanged)
    }
}

/// Writes nothing.
struct NoAudit;

impl Audit for NoAudit {
    fn write(&self, _record: &Record<'_>) {}
}

/// A broker without a listener, and its only device.
struct Site {
    verdict: Arc<Verdict>,
    hub: Arc<Hub>,
    permit: Permit,
}

impl Site {
    fn new() -> Self {
        let policy = for_test::policy(
            ClientIdRule::MustEqual,
            &["devices/{device-id}/telemetry/#"],
            &["devices/{device-id}/commands/#"],
        );
        let permit = for_test::permit(&for_test::verified_client("dev-1", Role::Device), policy);
        let verdict = Arc::new(Verdict { revoked: AtomicBool::new(false), changes: watch::Sender::new(0) });
        let engine = Engine::start(10, 10_000).unwrap();
        let clock = Arc::new(|| UnixTime::since_unix_epoch(Duration::from_secs(1_750_000_000)));
        let hub = Arc::new(Hub::new(engine, clock, Arc::new(NoAudit), 10, BrokerLimits::default()));
        Self { verdict, hub, permit }
    }

    /// A connection of the device, with MQTT 5 and a session that it keeps; without CONNACK.
    async fn connect(&self) -> DuplexStream {
        self.connect_saying(60, &[]).await
    }

    /// The same, with another keep-alive, in seconds, and with packets that come together with CONNECT.
    async fn connect_saying(&self, keep_alive: u8, more: &[u8]) -> DuplexStream {
        let (mut client, server) = duplex(64 * 1024);
        client.write_all(more).await.unwrap();
        let (reader, writer) = mqtt::open(Box::new(server), &Arc::new(ConnectionLimits::default()));
        let mut connect = *b"\x10\x17\0\x04MQTT\x05\0\0\x3c\x05\x11\0\0\0\xff\0\x05dev-1";
        connect[11] = keep_alive;
        let (wire, connect) = Wire::first(BytesMut::from(&connect[..])).unwrap();
        let binding = for_test::client_id(&self.permit, &connect.client_id, "1");
        let client_let_in = AdmittedClient {
            connection: Connection::new(reader, writer, wire),
            connect,
            binding,
            permit: self.permit.clone(),
            recheck: Arc::clone(&self.verdict) as Arc<dyn Recheck>,
            limits: Arc::new(SessionLimits::default()),
            peer: ([127, 0, 0, 1], 1).into(),
            decision: DecisionId { process: 0, count: 1 },
            place: Box::new(()),
        };
        let attached = attach(&self.hub, Box::new(client_let_in));
        assert!(attached.is_ok(), "there is room");
        assert_eq!(packet(&mut client).await.0, 0x20);
        client
    }

    fn revoke(&self) {
        self.verdict.revoked.store(true, Ordering::SeqCst);
        self.verdict.changes.send_modify(|generation| *generation += 1);
    }

    /// Waits until a publisher waits.
    async fn somebody_waits(&self) {
        let waits = async {
            while self.hub.counters().publishes_delayed.get() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, waits).await.expect("the engine has no room");
    }
}

/// The next packet, its first byte and the rest.
async fn packet(client: &mut DuplexStream) -> (u8, Vec<u8>) {
    let read = async {
        let first = client.read_u8().await.unwrap();
        let length = client.read_u8().await.unwrap();
        let mut rest = vec![0; usize::from(length)];
        client.read_exact(&mut rest).await.unwrap();
        (first, rest)
    };
    timeout(SOON, read).await.expect("a packet comes soon")
}

/// A command for the device.
fn command(payload: &'static [u8]) -> Message {
    Message::specimen("devices/dev-1/commands/a", payload)
}

/// Subscribes to all commands, with QoS 1.
const SUBSCRIBE: &[u8] = b"\x82\x1e\0\x01\0\0\x18devices/dev-1/commands/#\x01";

/// QoS 2, `devices/dev-1/telemetry/a`, id 9.
fn publish(header: u8) -> Vec<u8> {
    let mut packet = vec![header, 31];
    packet.extend(b"\0\x19devices/dev-1/telemetry/a\0\x09\0x");
    packet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_client_is_cut_off_while_it_waits_for_the_engine() {
    let site = Site::new();
    let mut client = site.connect().await;
    let all_there_is = site.hub.engine.room(usize::MAX).await.unwrap();
    client.write_all(&publish(0x34)).await.unwrap();
    site.somebody_waits().await;
    site.revoke();
    let (header, rest) = packet(&mut client).await;
    assert_eq!((header, rest[0]), (0xE0, 0x98), "administrative action");
    assert_eq!(site.hub.counters().published.get(), 0);
    drop(all_there_is);
    assert!(site.hub.engine.room(usize::MAX).await.is_ok(), "it had taken nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_client_is_taken_over_while_it_waits_is_published_once() {
    let site = Site::new();
    let mut first = site.connect().await;
    let all_there_is = site.hub.engine.room(usize::MAX).await.unwrap();
    first.write_all(&publish(0x34)).await.unwrap();
    site.somebody_waits().await;
    let mut second = site.connect().await;
    let (header, rest) = packet(&mut first).await;
    assert_eq!((header, rest[0]), (0xE0, 0x8E), "session taken over");
    drop(all_there_is);
    for _ in 0..2 {
        second.write_all(&publish(0x3C)).await.unwrap();
        let (header, rest) = packet(&mut second).await;
        assert_eq!((header, &rest[..2]), (0x50, &[0, 9][..]));
    }
    assert_eq!(site.hub.counters().published.get(), 1);
}

/// Publishers wait for sessions that are behind: two that wait for each other would do so for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_for_the_engine_still_takes_what_comes_from_there() {
    let site = Site::new();
    let mut client = site.connect().await;
    client.write_all(SUBSCRIBE).await.unwrap();
    assert_eq!(packet(&mut client).await.0, 0x90);
    let little = site.hub.engine.room(40).await.unwrap();
    let nearly_all = site.hub.engine.room(9_950).await.unwrap();
    client.write_all(&publish(0x34)).await.unwrap();
    site.somebody_waits().await;
    little.publish(command(b"x"));
    let taken = async {
        while site.hub.queued_bytes() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, taken).await.expect("the message is taken");
    assert_eq!(site.hub.counters().published.get(), 0, "the client's own still waits");
    drop(nearly_all);
    let mut heard = [packet(&mut client).await.0, packet(&mut client).await.0];
    heard.sort_unstable();
    assert_eq!(heard, [0x32, 0x50], "the command, and the acknowledgement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_was_revoked_before_its_session_began_is_not_listened_to() {
    let site = Site::new();
    site.revoke();
    let mut client = site.connect_saying(60, &[SUBSCRIBE, &publish(0x34)].concat()).await;
    let (header, rest) = packet(&mut client).await;
    assert_eq!((header, rest[0]), (0xE0, 0x98), "administrative action");
    assert_eq!(site.hub.counters().published.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_not_listened_to_is_not_taken_for_silent() {
    const LONG: &[u8] = &[b'x'; 200_000];
    let site = Site::new();
    let mut client = site.connect_saying(1, &[]).await;
    client.write_all(SUBSCRIBE).await.unwrap();
    assert_eq!(packet(&mut client).await.0, 0x90);
    site.hub.engine.room(LONG.len()).await.unwrap().publish(command(LONG));
    // The message fills all buffers, so the ping stays where it is.
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.write_all(b"\xC0\0").await.unwrap();
    tokio::time::sleep(SOON).await;
    assert_eq!(client.read_u8().await.unwrap(), 0x32);
    let mut rest = vec![0; "lll".len() + "..devices/dev-1/commands/a..p".len() + LONG.len()];
    timeout(SOON, client.read_exact(&mut rest)).await.expect("the whole message comes").unwrap();
    assert_eq!(packet(&mut client).await.0, 0xD0, "the answer to the ping");
}

/// MQTT-3.3.4-6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_does_not_name_subscriptions_in_a_message() {
    let site = Site::new();
    let mut client = site.connect().await;
    client.write_all(b"\x32\x21\0\x19devices/dev-1/telemetry/a\0\x09\x02\x0b\x01x").await.unwrap();
    let (header, rest) = packet(&mut client).await;
    assert_eq!((header, rest[0]), (0xE0, 0x82), "protocol error");
    assert_eq!(site.hub.counters().published.get(), 0);
}
