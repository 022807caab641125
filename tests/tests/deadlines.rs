//! Nobody waits for a client that says nothing, or half of something.

#![forbid(unsafe_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// Different, so that a test cannot be right about the wrong one.
const LIMITS: &str = r#"handshake-timeout = "1s"
connect-timeout = "2s"
packet-timeout = "3s""#;

fn impatient() -> Site {
    Site::configured(PROGRAMS, |fleet| fleet.limit(LIMITS))
}

/// Asserts that something took this many seconds: never less, and not much more even on a busy machine.
#[track_caller]
fn took(since: Instant, seconds: f64) {
    let elapsed = since.elapsed().as_secs_f64();
    assert!((seconds - 0.2..seconds + 4.0).contains(&elapsed), "{elapsed:.2} s, not {seconds} s");
}

#[track_caller]
fn is_closed(mut socket: &TcpStream) {
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    match socket.read(&mut [0; 64]) {
        Ok(0) => {}
        Ok(_) => panic!("the broker spoke first"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}

fn connect_socket(address: SocketAddr) -> TcpStream {
    TcpStream::connect_timeout(&address, PATIENCE).expect("the broker accepts connections")
}

#[test]
fn a_client_that_never_starts_its_handshake_is_closed() {
    let site = impatient();
    let since = Instant::now();
    is_closed(&connect_socket(site.address()));
    took(since, 1.0);
}

#[test]
fn a_client_that_sends_its_handshake_byte_by_byte_gains_no_time() {
    let site = impatient();
    let mut socket = connect_socket(site.address());
    let since = Instant::now();
    // The head of a TLS record of 512 bytes, then one byte at a time.
    for byte in [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC].into_iter().chain([0; 500]) {
        if socket.write_all(&[byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
        if since.elapsed() > PATIENCE {
            break;
        }
    }
    took(since, 1.0);
    is_closed(&socket);
}

#[test]
fn a_client_that_is_silent_after_its_handshake_is_closed() {
    let site = impatient();
    let mut client =
        Client::dial(site.address(), &site.tls(&site.device), Version::V5).expect("the handshake succeeds");
    let since = Instant::now();
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
    took(since, 2.0);
}

#[test]
fn half_a_connect_is_not_waited_for() {
    let site = impatient();
    let mut waiting = Vec::new();
    for version in Version::ALL {
        let connect = Connect::new(version, "dev-1").packet();
        for half in [1, connect.len() / 2, connect.len() - 1] {
            let mut client = Client::dial(site.address(), &site.tls(&site.device), version)
                .expect("the handshake succeeds");
            client.send(&connect[..half]);
            waiting.push((client, Instant::now()));
        }
    }
    for (mut client, since) in waiting {
        assert_eq!(client.hear(PATIENCE), Heard::Closed);
        took(since, 2.0);
    }
}

#[test]
fn half_a_publish_is_not_waited_for() {
    let site = impatient();
    for version in Version::ALL {
        let mut client = site.dev_1(version);
        let publish = mqtt::publish(version, "devices/dev-1/telemetry/a", b"payload", 1, false, 1);
        let since = Instant::now();
        client.send(&publish[..publish.len() - 1]);
        match client.hear(PATIENCE) {
            Heard::Packet(packet) => {
                assert!(version == Version::V5 && packet.is(Kind::Disconnect), "{packet:?}");
                assert_eq!(client.hear(PATIENCE), Heard::Closed);
            }
            heard => assert_eq!(heard, Heard::Closed),
        }
        took(since, 3.0);
    }
}

#[test]
fn a_publish_that_arrives_byte_by_byte_gains_no_time() {
    let site = impatient();
    let mut client = site.dev_1(Version::V311);
    let publish = mqtt::publish(Version::V311, "devices/dev-1/telemetry/a", &[b'x'; 100], 1, false, 1);
    let since = Instant::now();
    let mut sent = publish.iter();
    let heard = loop {
        if let Some(byte) = sent.next() {
            client.send(&[*byte]);
        }
        match client.hear(Duration::from_millis(100)) {
            Heard::Silence if since.elapsed() < PATIENCE => {}
            heard => break heard,
        }
    };
    assert_eq!(heard, Heard::Closed);
    took(since, 3.0);
}

#[test]
fn an_idle_client_and_one_with_a_slow_link_are_left_alone() {
    let site = impatient();
    let mut client = site.dev_1(Version::V5);
    // Longer than every limit: they are about what is half said, not about who has nothing to say.
    thread::sleep(Duration::from_millis(3500));
    assert!(client.is_alive());
    let publish = mqtt::publish(Version::V5, "devices/dev-1/telemetry/a", b"in two pieces", 1, false, 7);
    let (head, rest) = publish.split_at(9);
    client.send(head);
    thread::sleep(Duration::from_millis(1000));
    client.send(rest);
    assert_eq!(client.expect(Kind::PubAck).reason_code(), 0);
}

/// When the system asks each client of the broker whether it is there still, as Linux shows it (proc_net_tcp): a timer of
/// the kind 2, in hundredths of a second. `None`: it does not.
fn probes(site: &Site) -> Vec<Option<Duration>> {
    let port = format!(":{:04X}", site.address().port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let sockets = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_broker = sockets.filter(|fields| fields[1].ends_with(&port) && fields[3] == "01");
    let timers = of_broker.map(|fields| fields[5].split_once(':').expect("kind and time"));
    let due = timers.map(|(kind, due)| {
        let hundredths = u64::from_str_radix(due, 16).expect("a time");
        (kind == "02").then(|| Duration::from_millis(10 * hundredths))
    });
    due.collect()
}

/// MQTT 3.1.1 lets a client ask for no keep-alive, and then nothing but the system finds that it has lost its power.
#[test]
fn a_client_that_vanished_is_found_by_the_system_and_not_before_a_quarter_of_an_hour() {
    let site = Site::new(PROGRAMS);
    for version in [Version::V311, Version::V5] {
        let mut client = site.connect(&site.device, &Connect::new(version, "dev-1").keep_alive(0));
        let deadline = Instant::now() + PATIENCE;
        loop {
            match probes(&site).as_slice() {
                [Some(due)] => {
                    let minutes = due.as_secs_f64() / 60.0;
                    assert!((14.0..=15.1).contains(&minutes), "{version:?}: in {minutes} minutes");
                    break;
                }
                // What was sent last has not been confirmed, or the client before is still there.
                other => assert!(Instant::now() < deadline, "{version:?}: {other:?}"),
            }
            thread::sleep(Duration::from_millis(20));
        }
        assert!(client.is_alive());
        drop(client);
    }
}

#[test]
fn fifty_silent_clients_delay_nobody() {
    // With the limits of a new fleet they are all still there when the healthy one comes.
    let site = Site::new(PROGRAMS);
    let alone = slowest_of_five_visits(&site);
    let silent_before_tls: Vec<_> = (0..50).map(|_| connect_socket(site.address())).collect();
    let tls = site.tls(&site.device);
    let silent_after_tls: Vec<_> = (0..50)
        .map(|_| Client::dial(site.address(), &tls, Version::V5).expect("the handshake succeeds"))
        .collect();
    let among_silent = slowest_of_five_visits(&site);
    println!("connect, publish, good-bye: {alone:?} alone, {among_silent:?} among 100 silent clients");
    assert!(among_silent < alone * 10 + Duration::from_secs(1), "{among_silent:?} instead of {alone:?}");
    assert_eq!(silent_before_tls.len() + silent_after_tls.len(), 100);
}

fn slowest_of_five_visits(site: &Site) -> Duration {
    let visit = || {
        let since = Instant::now();
        let mut client = site.dev_1(Version::V5);
        assert_eq!(client.publish("devices/dev-1/telemetry/a", "quick"), 0);
        client.disconnect();
        since.elapsed()
    };
    (0..5).map(|_| visit()).max().expect("there were five")
}

#[test]
fn connections_of_one_address_are_limited_and_may_be_opened_again() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.limit("max-connections-per-address = 3\nhandshake-timeout = \"2s\"");
    });
    let mut device = site.dev_1(Version::V5);
    let since = Instant::now();
    let silent = [connect_socket(site.address()), connect_socket(site.address())];
    is_closed(&connect_socket(site.address()));
    assert!(since.elapsed() < Duration::from_secs(2), "the fourth is turned away at once");
    assert!(device.is_alive());
    silent.iter().for_each(is_closed);
    // Their places are free again.
    let tls: Tls = site.tls(&site.service);
    let since = Instant::now();
    while Client::dial(site.address(), &tls, Version::V5).is_err() {
        assert!(since.elapsed() < PATIENCE, "the places never come back");
    }
}
