//! The steps of the demo, in order.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use device_identity::DeviceId;

use super::broker::Broker;
use super::device::Device;
use super::error::DemoError;
use super::fleet::{Fleet, passphrase};
use super::impostors::{self, AttackContext};
use super::kept_fleet::KeptFleet;
use super::options::Options;
use super::processes::Processes;
use super::report::{Outcome, Report};
use super::screen::{Screen, Style};
use super::service::{self, Service};
use super::tls::setup;
use super::workspace::Workspace;

/// Runs all steps. Returns whether every outcome was as expected.
///
/// # Errors
///
/// A step cannot be carried out, so that the steps after it make no sense.
pub(super) fn run(options: &Options, screen: Screen, processes: &Processes) -> Result<bool, DemoError> {
    let workspace = Workspace::create(options.keep.as_deref())?;
    // One more device than connects: the attacker gets its credentials.
    let ordered = device_ids(options.devices + 1)?;
    let Some((mallory, ids)) = ordered.split_last() else { return Err(setup("no devices")) };
    let [victim, .., stolen] = ids else { return Err(setup("too few devices")) };
    let mut report = Report::default();

    heading(screen, "The factory");
    let port = free_port()?;
    let passphrase = passphrase()?;
    if options.keep.is_some() {
        workspace.write_passphrase(&passphrase)?;
    }
    let fleet = step(screen, "three CAs, a broker certificate, a configuration", || {
        Fleet::init(workspace.fleet(), &passphrase, port)
    })?;
    step(screen, &format!("an order for {} devices becomes images", ordered.len()), || {
        fleet.issue(&ordered)
    })?;
    step(screen, "a certificate for a back-end service", || fleet.issue_service(service::NAME))?;

    heading(screen, "The field");
    let mut broker = step(screen, &format!("the broker listens on 127.0.0.1:{port}"), || {
        Broker::start(processes, &fleet, &workspace.broker_log(), port, options.keep.is_some())
    })?;
    screen.say(screen.styled(Style::Faint, &format!("  (process {})", broker.id())));
    let service = step(screen, "the service connects", || Service::connect(&fleet, port))?;
    let mut devices = check(screen, &mut report, "devices connect, telemetry flows", "it arrives", || {
        let start = Instant::now();
        let devices = connect(processes, &fleet, ids)?;
        service.wait_for_topics(ids.len(), "/telemetry/count")?;
        let happened = format!("telemetry of all {} arrived", ids.len());
        Ok((devices, Outcome { as_expected: true, happened, reason: String::new(), took: start.elapsed() }))
    })?;
    check(screen, &mut report, "a command goes down to a device", "its result comes back", || {
        let device = devices.first_mut().ok_or_else(|| setup("no device"))?;
        Ok(((), command_round_trip(&service, device)?))
    })?;

    heading(screen, "A device is stolen");
    let stolen_device = devices.pop().ok_or_else(|| setup("no device"))?;
    check(screen, &mut report, "revoking a device that is online", "its session ends", || {
        Ok(((), revoke_online(&fleet, &mut broker, stolen_device)?))
    })?;
    check(screen, &mut report, "the revoked device coming back", "refused", || {
        Ok(((), restart_revoked(processes, &fleet, &mut broker, stolen)?))
    })?;

    heading(screen, "Impostors");
    for impostor in &impostors::ALL {
        let mut context = AttackContext {
            processes,
            fleet: &fleet,
            broker: &mut broker,
            port,
            scratch: workspace.scratch(),
            mallory,
            victim,
        };
        let (tried, expected) = (impostor.tried, impostor.expected);
        check(screen, &mut report, tried, expected, || Ok(((), (impostor.attempt)(&mut context)?)))?;
    }

    heading(screen, "Meanwhile");
    check(screen, &mut report, "the rightful devices", "still connected", || {
        Ok(((), still_connected(&service, &mut devices)?))
    })?;
    check(screen, &mut report, "the devices leaving", "in good order", || {
        let start = Instant::now();
        let (count, left) =
            (devices.len(), devices.drain(..).filter_map(|device| device.stop().then_some(())).count());
        let happened = format!("{left} of {count} delivered everything and said goodbye");
        let took = start.elapsed();
        Ok(((), Outcome { as_expected: left == count, happened, reason: String::new(), took }))
    })?;

    report.print(screen);
    if options.keep.is_some() {
        let (broker, broker_log) = broker.keep();
        let (broker_log, passphrase_file) = (&broker_log, &workspace.passphrase_file());
        KeptFleet { fleet: &fleet, port, broker, broker_log, passphrase_file, device: victim }.print(screen);
    }
    Ok(report.all_as_expected())
}

/// Starts one process per device and waits until all are online. Each publishes a counter.
fn connect(processes: &Processes, fleet: &Fleet, ids: &[DeviceId]) -> Result<Vec<Device>, DemoError> {
    let mut devices = Vec::new();
    for id in ids {
        devices.push(Device::start(processes, id, &fleet.image(id))?);
    }
    for device in &mut devices {
        device.wait_for_state(&["online"])?;
    }
    Ok(devices)
}

/// Sends a command to a device and waits for its result.
fn command_round_trip(service: &Service, device: &mut Device) -> Result<Outcome, DemoError> {
    let start = Instant::now();
    let id = device.id().clone();
    service.send_command(&format!("devices/{id}/commands/42"), "open the valve")?;
    let (command_id, payload) = device.next_command()?;
    let (at, result) = service.wait_for_message(&format!("devices/{id}/telemetry/commands/42"))?;
    Ok(Outcome {
        as_expected: command_id == "42" && payload == "open the valve" && result == "done: open the valve",
        happened: format!("{id}: \"{payload}\", \"{result}\""),
        reason: String::new(),
        took: at.duration_since(start),
    })
}

/// Revokes a device that is online. The measured time is from the return of `revoke` to the end of the session, as the
/// device sees it.
fn revoke_online(fleet: &Fleet, broker: &mut Broker, mut device: Device) -> Result<Outcome, DemoError> {
    fleet.revoke(&device.id().clone())?;
    let returned = Instant::now();
    let change = device.wait_for_state(&["offline", "refused"])?;
    let took = change.at.saturating_duration_since(returned);
    Ok(Outcome {
        as_expected: change.state == "refused" && took < Duration::from_secs(1),
        happened: format!("cut off {} ms after the command returned", took.as_millis()),
        reason: broker.next_refusal("session_closed")?,
        took,
    })
}

/// Starts a revoked device again, with the same image, as after a reboot.
fn restart_revoked(
    processes: &Processes,
    fleet: &Fleet,
    broker: &mut Broker,
    stolen: &DeviceId,
) -> Result<Outcome, DemoError> {
    let start = Instant::now();
    let mut device = Device::start(processes, stolen, &fleet.image(stolen))?;
    let change = device.wait_for_state(&["online", "offline", "refused"])?;
    let took = change.at.duration_since(start);
    if change.state != "refused" {
        return Ok(Outcome { as_expected: false, happened: change.state, reason: change.detail, took });
    }
    let reason = broker.next_refusal("handshake")?;
    Ok(Outcome { as_expected: reason == "revoked", happened: change.detail, reason, took })
}

/// The remaining devices still publish, and none of them has changed its state meanwhile.
fn still_connected(service: &Service, devices: &mut [Device]) -> Result<Outcome, DemoError> {
    let start = Instant::now();
    service.discard_received();
    service.wait_for_topics(devices.len(), "/telemetry/count")?;
    let interrupted = devices.iter_mut().map(Device::has_changed_state).filter(|changed| *changed).count();
    Ok(Outcome {
        as_expected: interrupted == 0,
        happened: match interrupted {
            0 => format!("{} sessions, none interrupted", devices.len()),
            _ => format!("{interrupted} of {} sessions were interrupted", devices.len()),
        },
        reason: String::new(),
        took: start.elapsed(),
    })
}

fn device_ids(count: u8) -> Result<Vec<DeviceId>, DemoError> {
    (1..=count).map(|number| DeviceId::new(&format!("pump-{number:04}")).map_err(setup)).collect()
}

/// A port that is free at the moment. The configuration and the images name it before the broker listens on it.
fn free_port() -> Result<u16, DemoError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(setup)?;
    Ok(listener.local_addr().map_err(setup)?.port())
}

fn heading(screen: Screen, text: &str) {
    screen.say(format_args!("\n{}", screen.styled(Style::Strong, text)));
}

/// Runs a step without which the scenario cannot go on.
fn step<T>(screen: Screen, what: &str, act: impl FnOnce() -> Result<T, DemoError>) -> Result<T, DemoError> {
    screen.begin(what);
    let start = Instant::now();
    let result = act();
    match &result {
        Ok(_) => screen.done(start.elapsed()),
        Err(_) => screen.failed(),
    }
    result
}

/// Runs a check and enters its outcome into the table.
fn check<T>(
    screen: Screen,
    report: &mut Report,
    tried: &'static str,
    expected: &'static str,
    act: impl FnOnce() -> Result<(T, Outcome), DemoError>,
) -> Result<T, DemoError> {
    screen.begin(tried);
    match act() {
        Ok((value, outcome)) => {
            match outcome.as_expected {
                true => screen.done(outcome.took),
                false => screen.failed(),
            }
            report.add(tried, expected, outcome);
            Ok(value)
        }
        Err(error) => {
            screen.failed();
            Err(error)
        }
    }
}
