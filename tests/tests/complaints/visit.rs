//! A device that comes, and what it meets.

use std::time::{Duration, Instant};

use integration_tests::broker::Broker;
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::site::Site;

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
            client.disconnect();
            "in".to_owned()
        }
        _ => broker.log().refusal(mark)["reason"].as_str().expect("a refusal has a reason").to_owned(),
    }
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

/// A session that is cut off: a client of MQTT 5 is told that it was the operator's doing.
#[track_caller]
pub(crate) fn is_cut_off(client: &mut Client, version: Version) {
    if version == Version::V5 {
        assert_eq!(client.expect(Kind::Disconnect).reason_code(), 0x98);
    }
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
}
