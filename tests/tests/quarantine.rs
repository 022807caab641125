//! What becomes of what waits for a client, or is left by it, when its policy turns into a quarantine.

#![forbid(unsafe_code)]

use std::time::Duration;

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const DEVICES: &str = "[[policy]]\nname = \"devices\"\n";

const WARD: &str = "[[policy]]\nname = \"ward\"\nmatch = { trust = \"device-ca\" }\naction = \"quarantine\"\n\
                    publish = [\"ward/{device-id}\"]\nsubscribe = [\"ward/{device-id}\"]\n\n";

const SILENCE: Duration = Duration::from_millis(700);

fn quarantine(fleet: &Fleet) {
    fleet.configure(DEVICES, &format!("{WARD}{DEVICES}"));
    assert_eq!(operate(fleet, "reload", &[]).stdout_of_success(), "reloaded\n");
}

fn release(fleet: &Fleet) {
    fleet.configure(WARD, "");
    assert_eq!(operate(fleet, "reload", &[]).stdout_of_success(), "reloaded\n");
}

fn command(service: &mut Client, device: &str, payload: &str) {
    assert!(service.publish(&format!("devices/{device}/commands/a"), payload) < 0x80);
}

fn is_silent(client: &mut Client) -> bool {
    matches!(client.hear(SILENCE), Heard::Silence)
}

#[test]
fn messages_that_wait_for_a_client_are_gone_when_it_enters_and_none_come_back() {
    for version in Version::ALL {
        // One is on its way, and the others wait for its acknowledgement.
        let site = Site::configured(PROGRAMS, |fleet| fleet.limit("max-inflight = 1"));
        let mut service = site.backend(Version::V5);
        let mut device = site.connect(&site.device, &Connect::new(version, "dev-1").persistent());
        assert!(device.subscribe("devices/dev-1/commands/#", 1) < 0x80);
        for payload in ["first", "second", "third"] {
            command(&mut service, "dev-1", payload);
        }
        let first = match device.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(Kind::Publish) => packet.message(),
            heard => panic!("{heard:?}"),
        };
        assert_eq!(first.payload, "first");
        quarantine(&site.fleet);
        device.send(&mqtt::acknowledge(0x40, first.id));
        assert!(is_silent(&mut device), "{version:?}: what waited was taken away");
        command(&mut service, "dev-1", "while it is there");
        assert!(is_silent(&mut device), "{version:?}");
        assert!(device.subscribe("devices/dev-1/commands/#", 1) >= 0x80);
        assert!(device.subscribe("ward/dev-1", 1) < 0x80);
        device.send(&mqtt::publish(version, "ward/dev-1", b"named", 1, false, 99));
        // Its acknowledgement and the message come in either order.
        let mut told = None;
        for _ in 0..2 {
            match device.hear(PATIENCE) {
                Heard::Packet(packet) if packet.is(Kind::Publish) => told = Some(packet.message()),
                Heard::Packet(packet) if packet.is(Kind::PubAck) => {}
                heard => panic!("{version:?}: {heard:?}"),
            }
        }
        let told = told.expect("its own topic goes on");
        assert_eq!(told.payload, "named");
        device.send(&mqtt::acknowledge(0x40, told.id));

        // Leaving restores nothing: neither the messages nor the subscription.
        release(&site.fleet);
        command(&mut service, "dev-1", "after it has left");
        assert!(is_silent(&mut device), "{version:?}");
        assert!(device.subscribe("devices/dev-1/commands/#", 1) < 0x80);
        command(&mut service, "dev-1", "asked for again");
        assert_eq!(device.receive().payload, "asked for again", "{version:?}");
    }
}

#[test]
fn messages_that_wait_for_a_session_without_a_connection_are_not_delivered_in_quarantine() {
    let site = Site::new(PROGRAMS);
    let mut service = site.backend(Version::V5);
    let connect = Connect::new(Version::V5, "dev-1").persistent();
    let mut device = site.connect(&site.device, &connect);
    assert!(device.subscribe("devices/dev-1/commands/#", 1) < 0x80);
    drop(device);
    command(&mut service, "dev-1", "queued");
    quarantine(&site.fleet);
    let mut device = site.connect(&site.device, &connect);
    assert!(is_silent(&mut device), "what was queued is not for a client in quarantine");
    release(&site.fleet);
    assert!(is_silent(&mut device), "and does not come back");
}

#[test]
fn a_will_that_waits_is_not_published_once_its_client_is_in_quarantine() {
    for is_quarantined in [false, true] {
        let site = Site::new(PROGRAMS);
        let mut service = site.backend(Version::V5);
        assert!(service.subscribe("devices/+/status", 1) < 0x80);
        let connect = Connect::new(Version::V5, "dev-1").persistent();
        let device = site.connect(&site.device, &connect.delayed_will("devices/dev-1/status", "offline", 2));
        drop(device);
        if is_quarantined {
            quarantine(&site.fleet);
        }
        let heard = service.hear(Duration::from_secs(4));
        let is_told = matches!(&heard, Heard::Packet(packet) if packet.is(Kind::Publish));
        assert_eq!(is_told, !is_quarantined, "{heard:?}");
    }
}

#[test]
fn a_client_in_quarantine_is_explained_and_listed_as_such() {
    let site = Site::new(PROGRAMS);
    let _device = site.connect(&site.device, &Connect::new(Version::V5, "dev-1"));
    let explained = |args: &[&str]| {
        let certificate = site.device.certificate.to_str().expect("UTF-8");
        operate(&site.fleet, "explain", &[&["--cert", certificate], args].concat()).stdout_of_success()
    };
    assert!(!explained(&["--json"]).contains("quarantined"));
    quarantine(&site.fleet);
    let (json, text) = (explained(&["--json"]), explained(&[]));
    assert!(json.contains(r#""quarantined":true"#) || json.contains(r#""quarantined": true"#), "{json}");
    assert!(text.contains("allowed, in quarantine"), "{text}");
    let sessions = operate(&site.fleet, "sessions", &["--json"]).json();
    assert_eq!(sessions[0]["policy"], "ward");
}
