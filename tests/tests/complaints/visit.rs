//! A device that comes, and what it meets.

use std::time::{Duration, Instant};

use integration_tests::broker::Broker;
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, DISCONNECT, Kind, Version};
use integration_tests::site::Site;
use serde_json::Value;

/// How long it may take until a change is noticed, on a machine with something else to do.
pub(crate) const NOTICED: Duration = Duration::from_secs(20);

/// `in`, or the reason in the log.
#[track_caller]
pub(crate) fn met(site: &Site, credential: &Credential, id: &str) -> String {
    met_at(&site.broker, &site.fleet, credential, &Connect::new(Version::V5, id))
}

/// The same for any CONNECT.
#[track_caller]
pub(crate) fn met_at(broker: &Broker, fleet: &Fleet, credential: &Credential, connect: &Connect) -> String {
    let mark = broker.log().mark();
    match Client::attempt(broker.address(), &Tls::new(fleet, Some(credential)), connect) {
        (Some(client), Heard::Packet(connack)) if connack.is(Kind::ConnAck) && connack.reason_code() == 0 => {
            leave(client);
            "in".to_owned()
        }
        _ => {
            // What others are refused later in their sessions may be written only now.
            let is_at_the_door = |line: &Value| line["event"] == "handshake" || line["event"] == "connect";
            let is_refusal = |line: &Value| line["outcome"] == "refused" && is_at_the_door(line);
            let line = broker.log().line(mark, is_refusal);
            line["reason"].as_str().expect("a refusal has a reason").to_owned()
        }
    }
}

/// Says good-bye, which may cross with the end that the broker makes of it.
fn leave(mut client: Client) {
    client.send(&DISCONNECT);
    while matches!(client.hear(PATIENCE), Heard::Packet(_)) {}
}

/// Waits until the device meets this.
#[track_caller]
pub(crate) fn meets_soon(site: &Site, credential: &Credential, id: &str, wanted: &str) {
    let begin = Instant::now();
    loop {
        let met = met(site, credential, id);
        if met == wanted {
            return;
        }
        assert!(begin.elapsed() < NOTICED, "{id} still meets {met}, and not {wanted}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A session whose certificate is not good any more: a client of MQTT 5 is told that it was an operator's doing.
#[track_caller]
pub(crate) fn is_cut_off(client: &mut Client, version: Version) {
    if version == Version::V5 {
        assert_eq!(client.expect(Kind::Disconnect).reason_code(), 0x98);
    }
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
}

/// A session of MQTT 5 that the configuration, or its password, does not allow any more.
#[track_caller]
pub(crate) fn is_denied(client: &mut Client) {
    assert_eq!(client.expect(Kind::Disconnect).reason_code(), 0x87);
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
}
