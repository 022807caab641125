//! Sessions and handshakes that have been allowed, when something changes.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use integration_tests::broker::Mark;
use integration_tests::client::{Client, PATIENCE};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, Version};
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::site::Site;
use rcgen::SerialNumber;

use super::comparison::{Recorded, Verdicts};
use crate::answer;
use crate::certificates::{configure, list_in_force};
use crate::recorder::{Format, dial_proven, lines_of, site_logging, speak_tls_1_2};

/// A list of the device CA that says this, in force.
#[track_caller]
pub(super) fn publish_list(site: &Site, insider: &Forger, list: Crl) {
    let mark = site.broker.log().mark();
    let entries = u64::try_from(list.revoked.len() + list.held.len()).expect("a few");
    site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
    list_in_force(site.broker.log(), mark, entries);
    // Those of both CAs are logged.
    lines_of(site, &[], || ());
}

pub(super) fn numbered(insider: &Forger, common_name: &str, serial: u8, life: Duration) -> Credential {
    insider.altered(common_name, |params| {
        params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial]));
        params.not_after = now() + life;
    })
}

impl Verdicts<'_> {
    /// What becomes of the session of `client` when something has happened, beside what `explain` says then.
    #[track_caller]
    pub(super) fn live(
        &mut self,
        title: &str,
        client: &mut Client,
        credential: &Credential,
        happen: impl FnOnce(&Site),
    ) {
        let site = self.site;
        let (heard, lines) = lines_of(site, &[], || {
            happen(site);
            client.send(&mqtt::PINGREQ);
            answer::line(Version::V5, &client.hear(PATIENCE))
        });
        let lines: Vec<_> = lines.into_iter().filter(|line| line.contains("\"event\"")).collect();
        let live = Self::in_lines(&lines, if heard == "PINGRESP" { "allowed" } else { "no decision" });
        let explained = self.explain(credential, &[]);
        self.write(title, &heard, &lines, &live, &explained);
    }

    /// A client that has shown its certificate before something happens, and sends CONNECT after it.
    #[track_caller]
    fn between(&mut self, title: &str, credential: &Credential, client_id: &str, happen: impl FnOnce(&Site)) {
        let site = self.site;
        let mut client = dial_proven(site, credential, Version::V5);
        happen(site);
        let log = site.broker.log();
        let (heard, lines) = lines_of(site, &[], || {
            let mark = log.mark();
            client.send(&Connect::new(Version::V5, client_id).packet());
            let heard = client.hear(PATIENCE);
            log.line(mark, |line| line["event"] == "connect");
            answer::line(Version::V5, &heard)
        });
        let is_in = lines.iter().any(|line| line.contains("\"outcome\":\"allowed\""));
        let live = Self::in_lines(&lines, if is_in { "allowed" } else { "no decision" });
        lines_of(site, &[], || drop(client));
        let explained = self.explain(credential, &[]);
        self.write(title, &heard, &lines, &live, &explained);
    }
}

/// Live sessions, and handshakes that are over, when their certificate or what the broker knows of it changes.
pub(super) fn live_sessions() -> Recorded {
    let site = site_logging(Format::Json, |fleet| {
        configure(fleet);
        speak_tls_1_2(fleet);
        fleet.limit("connect-timeout = \"60s\"");
    });
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let month = 30 * DAY;
    let mut verdicts =
        Verdicts::of(&site, "Live sessions, and handshakes that are over, when something changes");
    let enter = |credential: &Credential, name: &str| {
        let connect = Connect::new(Version::V5, name);
        lines_of(&site, &["allowed"], || site.connect(credential, &connect)).0
    };
    for (what, serial, is_held) in [("revoked", 0x71, false), ("put on hold", 0x72, true)] {
        let list = |credential: &Credential| {
            let serial = credential.serial();
            let (revoked, held) = if is_held { (vec![], vec![serial]) } else { (vec![serial], vec![]) };
            Crl { revoked, held, ..Crl::fresh() }
        };
        let credential = numbered(&insider, "dev-2", serial, month);
        let mut client = enter(&credential, "dev-2");
        let happen = |site: &Site| {
            let mark = site.broker.log().mark();
            publish_list(site, &insider, list(&credential));
            site.broker.log().line(mark, |line| line["event"] == "session_closed");
        };
        verdicts.live(&format!("the certificate of a session is {what}"), &mut client, &credential, happen);
        let credential = numbered(&insider, "dev-3", serial + 8, month);
        let title = format!("a certificate is {what} between handshake and CONNECT");
        verdicts
            .between(&title, &credential, "dev-3", |site| publish_list(site, &insider, list(&credential)));
        let credential = numbered(&insider, "dev-3", serial + 10, month);
        let title =
            format!("a certificate is {what} between handshake and CONNECT, which has a wrong client id");
        verdicts
            .between(&title, &credential, "dev-4", |site| publish_list(site, &insider, list(&credential)));
        let nobody = insider.altered("no device", |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0x40, 0, 0, serial + 12]));
        });
        let title = format!("a certificate without an identity is {what} between handshake and CONNECT");
        verdicts.between(&title, &nobody, "dev-4", |site| publish_list(site, &insider, list(&nobody)));
    }

    // One that ends while its session lives, and one between handshake and CONNECT.
    let life = Duration::from_secs(8);
    let one = numbered(&insider, "dev-5", 0x01, life);
    let mut client = enter(&one, "dev-5");
    let happen = |site: &Site| {
        site.broker
            .log()
            .line(Mark::START, |line| line["event"] == "session_closed" && line["client_id"] == "dev-5");
    };
    verdicts.live("the certificate of a session ends", &mut client, &one, happen);
    let ends = now() + life;
    let other = numbered(&insider, "dev-6", 0x02, life);
    let wait = || {
        while now() <= ends + Duration::from_secs(1) {
            sleep(Duration::from_millis(200));
        }
    };
    verdicts.between("a certificate ends between handshake and CONNECT", &other, "dev-6", |_| wait());

    // Files that the running broker has not read, or has refused.
    let mut client = enter(&site.device, "dev-1");
    let config = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");
    let denies = config.replace("identity = \"retired-1\"", "identity = \"dev-1\"");
    verdicts.live("a policy was written that denies it", &mut client, &site.device, |site| {
        site.fleet.replace("broker.toml", denies.as_bytes());
    });
    verdicts.live("the configuration is none", &mut client, &site.device, |site| {
        site.fleet.replace("broker.toml", b"mode = 1\n");
    });
    site.fleet.replace("broker.toml", config.as_bytes());
    for (what, list) in [
        ("the list is none", "nothing".to_owned()),
        ("the list is older", insider.crl(&Crl { number: 7, ..Crl::fresh() })),
        ("the list is of another key", Forger::named_like(&site.fleet, "device-ca").crl(&Crl::fresh())),
    ] {
        verdicts.live(what, &mut client, &site.device, |site| {
            let mark = site.broker.log().mark();
            site.fleet.replace("crl/device-ca.crl", list.as_bytes());
            site.broker.log().complaint(mark, "stays in force");
        });
        verdicts.connect(
            &format!("{what}, and a client comes"),
            &site.device,
            &Connect::new(Version::V5, "dev-1"),
            &["--client-id", "dev-1"],
        );
        client = enter(&site.device, "dev-1");
    }
    verdicts.recorded()
}
