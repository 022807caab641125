//! Clients that say something, and what they hear.

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, Version, frame, text};
use integration_tests::site::Site;

use crate::answer;

/// Connects, hears the answer, and goes.
pub(super) fn attempt(site: &Site, credential: Option<&Credential>, connect: &Connect) -> String {
    let tls = Tls::new(&site.fleet, credential);
    let (_client, heard) = Client::attempt(site.address(), &tls, connect);
    answer::line(connect.version(), &heard)
}

/// Completes the handshake, sends `bytes`, and hears the answer.
pub(super) fn say(site: &Site, credential: &Credential, version: Version, bytes: &[u8]) -> String {
    let mut client =
        Client::dial(site.address(), &site.tls(credential), version).expect("a good certificate");
    client.send(bytes);
    answer::line(version, &client.hear(PATIENCE))
}

/// What `client` hears to its end.
pub(super) fn rest(client: &mut Client, version: Version) -> String {
    let mut heard = String::new();
    loop {
        let next = client.hear(PATIENCE);
        heard.push_str(&answer::line(version, &next));
        heard.push('\n');
        if !matches!(next, Heard::Packet(_)) {
            return heard;
        }
    }
}

/// CONNECT of MQTT 5 with `properties`, for a clean session without a keep-alive, and what follows the client id.
pub(super) fn connect_with(flags: u8, client_id: &str, properties: &[u8], after: &[u8]) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([5, 0x02 | flags, 0, 0]);
    body.extend(mqtt::length(properties.len()));
    body.extend(properties);
    body.extend(text(client_id));
    body.extend(after);
    frame(0x10, &body)
}

/// Connects, does something, and hears the rest.
pub(super) fn serve(
    site: &Site,
    credential: &Credential,
    connect: &Connect,
    act: impl FnOnce(&mut Client),
) -> String {
    let tls = site.tls(credential);
    let (mut client, connack) = Client::connect_and_connack(site.address(), &tls, connect);
    act(&mut client);
    let first = answer::line(connect.version(), &Heard::Packet(connack));
    format!("{first}\n{}", rest(&mut client, connect.version()))
}

/// What is logged for a whole session.
pub(super) const SESSION: [&str; 2] = ["allowed", "session_closed"];
