//! A session with mosquitto, from the first CONNECT to the will.

use countersign_agent::session::State;

use super::board::{Board, News};
use super::mosquitto::Mosquitto;
use crate::pki::Fleet;

/// A broker, and the image of its device.
fn site() -> (Mosquitto, Vec<u8>) {
    let fleet = Fleet::new();
    let mosquitto = Mosquitto::start(&fleet, &fleet.device_root);
    let slot = fleet.slot_with(|image| image.broker_port = mosquitto.port());
    (mosquitto, slot.to_vec())
}

fn obeyed(id: &str, payload: &str) -> News {
    News::Obeyed { id: id.to_owned(), payload: payload.to_owned() }
}

#[test]
fn a_device_says_that_it_is_there_what_it_measures_and_what_it_did() {
    let (mosquitto, slot) = site();
    let dashboard = mosquitto.subscribe("devices/#");
    let device = Board::start(&slot);
    device.is_online();
    dashboard.receives("devices/dev-1/status", "online");
    mosquitto.subscribe("devices/+/status").finds("devices/dev-1/status", "online");

    device.say("rpm", "1480");
    dashboard.receives("devices/dev-1/telemetry/rpm", "1480");
    device.reports(&News::Acknowledged);

    mosquitto.command("reboot-7", "now");
    device.reports(&obeyed("reboot-7", "now"));
    dashboard.receives("devices/dev-1/telemetry/commands/reboot-7", "did now");
    device.reports(&News::Acknowledged);

    device.leave();
    dashboard.receives("devices/dev-1/status", "offline");
}

#[test]
fn the_broker_speaks_for_a_device_without_power() {
    let (mosquitto, slot) = site();
    let dashboard = mosquitto.subscribe("devices/#");
    let device = Board::start(&slot);
    dashboard.receives("devices/dev-1/status", "online");
    drop(device);
    dashboard.receives("devices/dev-1/status", "offline");
    mosquitto.subscribe("devices/+/status").finds("devices/dev-1/status", "offline");
}

#[test]
fn a_command_waits_for_a_device_that_is_away() {
    let (mosquitto, slot) = site();
    let device = Board::start(&slot);
    // The broker acknowledges telemetry after it has taken the subscription that goes before it.
    device.say("rpm", "1480");
    device.reports(&News::Acknowledged);
    drop(device);
    mosquitto.command("later", "open the valve");
    Board::start(&slot).reports(&obeyed("later", "open the valve"));
}

#[test]
fn a_command_waits_for_a_device_while_the_broker_starts_again_too() {
    let (mut mosquitto, slot) = site();
    let device = Board::start(&slot);
    device.say("rpm", "1480");
    device.reports(&News::Acknowledged);
    device.leave();
    mosquitto.command("later", "open the valve");
    mosquitto.stop();
    mosquitto.resume();
    Board::start(&slot).reports(&obeyed("later", "open the valve"));
}

#[test]
fn a_device_comes_back_to_a_broker_that_has_started_again_with_what_it_had_to_say_meanwhile() {
    let (mut mosquitto, slot) = site();
    let device = Board::start(&slot);
    device.is_online();
    mosquitto.stop();
    let (state, cause, _) = device.ends();
    assert_eq!(state, State::Offline, "{cause:?}");
    device.say("rpm", "1490");
    mosquitto.resume();
    let dashboard = mosquitto.subscribe("devices/#");
    dashboard.receives("devices/dev-1/telemetry/rpm", "1490");
    device.reports(&News::Acknowledged);
    mosquitto.command("again", "go on");
    device.reports(&obeyed("again", "go on"));
}
