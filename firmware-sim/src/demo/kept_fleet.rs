//! `--keep`: what is left running, and command lines to try with it.

use std::path::Path;

use device_identity::DeviceId;

use super::fleet::Fleet;
use super::screen::{Screen, Style};
use super::service;

/// A fleet that is kept, and the broker that is left running for it.
pub(super) struct KeptFleet<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) port: u16,
    pub(super) broker: u32,
    pub(super) broker_log: &'a Path,
    pub(super) passphrase_file: &'a Path,
    /// A device that the broker accepts.
    pub(super) device: &'a DeviceId,
}

impl KeptFleet<'_> {
    /// Prints command lines to copy.
    pub(super) fn print(&self, screen: Screen) {
        let Self { fleet, port, broker, broker_log, passphrase_file, device } = self;
        let (device_cert, device_key) = fleet.device_credentials(device);
        let (service_cert, service_key) = fleet.service_credentials(service::NAME);
        let root = fleet.broker_root();
        let (dir, root) = (fleet.dir().display(), root.display());
        let heading = |text: &str| screen.say(screen.styled(Style::Strong, text));

        screen.say("");
        heading("Left running");
        screen
            .say(format_args!("  broker    127.0.0.1:{port}, process {broker}; it ends with: kill {broker}"));
        screen.say(format_args!("  its log   {}", broker_log.display()));
        screen.say(format_args!("  fleet     {dir}"));
        screen.say("");
        heading("Listen as the service");
        screen.say(format_args!(
            "  mosquitto_sub -h localhost -p {port} -V 5 -i {name}/tail -t 'devices/+/telemetry/#' -v \\\n    \
             --cafile {root} --cert {} --key {}",
            service_cert.display(),
            service_key.display(),
            name = service::NAME,
        ));
        heading("Speak as a device");
        screen.say(format_args!(
            "  mosquitto_pub -h localhost -p {port} -V 5 -q 1 -i {device} -t devices/{device}/telemetry/flow -m 12.5 \\\n    \
             --cafile {root} --cert {} --key {}",
            device_cert.display(),
            device_key.display(),
        ));
        heading("Look at the handshake");
        screen.say(format_args!(
            "  openssl s_client -connect localhost:{port} -verify_return_error \\\n    \
             -CAfile {root} -cert {} -key {}",
            device_cert.display(),
            device_key.display(),
        ));
        heading("Cut the device off");
        screen.say(format_args!(
            "  countersign-provision --fleet {dir} revoke {device} --passphrase-file {}",
            passphrase_file.display()
        ));
    }
}
