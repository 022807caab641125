//! What a client of MQTT meets.

use std::collections::BTreeSet;

use integration_tests::broker::Mark;
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::mqtt::{Connect, Kind, Message, PINGREQ, Version, acknowledge};

use crate::area::Area;
use crate::cell::Cell;
use crate::matrix::Certificate;
use crate::observation::Met;
use crate::protocol::Protocol;
use crate::running::Running;
use crate::shown::Shown;

/// What the client meets that shows this certificate and this factor.
pub(crate) fn met(
    running: &mut Running<'_>,
    certificate: Certificate,
    shown: Shown,
    protocol: Protocol,
    version: Version,
) -> Met {
    let device = shown.device(protocol);
    let credential = running.matrix_fleet.certificates.of(certificate.name, &device);
    let tls = Tls::new(&running.matrix_fleet.fleet, credential);
    let mut connect = Connect::new(version, &device);
    if let Some(secret) = running.matrix_fleet.secret(shown, protocol) {
        connect = connect.user_name(&device).password(secret);
    }
    let mark = running.broker.log().mark();
    match Client::attempt(running.broker.address(), &tls, &connect) {
        (_, Heard::Alert(alert)) => {
            Met::outside(refused_handshake(running, mark, certificate, &format!("{alert:?}")))
        }
        (Some(client), Heard::Packet(connack)) if connack.is(Kind::ConnAck) => match connack.reason_code() {
            0 => {
                let line = running.broker.log().line(mark, |line| line["event"] == "connect");
                let is_taken_for_device = line["namespace"] == "device-ca" || line["identity"] == device;
                let payload = running.next_payload();
                inside(&mut running.observer, &payload, client, &device, version, is_taken_for_device)
            }
            code => Met::outside(refused(&running.reason(mark, "connect"), code, version)),
        },
        (_, heard) => Met::outside(Cell::Odd(format!("{heard:?}"))),
    }
}

/// The alert, whose reason is in the log.
pub(crate) fn refused_handshake(
    running: &Running<'_>,
    mark: Mark,
    certificate: Certificate,
    alert: &str,
) -> Cell {
    let wanted = match alert {
        // It is the only one that says something of what the client has signed.
        "DecryptError" => Some("bad_signature"),
        _ => certificate.reason,
    };
    let reason = running.reason(mark, "handshake");
    if wanted == Some(&reason) {
        Cell::Alert(alert.to_owned())
    } else {
        Cell::Odd(format!("{alert}, {reason}"))
    }
}

/// A refusal with a code that goes with its reason.
fn refused(reason: &str, code: u8, version: Version) -> Cell {
    let wanted = match (version, reason) {
        (Version::V311, "second_factor") => 4,
        (Version::V5, "second_factor") => 0x86,
        (Version::V311, _) => 5,
        (Version::V5, _) => 0x87,
    };
    if code == wanted { Cell::Refused(reason.to_owned()) } else { Cell::Odd(format!("{code:#04x} {reason}")) }
}

/// What a client that was let in reaches: in every area it subscribes, is published to, and publishes.
/// Nobody else publishes `payload`.
pub(crate) fn inside(
    observer: &mut Client,
    payload: &str,
    mut client: Client,
    device: &str,
    version: Version,
    is_taken_for_device: bool,
) -> Met {
    let commands: BTreeSet<_> = Area::ALL.map(|area| (area.commands(device), area)).into();
    let telemetry: BTreeSet<_> = Area::ALL.map(|area| (area.telemetry(device), area)).into();
    let chosen = |tried: &BTreeSet<(String, Area)>, is_allowed: &mut dyn FnMut(&str) -> bool| {
        let allowed = tried.iter().filter(|(topic, _)| is_allowed(topic));
        allowed.map(|(_, area)| *area).collect::<BTreeSet<_>>()
    };
    let subscribed = chosen(&commands, &mut |topic| client.subscribe(topic, 1) < 0x80);
    for (topic, _) in &commands {
        assert!(observer.publish(topic, payload) < 0x80, "{topic}");
    }
    let received = hear_all(&mut client, subscribed.len());
    let mut published = chosen(&telemetry, &mut |topic| client.publish(topic, payload) < 0x80);
    if version == Version::V311 {
        // It is acknowledged whatever becomes of it.
        published.clone_from(&subscribed);
    }
    let heard = hear_all(observer, published.len());
    let came = |messages: &[Message], topics: &BTreeSet<(String, Area)>| {
        chosen(topics, &mut |topic| messages.iter().any(|message| message.topic == topic))
    };
    let (delivered, carried) = (came(&received, &commands), came(&heard, &telemetry));
    let strange = received.iter().chain(&heard).find(|message| message.payload != payload);
    let touched = &(&subscribed | &delivered) | &(&published | &carried);
    let met = Met::inside(touched.clone(), is_taken_for_device);
    let counts = (received.len(), heard.len());
    if [&subscribed, &delivered, &published, &carried].iter().any(|areas| **areas != touched)
        || counts != (delivered.len(), carried.len())
        || strange.is_some()
    {
        let what = format!(
            "in: subscribed {subscribed:?}, received {received:?}, published {published:?}, heard {heard:?}"
        );
        return Met { cell: Cell::Odd(what), ..met };
    }
    met
}

/// So many messages, if they come, and those that come before the answer to a PINGREQ after them.
fn hear_all(client: &mut Client, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut is_asked = false;
    loop {
        if messages.len() >= count && !is_asked {
            client.send(&PINGREQ);
            is_asked = true;
        }
        match client.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(Kind::Publish) => {
                let message = packet.message();
                if message.qos == 1 {
                    client.send(&acknowledge(0x40, message.id));
                }
                messages.push(message);
            }
            Heard::Packet(packet) if packet.is(Kind::PingResp) => return messages,
            // What is missing is found by whoever counts.
            Heard::Silence if !is_asked => return messages,
            heard => panic!("messages were expected: {heard:?}"),
        }
    }
}
