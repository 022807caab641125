//! Revocation lists and anchors that end while the broker runs, and intermediate CAs.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use integration_tests::broker::Mark;
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, DAY, Forger, now};
use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose, SerialNumber};

use super::comparison::{Recorded, Verdicts};
use crate::recorder::{Format, lines_of, site_logging};

/// A revocation list becomes too old while the broker runs.
pub(super) fn stale_list(policy: &str) -> Recorded {
    let life = Duration::from_secs(20);
    let mut due = now();
    let site = site_logging(Format::Json, |fleet| {
        fleet.configure("stale-crl = \"deny-new\"", &format!("stale-crl = \"{policy}\""));
        fleet.configure("stale-grace = \"24h\"", "stale-grace = \"3s\"");
        due = now() + life;
        let crl = Crl { revoked: vec![vec![0x40, 0, 0, 0x71]], ..Crl::fresh() }.valid(now() - DAY, due);
        fleet.replace("crl/device-ca.crl", Forger::with_key_of(fleet, "device-ca").crl(&crl).as_bytes());
    });
    let mut verdicts =
        Verdicts::of(&site, &format!("A revocation list becomes too old, and the policy is {policy}"));
    let connect = Connect::new(Version::V5, "dev-1");
    let (mut client, _) = lines_of(&site, &["allowed"], || site.connect(&site.device, &connect));
    verdicts.live("a session", &mut client, &site.device, |site| {
        site.broker.log().line(Mark::START, |line| line.to_string().contains("must be replaced before"));
        while now() < due {
            sleep(Duration::from_millis(200));
        }
        site.broker.log().line(Mark::START, |line| line.to_string().contains("it is stale now"));
        if policy == "deny-all" {
            site.broker.log().line(Mark::START, |line| line["event"] == "session_closed");
        }
    });
    let other = site.fleet.device("dev-2");
    verdicts.connect("a new client", &other, &Connect::new(Version::V5, "dev-2"), &["--client-id", "dev-2"]);
    let stolen = Forger::with_key_of(&site.fleet, "device-ca").altered("dev-3", |params| {
        params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, 0x71]));
    });
    verdicts.connect(
        "a new client that the old list has revoked",
        &stolen,
        &Connect::new(Version::V5, "dev-3"),
        &[],
    );
    verdicts.recorded()
}

pub(super) fn ended_anchor() -> Recorded {
    let mut ends = now();
    let mut made = None;
    let site = site_logging(Format::Json, |fleet| {
        ends = now() + Duration::from_secs(20);
        let (authority, anchor) = Forger::authority(fleet, |params| params.not_after = ends);
        fleet.replace("device-ca/issuing.pem", anchor.as_bytes());
        fleet.replace("crl/device-ca.crl", authority.crl(&Crl::fresh()).as_bytes());
        made = Some(authority.certificate("dev-3"));
    });
    let device = made.expect("it was made");
    let mut verdicts = Verdicts::of(&site, "An anchor ends");
    let connect = Connect::new(Version::V5, "dev-3");
    verdicts.connect("before", &device, &connect, &["--client-id", "dev-3"]);
    let (mut client, _) = lines_of(&site, &["allowed"], || site.connect(&device, &connect));
    verdicts.live("a session", &mut client, &device, |site| {
        while now() <= ends {
            sleep(Duration::from_millis(200));
        }
        site.broker
            .log()
            .line(Mark::START, |line| line["event"] == "session_closed" && line["outcome"] == "refused");
    });
    verdicts.connect("a new client", &device, &connect, &["--client-id", "dev-3"]);
    verdicts.connect(
        "a service, of another anchor",
        &site.service,
        &Connect::new(Version::V5, "backend"),
        &[],
    );
    verdicts.recorded()
}

/// Certificates that an intermediate CA below the anchor has issued.
pub(super) fn intermediates() -> Recorded {
    let mut made = Vec::new();
    let site = site_logging(Format::Json, |fleet| chain_below(fleet, &mut made));
    let mut verdicts = Verdicts::of(&site, "An intermediate CA, which clients present");
    for (what, credential) in &made {
        verdicts.connect(what, credential, &Connect::new(Version::V5, "dev-3"), &["--client-id", "dev-3"]);
    }
    verdicts.recorded()
}

/// An anchor with room for one CA below it, and certificates below that.
pub(super) fn chain_below(fleet: &Fleet, made: &mut Vec<(&'static str, Credential)>) {
    let (root, anchor) =
        Forger::authority(fleet, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)));
    fleet.replace("device-ca/issuing.pem", anchor.as_bytes());
    fleet.replace("crl/device-ca.crl", root.crl(&Crl::fresh()).as_bytes());
    let authority = |life: Duration| {
        root.altered("Sub CA", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = now() - 2 * DAY;
            params.not_after = now() - DAY + life;
        })
    };
    for (what, name, life) in
        [("no list covers it", "good", 30 * DAY), ("the intermediate has ended", "ended", Duration::ZERO)]
    {
        let credential = Forger::with_credential(fleet, &authority(life)).certificate("dev-3");
        made.push((what, credential.keep_in(&fleet.beside(name))));
    }
    made.push(("the anchor itself is the issuer", root.certificate("dev-3")));
    let leaf = made[0].1.chain().remove(0);
    let alone = made[0].1.keep_in(&fleet.beside("alone"));
    fs::write(&alone.certificate, integration_tests::pki::certificate_pem(&leaf))
        .expect("a file can be written");
    made.push(("the intermediate is not presented", alone));
}
