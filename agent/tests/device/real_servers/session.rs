//! A session with mosquitto, from the first CONNECT to the will.

use countersign_agent::session::State;

use super::board::{Board, Report};
use super::mosquitto::Mosquitto;
use crate::pki::Fleet;

/// A broker, and the image of its device.
fn site() -> (Mosquitto, Vec<u8>) {
    let fleet = Fleet::new();
    let mosquitto = Mosquitto::start(&fleet, &fleet.device_root);
    let slot = fleet.slot_with(|image| image.broker_port = mosquitto.port());
    (mosquitto, slot.to_vec())
}

fn command_done(id: &str, payload: &str) -> Report {
    Report::CommandDone { id: id.to_owned(), payload: payload.to_owned() }
}

#[test]
fn status_telemetry_and_results_of_commands_arrive() {
    let (mosquitto, slot) = site();
    let dashboard = mosquitto.subscribe("devices/#");
    let device = Board::start(&slot);
    device.is_online();
    dashboard.receives("devices/dev-1/status", "online");
    mosquitto.subscribe("devices/+/status").finds("devices/dev-1/status", "online");

    device.publish("rpm", "1480");
    dashboard.receives("devices/dev-1/telemetry/rpm", "1480");
    device.reports(&Report::Acknowledged);

    mosquitto.command("reboot-7", "now");
    device.reports(&command_done("reboot-7", "now"));
    dashboard.receives("devices/dev-1/telemetry/commands/reboot-7", "did now");
    device.reports(&Report::Acknowledged);

    device.leave();
    dashboard.receives("devices/dev-1/status", "offline");
}

#[test]
fn a_power_cut_makes_the_broker_publish_the_will() {
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
    device.publish("rpm", "1480");
    device.reports(&Report::Acknowledged);
    drop(device);
    mosquitto.command("later", "open the valve");
    Board::start(&slot).reports(&command_done("later", "open the valve"));
}

#[test]
fn a_command_waits_for_a_device_over_a_restart_of_the_broker() {
    let (mut mosquitto, slot) = site();
    let device = Board::start(&slot);
    device.publish("rpm", "1480");
    device.reports(&Report::Acknowledged);
    device.leave();
    mosquitto.command("later", "open the valve");
    mosquitto.stop();
    mosquitto.resume();
    Board::start(&slot).reports(&command_done("later", "open the valve"));
}

#[test]
fn messages_queued_while_the_broker_restarts_arrive_afterwards() {
    let (mut mosquitto, slot) = site();
    let device = Board::start(&slot);
    device.is_online();
    mosquitto.stop();
    let (state, cause, _) = device.ends();
    assert_eq!(state, State::Offline, "{cause:?}");
    device.publish("rpm", "1490");
    mosquitto.resume();
    let dashboard = mosquitto.subscribe("devices/#");
    dashboard.receives("devices/dev-1/telemetry/rpm", "1490");
    device.reports(&Report::Acknowledged);
    mosquitto.command("again", "go on");
    device.reports(&command_done("again", "go on"));
}
