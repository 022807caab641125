//! Sessions that end, by the client or by others.

use integration_tests::broker::operate;
use integration_tests::mqtt::{Connect, DISCONNECT, Version, frame};
use integration_tests::pki::{Crl, Forger};
use rcgen::SerialNumber;

use super::client::{SESSION, rest, serve};
use crate::recorder::{Format, Recorder, dial_proven, site_logging, speak_tls_1_2};

pub(super) fn sessions_that_end(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    for version in Version::ALL {
        let device = Connect::new(version, "dev-1");
        recorder.step(&format!("a session from hello to good-bye ({version:?})"), &SESSION, || {
            serve(site, &site.device, &device, |client| client.send(&DISCONNECT))
        });
        recorder.step(
            &format!("a device that leaves its client id to the broker ({version:?})"),
            &SESSION,
            || serve(site, &site.device, &device.clone().without_id(), |client| client.send(&DISCONNECT)),
        );
        let service = Connect::new(version, "backend");
        recorder.step(
            &format!("a service that leaves its client id to the broker ({version:?})"),
            &SESSION,
            || serve(site, &site.service, &service.clone().without_id(), |client| client.send(&DISCONNECT)),
        );
        recorder.step(&format!("a client that goes without a word ({version:?})"), &SESSION, || {
            drop(site.connect(&site.service, &Connect::new(version, "backend/lost")));
            String::new()
        });
        recorder.step(&format!("a client that is silent for too long ({version:?})"), &SESSION, || {
            serve(site, &site.device, &device.clone().keep_alive(1), |_| {})
        });
    }
    let five = Connect::new(Version::V5, "dev-1");
    recorder.step("a good-bye that asks for the will", &SESSION, || {
        let connect = five.clone().will("devices/dev-1/status", "offline");
        serve(site, &site.device, &connect, |client| client.send(&frame(0xE0, &[4])))
    });
    recorder.step("a good-bye that asks for a session that lasts, which it was not", &SESSION, || {
        serve(site, &site.device, &five, |client| client.send(&frame(0xE0, &[0, 5, 0x11, 0, 0, 0, 60])))
    });
}

pub(super) fn sessions_that_are_ended(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let numbered = |serial: u8| {
        insider.altered("dev-4", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
        })
    };
    for version in Version::ALL {
        let connected = || site.dev_1(version);
        recorder.step(
            &format!("an operator closes a session ({version:?})"),
            &["allowed", "session_closed", "closed sessions"],
            || {
                let mut client = connected();
                assert_eq!(operate(&site.fleet, "kick", &["dev-1"]).code, 0);
                rest(&mut client, version)
            },
        );
        recorder.step(
            &format!("a client connects again ({version:?})"),
            &["allowed", "allowed", "connected again", "client disconnected"],
            || {
                let mut first = connected();
                let second = connected();
                let heard = rest(&mut first, version);
                second.disconnect();
                heard
            },
        );
        for (what, serial, is_held) in [("revoked", 0x74, false), ("put on hold", 0x75, true)] {
            let credential = numbered(serial);
            let connect = Connect::new(version, "dev-4");
            let mut client = recorder.connects(&credential, &connect);
            let title = format!("the certificate of a session is {what} ({version:?})");
            recorder.step(&title, &["session_closed", "list in force", "list in force"], || {
                let list = list_with(credential.serial(), is_held);
                site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
                rest(&mut client, version)
            });
        }
    }
}

/// Clients whose certificate is revoked or put on hold between their handshake and their CONNECT.
pub(super) fn late_refusals(format: Format) -> String {
    let site = site_logging(format, speak_tls_1_2);
    let mut recorder = Recorder::of(&site);
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    for version in Version::ALL {
        for (what, is_held) in [("revoked", false), ("put on hold", true)] {
            let credential = insider.certificate("dev-4");
            let title = format!("a certificate is {what} between handshake and CONNECT ({version:?})");
            recorder.step(&title, &["refused", "list in force", "list in force"], || {
                let mut client = dial_proven(site, &credential, version);
                let log = site.broker.log();
                let mark = log.mark();
                let list = list_with(credential.serial(), is_held);
                site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
                log.line(mark, |line| line.to_string().contains("list in force"));
                client.send(&Connect::new(version, "dev-4").packet());
                rest(&mut client, version)
            });
        }
    }
    recorder.into_text()
}

/// A list with one certificate.
pub(super) fn list_with(serial: Vec<u8>, is_held: bool) -> Crl {
    let (revoked, held) = if is_held { (vec![], vec![serial]) } else { (vec![serial], vec![]) };
    Crl { revoked, held, ..Crl::fresh() }
}
