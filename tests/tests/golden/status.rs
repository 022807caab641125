//! `status` and `sessions` after connections, refusals, messages and limits, each a known number of times.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::client::{Client, PATIENCE, Tls};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{self, Connect, DISCONNECT, Version};
use integration_tests::pki::Forger;
use integration_tests::program::Finished;
use integration_tests::site::Site;
use integration_tests::transcript::Transcript;
use serde_json::Value;

use crate::PROGRAMS;

/// Waits until `status` says so.
#[track_caller]
fn until(site: &Site, what: &str, is_so: impl Fn(&Value) -> bool) {
    let since = Instant::now();
    loop {
        let status = operate(&site.fleet, "status", &["--json"]).json();
        if is_so(&status) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{what}: {status}");
        sleep(Duration::from_millis(50));
    }
}

/// What differs from run to run under names of its own.
fn without_volatile(site: &Site, ran: Finished) -> Finished {
    let pid = site.broker.process_id().to_string();
    let mut stdout = String::new();
    for line in ran.stdout.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let line = match words.as_slice() {
            ["pid", number] => {
                assert_eq!(*number, pid);
                "pid  <pid>".to_owned()
            }
            ["\"pid\":", number] => {
                assert_eq!(*number, format!("{pid},"));
                "  \"pid\": <pid>,".to_owned()
            }
            ["up", "for", _, "s"] => "up for  <seconds> s".to_owned(),
            ["\"uptime_seconds\":", _] => "  \"uptime_seconds\": <seconds>,".to_owned(),
            ["\"age_seconds\":", _] => "  \"age_seconds\": <seconds>,".to_owned(),
            ["\"left_seconds\":", _] => "  \"left_seconds\": <seconds>,".to_owned(),
            ["revocation", "list", ..] | ["certificate", "ends", ..] => {
                let parts =
                    line.split(", ").filter(|part| !part.ends_with(" old") && !part.ends_with(" left"));
                parts.collect::<Vec<_>>().join(", ")
            }
            _ => line.to_owned(),
        };
        stdout.push_str(&line);
        stdout.push('\n');
    }
    Finished { stdout, ..ran }
}

fn record(site: &Site, transcript: &mut Transcript<'_>, title: &str) {
    transcript.line(&format!("## {title}"));
    for (command, args) in
        [("status", &[][..]), ("status", &["--json"]), ("sessions", &[]), ("sessions", &["--json"])]
    {
        let ran = without_volatile(site, operate(&site.fleet, command, args));
        transcript.add(format!("countersign-broker {command} {}", args.concat()).trim_end(), &ran);
    }
}

fn limit(fleet: &Fleet) {
    fleet.limit(
        "max-sessions-per-identity = 2\nmax-inflight = 2\nmax-queued-messages = 2\nmax-subscriptions = 2\n\
         max-retained-messages-per-identity = 1",
    );
}

#[test]
fn status_counts_what_happened() {
    let site = Site::configured(PROGRAMS, limit);
    let mut transcript = Transcript::of(&site.fleet);
    record(&site, &mut transcript, "a broker that nobody has met");
    let other = site.fleet.device("dev-2");
    let stranger = Forger::stranger(&site.fleet).certificate("dev-1");

    // Refused: in the handshake three times, in CONNECT five times.
    let attempt = |credential: Option<&_>, connect: &Connect| {
        drop(Client::attempt(site.address(), &Tls::new(&site.fleet, credential), connect));
    };
    let five = Connect::new(Version::V5, "dev-1");
    attempt(None, &five);
    attempt(Some(&stranger), &five);
    drop(TcpStream::connect(site.address()));
    until(&site, "three handshakes", |status| status["counters"]["handshakes_refused"] == 3);
    attempt(Some(&other), &five);
    attempt(Some(&other), &Connect::new(Version::V311, "dev-20"));
    attempt(Some(&site.device), &five.clone().will("devices/dev-2/status", "off"));
    let deep = format!("devices/dev-1/telemetry{}", "/1".repeat(20));
    attempt(Some(&site.device), &five.clone().will(&deep, "off"));

    // A session that is there, one that is away with more messages than it keeps, and two of a service.
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
    let mut away = site.connect(&other, &Connect::new(Version::V5, "dev-2").persistent());
    assert_eq!(away.subscribe("devices/dev-2/commands/#", 1), 1);
    away.disconnect();
    let mut backend = site.backend(Version::V311);
    let second = site.connect(&site.service, &Connect::new(Version::V5, "backend/2"));
    attempt(Some(&site.service), &Connect::new(Version::V5, "backend/3"));
    for payload in ["1", "2", "3"] {
        assert_eq!(backend.publish("devices/dev-2/commands/a", payload), 0);
    }
    until(&site, "a full queue", |status| status["counters"]["dropped_queue_full"] == 1);

    // Denied, limited, too long.
    assert_eq!(device.publish("devices/dev-2/telemetry/a", "x"), 0x87);
    device.publish_qos0("devices/dev-2/telemetry/a", "x");
    assert_eq!(device.subscribe("devices/dev-2/commands/#", 1), 0x87);
    assert_eq!(device.subscribe(&deep, 1), 0x8F);
    assert_eq!(device.subscribe("devices/dev-1/commands/a", 1), 1);
    assert_eq!(device.subscribe("devices/dev-1/commands/b", 1), 0x97);
    assert_eq!(device.publish_retained("devices/dev-1/status", "online"), 0);
    assert_eq!(device.publish_retained("devices/dev-1/telemetry/a", "too many"), 0x97);
    record(&site, &mut transcript, "after refusals, denials and limits");

    // Ends.
    second.disconnect();
    device.send(&mqtt::publish(Version::V5, "devices/dev-1/telemetry/#", b"x", 0, false, 0));
    until(&site, "two sessions less", |status| status["sessions"] == 2);
    let mut again = site.dev_1(Version::V5);
    for id in 1..=3 {
        again.send(&mqtt::publish(Version::V5, "devices/dev-1/telemetry/a", b"x", 2, false, id));
    }
    until(&site, "one too many in flight", |status| {
        status["sessions"] == 2 && status["counters"]["inflight_limited"] == 1
    });
    let mut again = site.dev_1(Version::V5);
    site.fleet.revoke("dev-1");
    until(&site, "it is cut off", |status| {
        status["counters"]["sessions_cut"] == 1 && status["sessions"] == 2
    });
    again.send(&DISCONNECT);
    assert_eq!(operate(&site.fleet, "kick", &["dev-2"]).code, 0);
    record(&site, &mut transcript, "after sessions have ended");
    transcript.matches("status");
}
