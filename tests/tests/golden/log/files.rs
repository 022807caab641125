//! Revocation lists and certificates that are read, refused, or too old.

use std::time::Duration;

use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, DAY, Forger, now};

use super::client::{attempt, rest};
use crate::answer;
use crate::recorder::{Format, Recorder, site_logging};

pub(super) fn files(recorder: &mut Recorder<'_>) {
    let site = recorder.site;
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let list = "crl/device-ca.crl";
    let older = Crl { number: 7, ..Crl::fresh() };
    let namesake = Forger::named_like(&site.fleet, "device-ca").crl(&Crl::fresh());
    let refused = ["the present one stays in force"];
    recorder.step("a revocation list that is older", &refused, || {
        site.fleet.replace(list, insider.crl(&older).as_bytes());
        String::new()
    });
    recorder.step("a revocation list of another key", &refused, || {
        site.fleet.replace(list, namesake.as_bytes());
        String::new()
    });
    recorder.step("no revocation list", &refused, || {
        site.fleet.replace(list, b"nothing");
        String::new()
    });
    recorder.step(
        "a good revocation list",
        &["revocation list in force", "revocation list in force"],
        || {
            site.fleet.replace(list, insider.crl(&Crl::fresh()).as_bytes());
            String::new()
        },
    );
    recorder.step("a certificate of the broker that is none", &refused, || {
        site.fleet.replace("broker/cert.pem", b"nothing");
        String::new()
    });
}

/// Revocation lists that become too old.
pub(super) fn stale_lists(format: Format) -> String {
    let site = site_logging(format, |fleet| {
        fleet.limit("max-connections = 100");
        fleet.configure("stale-crl = \"deny-new\"", "stale-crl = \"deny-all\"");
        fleet.configure("stale-grace = \"24h\"", "stale-grace = \"3s\"");
        let crl = Crl::fresh().valid(now() - DAY, now() + Duration::from_secs(20));
        fleet.replace("crl/device-ca.crl", Forger::with_key_of(fleet, "device-ca").crl(&crl).as_bytes());
    });
    let mut recorder = Recorder::of(&site);
    recorder.start();
    let site = recorder.site;
    let mut device = recorder.connects(&site.device, &Connect::new(Version::V5, "dev-1"));
    recorder.step(
        "a revocation list becomes too old for new clients and for those that are there",
        &["its grace is running out", "it is stale now", "session_closed"],
        || {
            // For as long as the list and its grace last, and more.
            let first = device.hear(Duration::from_secs(40));
            format!("{}\n{}", answer::line(Version::V5, &first), rest(&mut device, Version::V5))
        },
    );
    recorder.step("a new client", &["stale_crl"], || {
        attempt(site, Some(&site.device), &Connect::new(Version::V5, "dev-1"))
    });
    recorder.step(
        "a fresh list",
        &["is current", "revocation list in force", "revocation list in force"],
        || {
            let fresh = Forger::with_key_of(&site.fleet, "device-ca").crl(&Crl::fresh());
            site.fleet.replace("crl/device-ca.crl", fresh.as_bytes());
            String::new()
        },
    );
    recorder.into_text()
}
