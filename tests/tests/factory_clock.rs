//! The factory's clock is eleven years ahead once, and right again. A broker on the same host, whose clock was right all
//! the time, lets in and cuts off whom it should throughout.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::credential::Credential;
use integration_tests::fleet::PASSPHRASE;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::program::{Finished, Programs, run};
use integration_tests::site::Site;
use integration_tests::turned_clock::TurnedClock;
use rustls::AlertDescription;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// Eleven years, as libfaketime takes them.
const AHEAD: &str = "+4018d";

/// The factory, whose clock can be turned.
struct Factory<'a> {
    site: &'a Site,
    clock: TurnedClock,
}

impl Factory<'_> {
    #[track_caller]
    fn run(&self, offset: &str, arguments: &str) -> Finished {
        self.clock.turn(offset);
        let mut command = PROGRAMS.provision();
        command.arg("--fleet").arg(self.site.fleet.directory()).args(arguments.split_whitespace());
        command.env("COUNTERSIGN_PASSPHRASE", PASSPHRASE);
        run(&mut self.clock.shown_to(command))
    }

    /// The serial numbers in the published list, sorted.
    fn listed(&self) -> Vec<String> {
        let list = self
            .run("+0", &format!("inspect {} --json", self.site.fleet.file("crl/device-ca.crl").display()));
        let list = list.json();
        let entries = list["crls"][0]["revoked"].as_array().expect("a list has entries").iter();
        let mut serials: Vec<_> = entries.map(|entry| entry["serial"].to_string()).collect();
        serials.sort();
        serials
    }
}

/// Waits until a device is refused as revoked.
#[track_caller]
fn is_refused(site: &Site, credential: &Credential, id: &str) {
    let since = Instant::now();
    loop {
        let (_, heard) =
            Client::attempt(site.address(), &site.tls(credential), &Connect::new(Version::V5, id));
        if heard == Heard::Alert(AlertDescription::CertificateRevoked) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{id} hears {heard:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn once_eleven_years_ahead_then_right_cuts_off_the_revoked_and_nobody_else() {
    let site = Site::new(PROGRAMS);
    let Some(clock) = TurnedClock::beside(&site.fleet) else { return };
    let factory = Factory { site: &site, clock };
    let [early, late, lent, good] =
        <[Credential; 4]>::try_from(site.fleet.devices(&["early", "late", "lent", "good"])).expect("four");
    let connect =
        |credential: &Credential, id: &str| site.connect(credential, &Connect::new(Version::V5, id));
    let mut good_session = connect(&good, "good");

    factory.run("+0", "revoke early").stdout_of_success();
    factory.run("+0", "suspend lent").stdout_of_success();
    is_refused(&site, &early, "early");
    is_refused(&site, &lent, "lent");

    // Eleven years ahead, certificates of ten years have ended: they are revoked all the same, and leave no list.
    factory.run(AHEAD, "crl").stdout_of_success();
    factory.run(AHEAD, "revoke late").stdout_of_success();
    assert_eq!(factory.listed().len(), 3);
    let asked = factory.run(AHEAD, "issue next");
    assert_eq!(asked.code, 2, "{}", asked.stderr);
    is_refused(&site, &early, "early");
    is_refused(&site, &lent, "lent");
    assert!(good_session.is_alive());

    // Right again.
    let all = factory.listed();
    factory.run("+0", "crl").stdout_of_success();
    assert_eq!(factory.listed(), all);
    for (credential, id) in [(&early, "early"), (&late, "late"), (&lent, "lent")] {
        is_refused(&site, credential, id);
    }
    let behind = factory.run("+0", "issue next");
    assert_eq!(behind.code, 1, "{}", behind.stderr);
    assert!(behind.stderr.contains("the registry has seen"), "{}", behind.stderr);
    let list =
        factory.run("+0", &format!("inspect {} --json", site.fleet.file("crl/device-ca.crl").display()));
    let now = list.json()["crls"][0]["this_update"].as_str().expect("a list has a date").to_owned();
    factory.run("+0", &format!("clock accept --now {now}")).stdout_of_success();
    let next = site.fleet.device("next");
    connect(&next, "next");
    // The good device was there all the time, and comes back.
    assert!(good_session.is_alive());
    good_session.disconnect();
    connect(&good, "good");
    factory.run("+0", "crl").stdout_of_success();
    assert_eq!(factory.listed(), all);
    factory.run("+0", "revoke next").stdout_of_success();
    is_refused(&site, &next, "next");
    is_refused(&site, &late, "late");
}
