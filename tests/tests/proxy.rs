//! A balancer in front that says where its clients are, by the PROXY protocol.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;
use socket2::{Domain, Socket, Type};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const BALANCER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

fn site(limits: &str) -> Site {
    Site::configured(PROGRAMS, |fleet| {
        fleet.configure("mode = \"enforce\"", "mode = \"enforce\"\nproxy = [\"127.0.0.7\", \"10.0.0.0/8\"]");
        fleet.limit(limits);
    })
}

/// A connection from an address of this machine.
fn from(address: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((address, 0)).into()).expect("an address of this machine");
    socket.connect(&to.into()).expect("the broker accepts connections");
    let socket: TcpStream = socket.into();
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    socket
}

fn v1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.9 4660 8883\r\n").into_bytes()
}

fn v2(client: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client);
    header.extend([192, 0, 2, 9, 0x12, 0x34, 0x22, 0xb3]);
    header
}

/// What a device hears that comes like this.
fn attempt(site: &Site, address: Ipv4Addr, header: &[u8]) -> (Option<Client>, Heard) {
    let mut socket = from(address, site.address());
    socket.write_all(header).expect("the broker takes it");
    match Client::dial_over(socket, &site.tls(&site.device), Version::V5) {
        Ok(mut client) => {
            let heard = client.ask(&Connect::new(Version::V5, "dev-1"));
            (Some(client), heard)
        }
        Err(heard) => (None, heard),
    }
}

fn is_let_in(heard: &Heard) -> bool {
    matches!(heard, Heard::Packet(packet) if packet.is(Kind::ConnAck) && packet.reason_code() == 0)
}

#[test]
fn the_client_is_where_a_listed_balancer_says_and_nowhere_else() {
    let site = site("");
    let peer = || {
        let sessions = operate(&site.fleet, "sessions", &["--json"]).json();
        sessions[0]["peer"].as_str().unwrap_or_default().to_owned()
    };
    for (header, wanted) in [
        (v1("203.0.113.7"), "203.0.113.7:4660"),
        (v2([203, 0, 113, 8]), "203.0.113.8:4660"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.7:"),
    ] {
        let (client, heard) = attempt(&site, BALANCER, &header);
        assert!(is_let_in(&heard), "{wanted}: {heard:?}");
        assert!(peer().starts_with(wanted), "{} is not {wanted}", peer());
        drop(client);
    }
    // A balancer must say it, and nobody else may.
    let (_, heard) = attempt(&site, BALANCER, b"");
    assert!(!is_let_in(&heard), "{heard:?}");
    let (_client, heard) = attempt(&site, ELSEWHERE, b"");
    assert!(is_let_in(&heard), "{heard:?}");
    assert!(peer().starts_with("127.0.0.8:"), "{}", peer());
    let (_, heard) = attempt(&site, ELSEWHERE, &v1("203.0.113.7"));
    assert!(!is_let_in(&heard), "{heard:?}");
    let status = operate(&site.fleet, "status", &["--json"]).json();
    assert_eq!(status["counters"]["proxy_headers_refused"], 1, "{status}");
}

#[test]
fn a_header_that_comes_slowly_is_waited_for_and_not_forever() {
    let site = site("handshake-timeout = \"2s\"");
    let mut socket = from(BALANCER, site.address());
    for octet in v2([203, 0, 113, 7]) {
        socket.write_all(&[octet]).expect("the broker takes it");
        thread::sleep(Duration::from_millis(5));
    }
    let mut client = Client::dial_over(socket, &site.tls(&site.device), Version::V5).expect("a handshake");
    assert!(is_let_in(&client.ask(&Connect::new(Version::V5, "dev-1"))));
    let since = Instant::now();
    let mut silent = from(BALANCER, site.address());
    silent.write_all(b"PROXY TCP4").expect("the broker takes it");
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or_default(), 0, "it is closed");
    assert!((1.8..6.0).contains(&since.elapsed().as_secs_f64()), "{:?}", since.elapsed());
}

/// What is counted for each address is counted for the client's, and not for the balancer's.
#[test]
fn limits_and_conditions_are_about_the_client() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure("mode = \"enforce\"", "mode = \"enforce\"\nproxy = \"127.0.0.7\"");
        fleet.limit("max-connections-per-address = 1");
        let first = "[[policy]]\nname = \"devices\"";
        let denied =
            "[[policy]]\nname = \"abroad\"\nmatch = { source = \"198.51.100.0/24\" }\naction = \"deny\"\n\n";
        fleet.configure(first, &format!("{denied}{first}"));
    });
    // They stay connected, without CONNECT.
    let mut waiting = Vec::new();
    for number in 1..=5 {
        let mut socket = from(BALANCER, site.address());
        socket.write_all(&v2([203, 0, 113, number])).expect("the broker takes it");
        waiting.push(
            Client::dial_over(socket, &site.tls(&site.device), Version::V5).expect("another address each"),
        );
    }
    let (_, heard) = attempt(&site, BALANCER, &v1("203.0.113.3"));
    assert!(!is_let_in(&heard), "the third has its only place: {heard:?}");
    let (_client, heard) = attempt(&site, BALANCER, &v1("203.0.113.6"));
    assert!(is_let_in(&heard), "{heard:?}");
    let (_, heard) = attempt(&site, BALANCER, &v1("198.51.100.1"));
    assert!(matches!(&heard, Heard::Packet(packet) if packet.reason_code() == 0x87), "{heard:?}");
}
