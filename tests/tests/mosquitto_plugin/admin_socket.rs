//! The socket that operators ask at: one program has it, it ends with that, and whatever comes to it holds up no device.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::mqtt::{Connect, Version};

use crate::broker_beside::{Host, with_both};
use crate::site::{Site, is_done};

/// Where the plugin answers, in a fleet directory.
const SOCKET: &str = "broker/admin.sock";

#[test]
fn a_second_program_on_a_state_directory_admits_nobody_and_a_stale_socket_is_taken_over() {
    let Some(both) = with_both("countersign/events/#") else { return };
    let site = &both.site;
    let second = Site::with_library(|fleet| {
        let rules = fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
        let shared = site.fleet.file("broker").display().to_string();
        if !rules.contains("[state]") {
            let rules = format!("{rules}\n[state]\ndir = \"{shared}\"\n");
            fleet.replace("broker.toml", rules.as_bytes());
        }
        format!("plugin_opt_config {}\n", fleet.file("broker.toml").display())
    })
    .expect("mosquitto is installed");
    second.wait_for("nobody gets in: the admin socket in", 1);
    assert!(second.log().contains("another broker answers there"), "{}", second.log());
    second.refused(&second.device, &Connect::new(Version::V5, "dev-1"));
    drop(second);
    // The first has lost nothing by it.
    assert_eq!(both.operate(Host::Mosquitto, "status", &[]).code, 0);
    assert!(site.dev_1(Version::V5).is_alive());
}

#[test]
fn a_socket_ends_with_mosquitto_whoever_waits_at_it_and_one_that_was_left_behind_is_taken_over() {
    let Some(mut site) = Site::by_broker_toml() else { return };
    let socket = site.fleet.file(SOCKET);
    let mut silent: Vec<_> = (0..8).map(|_| UnixStream::connect(&socket).expect("it listens")).collect();
    let begin = Instant::now();
    assert!(site.mosquitto.end().success());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(!socket.exists());
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
    drop(UnixListener::bind(&socket).expect("a socket that nobody listens at"));
    let Some(again) = Site::with_library(|fleet| {
        fs::create_dir_all(fleet.file("broker")).expect("a directory");
        if !fleet.file(SOCKET).exists() {
            drop(UnixListener::bind(fleet.file(SOCKET)).expect("a socket"));
        }
        format!("plugin_opt_config {}\n", fleet.file("broker.toml").display())
    }) else {
        return;
    };
    assert_eq!(operate(&again.fleet, "status", &[]).code, 0);
}

/// Half of a request, too much of one, nonsense, and nothing at all, by the dozen: the devices do not notice.
#[test]
fn a_flood_at_the_socket_holds_up_no_device() {
    let Some(site) = Site::by_broker_toml() else { return };
    let socket = site.fleet.file(SOCKET);
    let mut device = site.dev_1(Version::V5);
    let long = vec![b'x'; 100_000];
    let mut slowest = Duration::ZERO;
    for round in 0..200 {
        if let Ok(mut stream) = UnixStream::connect(&socket) {
            let request: &[u8] = match round % 4 {
                0 => b"{\"request\":\"sessions\"}\n",
                1 => b"\xff\xfe\n",
                2 => b"{\"request\":\"status\"}\n",
                _ => &long,
            };
            // The other side closes when it has read enough.
            let _ = stream.set_write_timeout(Some(Duration::from_millis(100)));
            let _ = stream.write_all(request);
        }
        let begin = Instant::now();
        assert!(is_done(device.publish("devices/dev-1/telemetry/a", "1")));
        slowest = slowest.max(begin.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert_eq!(operate(&site.fleet, "status", &[]).code, 0, "{}", site.log());
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(UnixStream::connect(&socket).expect("it listens"));
    }
    let begin = Instant::now();
    assert_eq!(operate(&site.fleet, "status", &[]).code, 0, "others are heard beside those that say nothing");
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
}
