//! Connections that come and go leave nothing behind in mosquitto.
//!
//! `COUNTERSIGN_PLUGIN_CONNECTS` makes them more: 100,000 take some minutes.

use std::ops::Range;

use integration_tests::large_fleet::AT_ONCE;
use integration_tests::peer::Peer;
use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::packet::Version;
use load::usage::Process;

use crate::large_site::LargeSite;

const CONNECTS: u64 = 3_000;

/// After so many, everything that is kept once has been made, and the allocator has found its size.
const FIRST: u64 = 1_000;

/// What may be added after those, in bytes: half a KiB for each of the 2,000 that follow in CI. A session that were forgotten
/// by nobody would be more.
const SLACK: u64 = 1024 * 1024;

/// Devices that take turns.
const DEVICES: u64 = 50;

/// Every so manieth asks for the client id of another, and is refused.
const REFUSED: u64 = 5;

fn connects() -> u64 {
    std::env::var("COUNTERSIGN_PLUGIN_CONNECTS")
        .map_or(CONNECTS, |number| number.parse().expect("a number of connects"))
}

/// The client id and protocol of a visit. By MQTT 3.1.1 each has a client id of its own: what is kept by client id would add up.
/// A session of MQTT 5 may outlive its connection, and is kept track of: so those come back, after all [`FIRST`] have come.
fn ways(device: &str, number: u64) -> (String, Version) {
    if number.is_multiple_of(2) {
        (format!("{device}/{number}"), Version::V311)
    } else {
        (format!("{device}/back-{}", number % FIRST), Version::V5)
    }
}

/// They come, publish and go; or are refused.
async fn visit(site: &LargeSite, visits: Range<u64>) {
    let address = site.mosquitto.address();
    let devices = site.site.devices(0..DEVICES);
    let visits = visits.map(|number| (number, devices[(number % DEVICES) as usize].clone()));
    concurrent::each(AT_ONCE, visits, |(number, device)| async move {
        let (client_id, version) = ways(&device.name, number);
        let options = ConnectOptions { version, ..ConnectOptions::default() };
        if number.is_multiple_of(REFUSED) {
            let refused = Client::connect_as("device-999999", address, &device, options).await.map(drop);
            assert!(matches!(refused, Err(Lost::Refused(_))), "{refused:?}");
            return;
        }
        let (mut client, _) =
            Client::connect_as(&client_id, address, &device, options).await.expect("it is let in");
        client.publish("telemetry/a", b"1").await.expect("it may publish");
        client.leave().await.expect("it is still there");
    })
    .await;
}

fn resident(process: Process) -> u64 {
    process.resident().expect("mosquitto lives")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_come_and_go_leave_resident_memory_flat() {
    let Some(mosquitto) = Peer::mosquitto() else { return };
    let mut site = LargeSite::start(&mosquitto);
    let connects = connects();
    assert!(connects > FIRST, "the first {FIRST} count for nothing");
    visit(&site, 0..FIRST).await;
    let first = resident(site.process());
    visit(&site, FIRST..connects).await;
    let last = resident(site.process());
    println!("{first} bytes are resident after {FIRST} connects, {last} after {connects}");
    assert!(last.saturating_sub(first) <= SLACK, "{first} bytes, then {last}");
    assert!(site.mosquitto.end().success());
}
