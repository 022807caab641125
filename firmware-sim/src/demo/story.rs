//! What happens, in order.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use device_identity::DeviceId;

use super::Options;
use super::broker::Broker;
use super::device::Device;
use super::fleet::{Fleet, passphrase};
use super::impostors::{self, Scene};
use super::kept::Kept;
use super::place::Place;
use super::processes::Processes;
use super::report::{Outcome, Report};
use super::screen::{Screen, Style};
use super::service::{self, Service};
use super::tls::setup;
use super::trouble::Trouble;

/// Tells the story. `Ok(false)`: it went through, and something was not as it should be.
pub(super) fn tell(options: &Options, screen: Screen, processes: &Processes) -> Result<bool, Trouble> {
    let place = Place::make(options.keep.as_deref())?;
    // One more than connect: its papers will be in the wrong hands.
    let ordered = device_ids(options.devices + 1)?;
    let Some((mallory, ids)) = ordered.split_last() else { return Err(setup("no devices")) };
    let [victim, .., stolen] = ids else { return Err(setup("too few devices")) };
    let mut report = Report::default();

    heading(screen, "The factory");
    let port = free_port()?;
    let passphrase = passphrase()?;
    if options.keep.is_some() {
        place.write_passphrase(&passphrase)?;
    }
    let fleet = step(screen, "three CAs, a broker certificate, a configuration", || {
        Fleet::found(place.fleet(), &passphrase, port)
    })?;
    step(screen, &format!("an order for {} devices becomes images", ordered.len()), || {
        fleet.issue(&ordered)
    })?;
    step(screen, "a certificate for a back-end service", || fleet.service(service::NAME))?;

    heading(screen, "The field");
    let mut broker = step(screen, &format!("the broker listens on 127.0.0.1:{port}"), || {
        Broker::start(processes, &fleet, &place.broker_log(), port, options.keep.is_some())
    })?;
    screen.say(screen.styled(Style::Faint, &format!("  (process {})", broker.id())));
    let service = step(screen, "the service connects", || Service::connect(&fleet, port))?;
    let mut devices = check(screen, &mut report, "devices connect, telemetry flows", "it arrives", || {
        let start = Instant::now();
        let devices = connect(processes, &fleet, ids)?;
        service.hears_from_each(ids.len(), "/telemetry/count")?;
        let happened = format!("telemetry of all {} arrived", ids.len());
        Ok((devices, Outcome { as_expected: true, happened, reason: String::new(), took: start.elapsed() }))
    })?;
    check(screen, &mut report, "a command goes down to a device", "its result comes back", || {
        let device = devices.first_mut().ok_or_else(|| setup("no device"))?;
        Ok(((), command(&service, device)?))
    })?;

    heading(screen, "A device is stolen");
    let thief = devices.pop().ok_or_else(|| setup("no device"))?;
    check(screen, &mut report, "revoking a device that is online", "its session ends", || {
        Ok(((), cut_off(&fleet, &mut broker, thief)?))
    })?;
    check(screen, &mut report, "the revoked device coming back", "refused", || {
        Ok(((), come_back(processes, &fleet, &mut broker, stolen)?))
    })?;

    heading(screen, "Impostors");
    for impostor in &impostors::ALL {
        let mut scene = Scene {
            processes,
            fleet: &fleet,
            broker: &mut broker,
            port,
            scratch: place.scratch(),
            mallory,
            victim,
        };
        let (tried, expected) = (impostor.tried, impostor.expected);
        check(screen, &mut report, tried, expected, || Ok(((), (impostor.attempt)(&mut scene)?)))?;
    }

    heading(screen, "Meanwhile");
    check(screen, &mut report, "the rightful devices", "still connected", || {
        Ok(((), still_there(&service, &mut devices)?))
    })?;
    check(screen, &mut report, "the devices leaving", "in good order", || {
        let start = Instant::now();
        let (count, left) =
            (devices.len(), devices.drain(..).filter_map(|d| d.leaves().then_some(())).count());
        let happened = format!("{left} of {count} delivered everything and said goodbye");
        let took = start.elapsed();
        Ok(((), Outcome { as_expected: left == count, happened, reason: String::new(), took }))
    })?;

    report.print(screen);
    if options.keep.is_some() {
        let (broker, broker_log) = broker.keep();
        let (broker_log, passphrase_file) = (&broker_log, &place.passphrase_file());
        Kept { fleet: &fleet, port, broker, broker_log, passphrase_file, device: victim }.print(screen);
    }
    Ok(report.is_good())
}

/// Every device is a process. Each counts aloud.
fn connect(processes: &Processes, fleet: &Fleet, ids: &[DeviceId]) -> Result<Vec<Device>, Trouble> {
    let mut devices = Vec::new();
    for id in ids {
        devices.push(Device::start(processes, id, &fleet.image(id))?);
    }
    for device in &mut devices {
        device.turns(&["online"])?;
    }
    Ok(devices)
}

/// A command to a device, which says what it has done.
fn command(service: &Service, device: &mut Device) -> Result<Outcome, Trouble> {
    let start = Instant::now();
    let id = device.id().clone();
    service.command(&format!("devices/{id}/commands/42"), "open the valve")?;
    let (command_id, payload) = device.obeys()?;
    let (at, result) = service.hears(&format!("devices/{id}/telemetry/commands/42"))?;
    Ok(Outcome {
        as_expected: command_id == "42" && payload == "open the valve" && result == "done: open the valve",
        happened: format!("{id}: \"{payload}\", \"{result}\""),
        reason: String::new(),
        took: at.duration_since(start),
    })
}

/// The time that counts is from the return of the command to the end of the session, as the device sees it.
fn cut_off(fleet: &Fleet, broker: &mut Broker, mut thief: Device) -> Result<Outcome, Trouble> {
    fleet.revoke(&thief.id().clone())?;
    let returned = Instant::now();
    let change = thief.turns(&["offline", "refused"])?;
    let took = change.at.saturating_duration_since(returned);
    Ok(Outcome {
        as_expected: change.state == "refused" && took < Duration::from_secs(1),
        happened: format!("cut off {} ms after the command returned", took.as_millis()),
        reason: broker.refused("session_closed")?,
        took,
    })
}

/// A reboot: the same image, started again.
fn come_back(
    processes: &Processes,
    fleet: &Fleet,
    broker: &mut Broker,
    stolen: &DeviceId,
) -> Result<Outcome, Trouble> {
    let start = Instant::now();
    let mut device = Device::start(processes, stolen, &fleet.image(stolen))?;
    let change = device.turns(&["online", "offline", "refused"])?;
    let took = change.at.duration_since(start);
    if change.state != "refused" {
        return Ok(Outcome { as_expected: false, happened: change.state, reason: change.detail, took });
    }
    let reason = broker.refused("handshake")?;
    Ok(Outcome { as_expected: reason == "revoked", happened: change.detail, reason, took })
}

/// Those who belong here have noticed nothing.
fn still_there(service: &Service, devices: &mut [Device]) -> Result<Outcome, Trouble> {
    let start = Instant::now();
    service.forgets();
    service.hears_from_each(devices.len(), "/telemetry/count")?;
    let restless = devices.iter_mut().map(Device::has_changed).filter(|changed| *changed).count();
    Ok(Outcome {
        as_expected: restless == 0,
        happened: match restless {
            0 => format!("{} sessions, none interrupted", devices.len()),
            _ => format!("{restless} of {} sessions were interrupted", devices.len()),
        },
        reason: String::new(),
        took: start.elapsed(),
    })
}

fn device_ids(count: u8) -> Result<Vec<DeviceId>, Trouble> {
    (1..=count).map(|number| DeviceId::new(&format!("pump-{number:04}")).map_err(setup)).collect()
}

/// A port that was free a moment ago: the configuration names it before the broker listens on it.
fn free_port() -> Result<u16, Trouble> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(setup)?;
    Ok(listener.local_addr().map_err(setup)?.port())
}

fn heading(screen: Screen, text: &str) {
    screen.say(format_args!("\n{}", screen.styled(Style::Strong, text)));
}

/// A step that must go well for the story to go on.
fn step<T>(screen: Screen, what: &str, act: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    screen.begin(what);
    let start = Instant::now();
    let result = act();
    match &result {
        Ok(_) => screen.done(start.elapsed()),
        Err(_) => screen.failed(),
    }
    result
}

/// Something tried; what comes of it goes into the table.
fn check<T>(
    screen: Screen,
    report: &mut Report,
    tried: &'static str,
    expected: &'static str,
    act: impl FnOnce() -> Result<(T, Outcome), Trouble>,
) -> Result<T, Trouble> {
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
        Err(trouble) => {
            screen.failed();
            Err(trouble)
        }
    }
}
