//! What cannot be done to a broker from outside: its router dies, its clock is set.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use broker_rules::clock::Clock;
use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::packet::{PINGREQ, Packet, QoS, Version};
use load::site::{Flaw, Identity, Site, TRUSTS};
use load::spread::Spread;
use rustls_pki_types::UnixTime;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::Broker;
use crate::audit::LostLines;
use crate::config::Config;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// How long anything may take on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

const LISTENER: &str = r#"
[[listener]]
address = "127.0.0.1:0"
server-cert = "server.pem"
server-key = "server.key"
"#;

const POLICIES: &str = r##"
[[policy]]
name = "devices"
match = { trust = "device-ca" }
action = "allow"
publish = ["devices/{device-id}/telemetry/#"]
subscribe = ["devices/{device-id}/commands/#"]

[[policy]]
name = "services"
match = { trust = "service-ca" }
action = "allow"
publish = ["devices/+/commands/#"]
subscribe = ["devices/+/telemetry/#"]
"##;

/// The clock of the machine, set by so many seconds.
#[derive(Debug, Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        let now = UnixTime::now().as_secs().saturating_add_signed(self.0.load(Ordering::Relaxed));
        UnixTime::since_unix_epoch(Duration::from_secs(now))
    }
}

impl SetClock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

/// A broker in this process, and who may come.
struct Place {
    broker: Broker,
    clock: Arc<SetClock>,
    site: Site,
    _directory: TempDir,
}

impl Place {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let site = Site::new(directory.path()).unwrap();
        let config = site.file("broker.toml");
        fs::write(&config, [LISTENER, TRUSTS, POLICIES].concat()).unwrap();
        let clock = Arc::new(SetClock::default());
        let config = Config::load(&config).unwrap();
        let broker = Broker::start(&config, &config, clock.clone(), LostLines::none()).await.unwrap();
        Self { broker, clock, site, _directory: directory }
    }

    async fn connect(&self, identity: &Identity, options: ConnectOptions) -> Result<(Client, bool), Lost> {
        Client::connect(self.broker.addresses()[0], identity, options).await
    }

    /// A connection that waits for commands.
    async fn obedient(&self, identity: &Identity, options: ConnectOptions) -> Client {
        let (mut client, _) = self.connect(identity, options).await.unwrap();
        client.subscribe(&commands(identity), QoS::AtLeastOnce).await.unwrap();
        client
    }
}

fn commands(identity: &Identity) -> String {
    format!("devices/{}/commands/#", identity.name)
}

fn command(identity: &Identity) -> String {
    format!("devices/{}/commands/now", identity.name)
}

/// The next message, acknowledged; its payload.
async fn receive(client: &mut Client) -> String {
    match client.answer().await.expect("the session lives") {
        Packet::Publish { id, payload, .. } => {
            if id > 0 {
                client.send(&client.writer().acknowledge(id)).await.unwrap();
            }
            String::from_utf8(payload.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

async fn is_alive(client: &mut Client) -> bool {
    client.send(&PINGREQ).await.is_ok() && matches!(client.answer().await, Ok(Packet::PingResp))
}

/// Waits until a client is cut off; the reason code that it is told.
async fn cut_off(client: &mut Client) -> u8 {
    let told = timeout(TEST_TIMEOUT, client.hear()).await.expect("it is cut off").unwrap();
    let Packet::Disconnect(code) = told else { panic!("{told:?}") };
    assert!(client.answer().await.is_err(), "and closed");
    code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_router_dies_every_session_resumes_without_a_loss() {
    const SESSIONS: u64 = 200;
    const KILLS: u64 = 4;
    let place = Place::new().await;
    let devices = place.site.devices(0..SESSIONS);
    let mut clients = Vec::new();
    for (number, device) in devices.iter().enumerate() {
        let version = if number.is_multiple_of(2) { Version::V5 } else { Version::V311 };
        clients.push(place.obedient(device, ConnectOptions { version, ..ConnectOptions::default() }).await);
    }
    let (mut backend, _) = place.connect(&place.site.service(0), ConnectOptions::default()).await.unwrap();
    for kill in 0..KILLS {
        let mut killed = Instant::now();
        // On its way when the router dies, and published while there is none.
        for text in ["before", "after"] {
            for device in &devices {
                backend.publish(&command(device), format!("{text} {kill}").as_bytes()).await.unwrap();
            }
            if text == "before" {
                killed = Instant::now();
                place.broker.hub.engine.kill_router();
            }
        }
        let back = concurrent::each(clients.len(), clients.drain(..), |mut client| async move {
            assert_eq!(receive(&mut client).await, format!("before {kill}"));
            assert_eq!(receive(&mut client).await, format!("after {kill}"));
            (client, killed.elapsed())
        })
        .await;
        let took: Spread = back.iter().map(|(_, took)| *took).collect();
        println!("all {SESSIONS} sessions are served again after {took} (median / p99 / last)");
        // A second, on a machine that does nothing else.
        assert!(took.max() < TEST_TIMEOUT, "{took}");
        clients = back.into_iter().map(|(client, _)| client).collect();
        // It may be that slow in dying that everything was delivered before.
        let rebuilt = async {
            while place.broker.hub.engine.rebuilds() <= kill {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(TEST_TIMEOUT, rebuilt).await.expect("there is a new router");
    }
    for client in &mut clients {
        assert!(is_alive(client).await, "no session was closed, and nothing comes twice");
    }
    assert_eq!(place.broker.hub.registry.count(), clients.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_a_day_ahead_ends_the_sessions_of_certificates_expired_by_then_and_no_others() {
    let place = Place::new().await;
    let (outage, away) = (place.site.device(1), place.site.device(2));
    let ending = place.site.short_lived(3, Duration::from_secs(12 * 3600));
    let mut stays =
        place.obedient(&outage, ConnectOptions { keep_alive: 60, ..ConnectOptions::default() }).await;
    let an_hour = ConnectOptions { session_expiry: 3600, ..ConnectOptions::default() };
    place.obedient(&away, an_hour).await.leave().await.unwrap();
    let mut ends = place.obedient(&ending, ConnectOptions::default()).await;
    let (mut backend, _) = place.connect(&place.site.service(0), ConnectOptions::default()).await.unwrap();

    place.clock.set(DAY);
    let set = Instant::now();
    // Not authorized, as there is no code for it.
    assert_eq!(cut_off(&mut ends).await, 0x87);
    println!("cut off {:?} after the clock was set", set.elapsed());
    assert!(place.connect(&ending, ConnectOptions::default()).await.is_err());
    assert!(is_alive(&mut stays).await && is_alive(&mut backend).await);
    for device in [&outage, &away] {
        backend.publish(&command(device), b"tomorrow").await.unwrap();
    }
    assert_eq!(receive(&mut stays).await, "tomorrow");
    let (mut back, present) = place.connect(&away, an_hour).await.unwrap();
    assert!(present, "its hour has not passed");
    assert_eq!(receive(&mut back).await, "tomorrow");
    let listed = place.broker.hub.registry.list();
    let of_away = listed.iter().find(|session| session.client_id.as_str() == &*away.name).unwrap();
    let connected_at = of_away.info.connection().unwrap().connected_at;
    let tomorrow = authenticator::certificate::timestamp(place.clock.now());
    assert_eq!(connected_at[..10], tomorrow[..10], "people are told the time of the clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_a_day_back_admits_no_revoked_client_and_keeps_no_revocation_out() {
    let place = Place::new().await;
    let (revoked, next, outage) = (place.site.device(1), place.site.device(2), place.site.device(3));
    let mut first = place.obedient(&revoked, ConnectOptions::default()).await;
    place.site.revoke(&[&revoked]).unwrap();
    assert_eq!(cut_off(&mut first).await, 0x98);
    let mut second = place.obedient(&next, ConnectOptions::default()).await;
    let mut stays =
        place.obedient(&outage, ConnectOptions { keep_alive: 60, ..ConnectOptions::default() }).await;

    place.clock.set(-DAY);
    assert!(place.connect(&revoked, ConnectOptions::default()).await.is_err(), "revoked is revoked");
    assert!(is_alive(&mut stays).await && is_alive(&mut second).await);
    let (mut newcomer, _) = place.connect(&place.site.device(4), ConnectOptions::default()).await.unwrap();
    assert!(is_alive(&mut newcomer).await);

    // To this broker's clock the next list is from tomorrow; an earlier list has said that the clock is behind.
    let published = Instant::now();
    place.site.revoke(&[&revoked, &next]).unwrap();
    assert_eq!(cut_off(&mut second).await, 0x98);
    println!("cut off {:?} after it was published", published.elapsed());
    place.clock.set(0);
    assert!(is_alive(&mut stays).await && is_alive(&mut newcomer).await);
    assert!(place.connect(&next, ConnectOptions::default()).await.is_err());
}

/// A certificate ends while its session is open: so does the session, within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_within_a_second_of_its_certificate() {
    let place = Place::new().await;
    let made = unix_now();
    let mut sessions = Vec::new();
    for (number, life) in [(1, 3), (2, 4), (3, 6)] {
        let device = place.site.short_lived(number, Duration::from_secs(life));
        sessions.push((life, place.obedient(&device, ConnectOptions::default()).await, device));
    }
    for (life, mut client, device) in sessions {
        // It only waits, so time alone finds it.
        assert_eq!(cut_off(&mut client).await, 0x87);
        // Its last second counts (RFC 5280 §4.1.2.5); it was made in the second of `made`, or the next.
        let late = unix_now().as_secs_f64() - (made.as_secs() + life + 1) as f64;
        println!("closed {late:.3} s after the end");
        assert!((-0.01..2.0).contains(&late), "{late}");
        assert!(place.connect(&device, ConnectOptions::default()).await.is_err());
    }
}

fn unix_now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}

/// Whoever has set the clock back has not set back what a CA has said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_back_brings_no_certificate_to_life_again() {
    let place = Place::new().await;
    let rules = || Arc::clone(&place.broker.reconfiguration.listeners()[0].rules);
    // Valid until an hour ago.
    let expired = place.site.flawed(1, Flaw::Expired);
    for hours in [2, 365 * 24, 20_000 * 24] {
        place.clock.set(-hours * HOUR);
        assert!(place.connect(&expired, ConnectOptions::default()).await.is_err(), "{hours} hours back");
        let (mut client, _) = place.connect(&place.site.device(2), ConnectOptions::default()).await.unwrap();
        assert!(is_alive(&mut client).await);
    }
    // An operator knows better, and the same list does not raise the floor again.
    let floor = rules().time_floor();
    assert!(place.broker.reconfiguration.lower_time_floor(floor).is_err(), "it is only lowered");
    let earlier = UnixTime::since_unix_epoch(Duration::from_secs(floor.as_secs() - DAY.unsigned_abs()));
    place.clock.set(-2 * HOUR);
    assert_eq!(place.broker.reconfiguration.lower_time_floor(earlier).unwrap(), floor);
    assert_eq!(rules().time_floor(), earlier);
    rules().reload_crls();
    assert_eq!(rules().time_floor(), earlier);
    let (mut back, _) = place.connect(&expired, ConnectOptions::default()).await.unwrap();
    assert!(is_alive(&mut back).await, "as far as this broker knows, it is two hours ago");
    // A newer list, of another second, raises it again.
    sleep(Duration::from_millis(1100)).await;
    place.clock.set(0);
    place.site.revoke(&[&place.site.device(9)]).unwrap();
    assert_eq!(cut_off(&mut back).await, 0x87);
    let raised = async {
        while rules().time_floor() < floor {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TEST_TIMEOUT, raised).await.expect("the floor rises");
}
