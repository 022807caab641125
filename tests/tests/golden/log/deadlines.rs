//! Clients that are too slow or too many, and a broker that stops.

use std::net::TcpStream;

use integration_tests::client::Client;
use integration_tests::mqtt::{Connect, Version};

use super::client::{rest, say, serve};
use crate::recorder::{Format, Recorder, site_logging};

/// Clients that are too slow, and too many.
pub(super) fn slow_clients(format: Format) -> String {
    let site = site_logging(format, |fleet| {
        fleet.limit(
            "handshake-timeout = \"4s\"\nconnect-timeout = \"6s\"\npacket-timeout = \"2s\"\n\
             write-timeout = \"3s\"\nmax-connections-per-address = 3",
        );
    });
    let mut recorder = Recorder::of(&site);
    let site = recorder.site;
    let tls = site.tls(&site.device);
    let mut stalled = Vec::new();
    let mut clients = Vec::new();
    recorder.step(
        "a handshake, a CONNECT and a packet that do not come in time",
        &["a TLS handshake took too long", "no CONNECT came in time", "session_closed", "allowed"],
        || {
            stalled.push(Client::stall(site.address(), &tls, 0.5));
            clients.push(Client::dial(site.address(), &tls, Version::V5).expect("a good certificate"));
            serve(site, &site.device, &Connect::new(Version::V5, "dev-1"), |client| {
                client.send(&[0x30, 10, 0]);
            })
        },
    );
    clients.clear();
    stalled.clear();
    recorder.step("half a CONNECT", &["no CONNECT could be read"], || {
        say(site, &site.device, Version::V5, &[0x10, 10, 0])
    });
    recorder.step(
        "more connections than an address may have",
        &["turned away", "took too long", "took too long", "took too long"],
        || {
            stalled.extend([0.0; 3].map(|part| Client::stall(site.address(), &tls, part)));
            // The fourth.
            drop(TcpStream::connect(site.address()));
            String::new()
        },
    );
    recorder.step_among_others("a client that reads nothing", &["session_closed"], "session_closed", || {
        let mut device = site.dev_1(Version::V5);
        assert_eq!(device.subscribe("devices/dev-1/commands/#", 0), 0);
        let mut backend = site.backend(Version::V5);
        // More than the socket buffers of both ends hold.
        let large = "x".repeat(100 * 1024);
        for _ in 0..200 {
            backend.publish_qos0("devices/dev-1/commands/large", &large);
        }
        assert!(backend.is_alive());
        clients.extend([device, backend]);
        String::new()
    });
    recorder.into_text()
}

/// The broker stops while a device is there, and a message waits for a service that is not.
pub(super) fn stop(format: Format) -> String {
    let site = site_logging(format, |_| {});
    let mut recorder = Recorder::of(&site);
    let site = recorder.site;
    let mut backend = recorder.connects(&site.service, &Connect::new(Version::V5, "backend").persistent());
    let mut device = recorder.connects(&site.device, &Connect::new(Version::V5, "dev-1"));
    recorder.step("a message waits for a service that is away", &["allowed", "session_closed"], || {
        assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);
        backend.disconnect();
        assert_eq!(device.publish("devices/dev-1/telemetry/a", "1"), 0);
        String::new()
    });
    let log = site.broker.log();
    let mark = log.mark();
    site.broker.terminate();
    let heard = rest(&mut device, Version::V5);
    let lines = log.lines(mark, 1, |line| line.to_string().contains("undelivered"));
    recorder.lines("the broker stops", &heard, &lines);
    recorder.into_text()
}
