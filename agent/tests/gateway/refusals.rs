//! A refused device stays away; a device that lost its connection comes back soon.

use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::agent::Agent;
use crate::pki::{Ca, Fleet, ImageSpec};
use crate::scripted_broker::{
    ACCEPTED, ADMINISTRATIVE_ACTION, NOT_AUTHORIZED, SERVER_BUSY, ScriptedBroker, Stream, close, connect,
    send,
};

const REFUSED_FOR_TEN_MINUTES: u64 = 600_000;

struct Scene {
    _dir: TempDir,
    broker: ScriptedBroker,
    agent: Agent,
}

fn scene(
    args: &[&str],
    clients: Option<&Ca>,
    script: impl Fn(Stream) -> io::Result<()> + Send + Sync + 'static,
) -> Scene {
    let fleet = Fleet::new();
    let broker = ScriptedBroker::start(&[&fleet.broker()], clients, script);
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&fleet, "pump-1", broker.port).write(&image);
    let agent = Agent::start_with_stdin(&image, args, Stdio::null());
    Scene { _dir: dir, broker, agent }
}

/// The refusal has `cause`, and for the next seconds the broker hears nothing.
fn stays_away(mut scene: Scene, cause: &str) -> String {
    let entry = scene.agent.state("refused");
    assert_eq!(entry["cause"], cause, "{entry}");
    assert!(entry["retry_in_ms"].as_u64().unwrap() >= REFUSED_FOR_TEN_MINUTES, "{entry}");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(scene.broker.connections(), 1, "a refused device came back");
    entry["detail"].as_str().unwrap().to_owned()
}

#[test]
fn a_connack_that_refuses_keeps_the_device_away() {
    let scene = scene(&[], None, |mut stream| {
        connect(&mut stream, NOT_AUTHORIZED)?;
        close(stream)
    });
    let detail = stays_away(scene, "connack");
    assert!(detail.contains("NotAuthorized"), "{detail}");
}

#[test]
fn an_administrative_disconnect_keeps_the_device_away() {
    let scene = scene(&[], None, |mut stream| {
        connect(&mut stream, ACCEPTED)?;
        send(&mut stream, ADMINISTRATIVE_ACTION)?;
        close(stream)
    });
    let detail = stays_away(scene, "disconnect");
    assert!(detail.contains("0x98"), "{detail}");
}

#[test]
fn a_close_before_the_connack_keeps_the_device_away() {
    let scene = scene(&[], None, |mut stream| {
        crate::scripted_broker::read_packet(&mut stream)?;
        close(stream)
    });
    stays_away(scene, "closed_before_connack");
}

#[test]
fn a_tls_alert_keeps_the_device_away() {
    let stranger = Ca::new("a CA this device is not of");
    let scene = scene(&[], Some(&stranger), |mut stream| connect(&mut stream, ACCEPTED));
    let detail = stays_away(scene, "alert");
    assert!(detail.contains("UnknownCA"), "{detail}");
}

#[test]
fn the_wait_after_a_refusal_ends_and_is_not_cut_short() {
    let mut scene = scene(&["--retry-refused-after", "2"], None, |mut stream| {
        connect(&mut stream, NOT_AUTHORIZED)?;
        close(stream)
    });
    let start = Instant::now();
    for _ in 0..3 {
        scene.agent.state("refused");
    }
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?} for two waits", start.elapsed());
    assert_eq!(scene.broker.connections(), 3);
}

#[test]
fn the_broker_can_ask_for_a_longer_wait() {
    let scene = scene(&[], None, |mut stream| {
        connect(&mut stream, ACCEPTED)?;
        let (name, value) = ("countersign-retry-after", "7200");
        let mut property = vec![0x26, 0, u8::try_from(name.len()).unwrap()];
        property.extend(name.bytes());
        property.extend([0, u8::try_from(value.len()).unwrap()]);
        property.extend(value.bytes());
        let length = u8::try_from(property.len()).unwrap();
        let mut packet = vec![0xe0, length + 2, 0x98, length];
        packet.extend(property);
        send(&mut stream, &packet)?;
        close(stream)
    });
    let mut agent = scene.agent;
    let entry = agent.state("refused");
    assert!(entry["retry_in_ms"].as_u64().unwrap() >= 7_200_000, "{entry}");
}

#[test]
fn a_busy_broker_and_a_broken_session_are_tried_again_soon() {
    for (connack, cause) in [(SERVER_BUSY, "connack"), (ACCEPTED, "connection_lost")] {
        let mut scene = scene(&[], None, move |mut stream| {
            connect(&mut stream, connack)?;
            close(stream)
        });
        for _ in 0..3 {
            let entry = scene.agent.state("offline");
            assert_eq!(entry["cause"], cause, "{entry}");
            assert!(entry["retry_in_ms"].as_u64().unwrap() <= 4_000, "{entry}");
        }
    }
}

#[test]
fn noise_instead_of_mqtt_does_not_stop_the_agent() {
    let noise: [&[u8]; 6] = [
        &[0xff; 64],
        &[0x20, 0],
        &[0x20, 0x7f],
        &[0x20, 0xff, 0xff, 0xff, 0xff, 0x01],
        // Accepted, then a PUBLISH with an undefined topic alias, and an acknowledgement of nothing.
        &[0x20, 3, 0, 0, 0, 0x32, 8, 0, 0, 0, 1, 3, 0x23, 0, 9],
        &[0x20, 3, 0, 0, 0, 0x40, 2, 0, 9],
    ];
    for bytes in noise {
        let mut scene = scene(&["--retry-refused-after", "1"], None, move |mut stream| {
            crate::scripted_broker::read_packet(&mut stream)?;
            send(&mut stream, bytes)?;
            close(stream)
        });
        // It ends this attempt and the next, so it has survived the first.
        for _ in 0..2 {
            scene.agent.logged("the end of an attempt", |entry| entry["cause"].is_string());
        }
        assert!(scene.agent.is_running());
    }
}
