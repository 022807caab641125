//! [`Certificates`]: those of the matrix, for each device, and the trusts that they come from.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use data_encoding::HEXLOWER;
use integration_tests::certificate_fault::{CertificateFault, FaultyIssuer};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::pki::{Crl, DAY, Forger, now, subject};
use ring::digest::{SHA256, digest};

use crate::column::MoreTrusts;

/// An issuing CA of its own in front of the fleet's: its key, and its certificate as a file of the fleet directory.
fn authority(fleet: &Fleet, name: &str, file: &str) -> Forger {
    let (forger, pem) = Forger::authority(fleet, |params| params.distinguished_name = subject(&[name]));
    fs::write(fleet.file(file), pem).expect("a file can be written");
    forger
}

/// All CAs whose certificates are shown, in the fleet directory. Of the last one no trust has heard.
pub(crate) const AUTHORITIES: [&str; 9] = [
    "device-ca/root.pem",
    "device-ca/issuing.pem",
    "service-ca/root.pem",
    "service-ca/issuing.pem",
    "pinning.pem",
    "asked-for.pem",
    "other.pem",
    "stale.pem",
    "stranger.pem",
];

/// The certificates of the matrix: by the name of the row, and the device. None for a client without one.
pub(crate) struct Certificates(BTreeMap<(&'static str, String), Option<Credential>>);

impl Certificates {
    /// Issues all of `rows` for all of `devices`.
    pub(crate) fn issue(fleet: &Fleet, rows: &[&'static str], devices: &[String]) -> (Self, MoreTrusts) {
        let issuer = FaultyIssuer::new(fleet);
        fs::write(fleet.file("stranger.pem"), issuer.stranger_ca()).expect("a file can be written");
        let pinning = authority(fleet, "Pinning CA", "pinning.pem");
        let asked_for = authority(fleet, "CA That Is Asked For", "asked-for.pem");
        let other = authority(fleet, "Other CA", "other.pem");
        let stale = authority(fleet, "Stale CA", "stale.pem");
        let run_out = Crl::fresh().valid(now() - 3 * DAY, now() - Duration::from_secs(3600));
        fs::write(fleet.file("crl/stale.crl"), stale.crl(&run_out)).expect("a file can be written");
        let mut issued = BTreeMap::new();
        let mut pins = Vec::new();
        for (row, device) in rows.iter().flat_map(|row| devices.iter().map(move |device| (*row, device))) {
            let credential = match row {
                "none" => None,
                "good" => Some(issuer.faultless(device)),
                "pinned" => {
                    let credential = pinning.certificate(device);
                    let sha256 = HEXLOWER.encode(digest(&SHA256, &credential.chain()[0]).as_ref());
                    pins.push(format!("{{ cert-sha256 = \"{sha256}\" }}"));
                    Some(credential)
                }
                "not pinned" => Some(pinning.certificate(device)),
                "of the issuer" => Some(asked_for.certificate(device)),
                "of another issuer" => Some(other.certificate(device)),
                "under a stale list" => Some(stale.certificate(device)),
                row => {
                    let fault = CertificateFault::called(row).unwrap_or_else(|| panic!("{row}"));
                    Some(issuer.credential(fault, device))
                }
            };
            issued.insert((row, device.clone()), credential);
        }
        issuer.publish_list(fleet);
        let toml = [
            trust(
                "pinned",
                "\"pinning.pem\"",
                &format!("crl-check = \"off\"\npins = [{}]\n", pins.join(", ")),
            ),
            trust(
                "one-issuer",
                "\"asked-for.pem\", \"other.pem\"",
                "crl-check = \"off\"\nissuers = [\"CN=CA That Is Asked For,O=Acme\"]\n",
            ),
            trust("stale", "\"stale.pem\"", "crl = [\"crl/stale.crl\"]\nstale-grace = \"1s\"\n"),
        ]
        .concat();
        (Self(issued), MoreTrusts { toml })
    }

    /// The one of this row for `device`, if it has one.
    #[track_caller]
    pub(crate) fn of(&self, row: &'static str, device: &str) -> Option<&Credential> {
        self.0.get(&(row, device.to_owned())).expect("all are issued").as_ref()
    }
}

/// Its devices bear the names of the fleet's: what they show beside their certificates is right for those.
fn trust(name: &str, anchors: &str, keys: &str) -> String {
    format!("[[listener.trust]]\nname = \"{name}\"\nnamespace = \"device-ca\"\nanchors = [{anchors}]\n{keys}")
}
