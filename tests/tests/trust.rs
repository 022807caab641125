//! What the broker itself trusts: anchors, and revocation lists that are too old, forged, or somebody else's.

#![forbid(unsafe_code)]

use std::fs;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::{Crl, DAY, Forger, now, self_signed};
use integration_tests::program::Programs;
use integration_tests::site::Site;
use rcgen::{IsCa, KeyUsagePurpose};
use rustls::AlertDescription;
use rustls_pki_types::CertificateDer;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// The broker of `fleet` does not start, says what is wrong with exit code 3, and what to do.
#[track_caller]
fn does_not_start(fleet: &Fleet, what: &str, words: &str) {
    let refused = Broker::refuse_to_start(fleet);
    assert_eq!(refused.code, 3, "{what}: {}", refused.stderr);
    assert!(refused.stderr.contains(words), "{what}: {words:?} is not in {}", refused.stderr);
    assert!(refused.stderr.contains("\nhelp: "), "{what}: {}", refused.stderr);
    let checked = operate(fleet, "check", &[]);
    assert_ne!(checked.code, 0, "{what}: check finds nothing: {}", checked.stdout);
}

#[test]
fn a_broker_does_not_start_on_an_anchor_that_is_no_ca() {
    let fleet = Fleet::new(PROGRAMS);
    let leaf = fs::read_to_string(fleet.device("dev-1").certificate).expect("a certificate");
    let anchor = "device-ca/issuing.pem";
    let good = fs::read(fleet.file(anchor)).expect("the anchor");
    for (what, content, words) in [
        ("a device certificate", leaf, anchor),
        ("a self-signed end entity", self_signed("CA", |params| params.is_ca = IsCa::ExplicitNoCa), anchor),
        (
            "a CA that may not sign certificates",
            self_signed("CA", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]),
            anchor,
        ),
        (
            "a CA that may not sign the CRLs that are to be checked",
            self_signed("CA", |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]),
            anchor,
        ),
        ("no certificate at all", "nothing\n".to_owned(), anchor),
        ("an empty file", String::new(), anchor),
    ] {
        fleet.replace(anchor, content.as_bytes());
        does_not_start(&fleet, what, words);
    }
    fleet.replace(anchor, &good);
    Broker::start(&fleet);
}

/// What a broker goes on with while it runs, it starts with: the clients of other CAs are let in.
#[test]
fn a_broker_starts_although_one_of_its_anchors_has_ended_and_says_so() {
    for (change, words) in [
        (
            Box::new(|params: &mut rcgen::CertificateParams| params.not_after = now() - DAY)
                as Box<dyn FnOnce(&mut _)>,
            "expired at",
        ),
        (Box::new(|params: &mut rcgen::CertificateParams| params.not_before = now() + DAY), "begins only at"),
    ] {
        let site = Site::configured(PROGRAMS, |fleet| {
            fleet.replace("device-ca/issuing.pem", self_signed("CA", change).as_bytes());
            let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
            let text = text.replacen("crl = [\"crl/device-ca.crl\"]", "", 1).replacen(
                "crl-check = \"leaf\"",
                "crl-check = \"off\"",
                1,
            );
            fleet.replace("broker.toml", text.as_bytes());
        });
        site.broker.log().complaint(Mark::START, words);
        site.broker.log().complaint(Mark::START, "trust device-ca has no valid anchor: it admits nobody");
        assert!(site.backend(Version::V5).is_alive());
        let checked = operate(&site.fleet, "check", &[]);
        assert!(checked.stdout.contains("admits nobody"), "{}", checked.stdout);
    }
}

/// Neither of its trusts has a list, and it has never had one that it could have kept.
#[test]
fn a_broker_does_not_start_without_a_good_revocation_list() {
    let fleet = Fleet::new(PROGRAMS);
    let list = "crl/device-ca.crl";
    let good = fs::read(fleet.file(list)).expect("the CRL");
    let service_list = fs::read(fleet.file("crl/service-ca.crl")).expect("the CRL");
    let namesake = Forger::named_like(&fleet, "device-ca");
    fs::remove_file(fleet.file("crl/service-ca.crl")).expect("a file can be removed");
    for (what, content, words) in [
        ("a forged signature", namesake.crl(&Crl::fresh()).into_bytes(), "signature"),
        ("the list of another CA", service_list, "no CA of this trust"),
        ("no list at all", b"nothing\n".to_vec(), list),
        ("an empty file", Vec::new(), list),
    ] {
        fleet.replace(list, &content);
        does_not_start(&fleet, what, words);
    }
    fs::remove_file(fleet.file(list)).expect("a file can be removed");
    does_not_start(&fleet, "a missing file", list);
    // With one list, the clients of that trust are let in; what is missing is said.
    fleet.replace(list, &good);
    let broker = Broker::start(&fleet);
    broker.log().complaint(Mark::START, "no revocation list of CN=");
    broker.log().complaint(Mark::START, "crl/service-ca.crl");
}

#[test]
fn a_bad_revocation_list_is_refused_loudly_while_the_present_one_stays() {
    let site = Site::new(PROGRAMS);
    let list = "crl/device-ca.crl";
    let older = fs::read(site.fleet.file(list)).expect("the CRL");
    let thief = site.fleet.device("dev-2");
    let mark = site.broker.log().mark();
    site.fleet.revoke("dev-2");
    site.broker.log().line(mark, |line| line["entries"] == 1);
    let present = fs::read(site.fleet.file(list)).expect("the CRL");
    let mut device = site.dev_1(Version::V5);

    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let namesake = Forger::named_like(&site.fleet, "device-ca");
    let stranger = Forger::stranger(&site.fleet);
    let all = Crl { revoked: vec![site.device.serial()], ..Crl::fresh() };
    let tomorrow = Crl::fresh().valid(now() + DAY, now() + 2 * DAY);
    for (what, content, words) in [
        ("older", older, "older"),
        ("forged, to let the thief in", namesake.crl(&Crl::fresh()).into_bytes(), "signature"),
        ("forged, to keep everybody out", namesake.crl(&all).into_bytes(), "signature"),
        ("of another CA", stranger.crl(&all).into_bytes(), "no CA of this trust"),
        (
            "of the service CA",
            fs::read(site.fleet.file("crl/service-ca.crl")).expect("the CRL"),
            "no CA of this trust",
        ),
        ("from the future", insider.crl(&tomorrow).into_bytes(), "future"),
        ("cut off", present[..present.len() / 2].to_vec(), "crl"),
        ("no list", b"nothing".to_vec(), "crl"),
    ] {
        let mark = site.broker.log().mark();
        site.fleet.replace(list, &content);
        let complaint = site.broker.log().complaint(mark, "refused");
        assert!(complaint.to_string().contains(words), "{what}: {complaint}");
        let reload = operate(&site.fleet, "reload", &[]);
        assert_eq!(reload.code, 3, "{what}: {}{}", reload.stdout, reload.stderr);
        is_revoked(&site, &thief, what);
        assert!(device.is_alive(), "{what}");
    }
    let mark = site.broker.log().mark();
    fs::remove_file(site.fleet.file(list)).expect("a file can be removed");
    site.broker.log().complaint(mark, "refused");
    is_revoked(&site, &thief, "missing");
    assert!(device.is_alive(), "missing");

    // The next good one counts again.
    site.fleet.revoke("dev-1");
    assert_eq!(device.expect(Kind::Disconnect).reason_code(), 0x98);
    is_revoked(&site, &thief, "replaced");
}

#[track_caller]
fn is_revoked(site: &Site, credential: &Credential, what: &str) {
    let (_, heard) =
        Client::attempt(site.address(), &site.tls(credential), &Connect::new(Version::V5, "dev-2"));
    assert_eq!(heard, Heard::Alert(AlertDescription::CertificateRevoked), "{what}");
}

#[test]
fn an_old_revocation_list_is_refused_even_after_a_restart() {
    let site = Site::new(PROGRAMS);
    let list = "crl/device-ca.crl";
    let older = fs::read(site.fleet.file(list)).expect("the CRL");
    let mark = site.broker.log().mark();
    site.fleet.revoke("dev-1");
    site.broker.log().line(mark, |line| line["entries"] == 1);
    let Site { broker, fleet, device, service } = site;
    broker.terminate();
    assert_eq!(broker.wait(), 0);
    fleet.replace(list, &older);
    let checked = operate(&fleet, "check", &[]);
    assert_eq!(checked.code, 3, "{}", checked.stderr);
    assert!(checked.stderr.contains("older"), "{}", checked.stderr);
    // A start is no stricter than a broker that goes on: the newer list is in force, which it has kept.
    let site = Site { broker: Broker::start(&fleet), fleet, device, service };
    site.broker.log().complaint(Mark::START, "older");
    is_revoked(&site, &site.device, "by the kept list");
}

/// Puts a list in force that is due in `due` seconds, under a policy for stale lists with a grace of one second.
fn short_lived(fleet: &Fleet, policy: &str, due: u64) {
    fleet.configure("stale-crl = \"deny-new\"", &format!("stale-crl = \"{policy}\""));
    fleet.configure("stale-grace = \"24h\"", "stale-grace = \"1s\"");
    let crl = Crl::fresh().valid(now() - DAY, now() + Duration::from_secs(due));
    fleet.replace("crl/device-ca.crl", Forger::with_key_of(fleet, "device-ca").crl(&crl).as_bytes());
}

/// Waits until the log has warned before, and complained when the list is stale.
#[track_caller]
fn ages_in_the_log(site: &Site) {
    let early = site.broker.log().complaint(Mark::START, "must be replaced before");
    assert_eq!(early["level"], "WARN", "{early}");
    site.broker.log().complaint(Mark::START, "its grace is running out");
    let late = site.broker.log().complaint(Mark::START, "it is stale now");
    assert_eq!(late["level"], "ERROR", "{late}");
}

#[test]
fn with_deny_new_a_stale_list_refuses_new_connections_until_there_is_a_fresh_one() {
    let site = Site::configured(PROGRAMS, |fleet| short_lived(fleet, "deny-new", 6));
    let mut device = site.dev_1(Version::V5);
    let newcomer = site.fleet.device("dev-2");
    ages_in_the_log(&site);
    let mark = site.broker.log().mark();
    let connect = Connect::new(Version::V5, "dev-2");
    let (_, heard) = Client::attempt(site.address(), &site.tls(&newcomer), &connect);
    assert_eq!(heard, Heard::Alert(AlertDescription::UnknownCA), "what OpenSSL answers, too");
    let line = site.broker.log().refusal(mark);
    assert_eq!((line["event"].as_str(), line["reason"].as_str()), (Some("handshake"), Some("stale_crl")));
    let certificate = newcomer.certificate.display().to_string();
    let explained = operate(&site.fleet, "explain", &["--json", "--cert", &certificate]);
    assert_eq!((explained.code, explained.json()["reason"].as_str()), (6, Some("stale_crl")));
    assert!(device.is_alive(), "who is in stays in");
    assert!(site.backend(Version::V5).is_alive(), "services have their own list");

    let fresh = Crl { number: Crl::fresh().number + 1, ..Crl::fresh() };
    site.fleet
        .replace("crl/device-ca.crl", Forger::with_key_of(&site.fleet, "device-ca").crl(&fresh).as_bytes());
    let since = Instant::now();
    while !matches!(Client::attempt(site.address(), &site.tls(&newcomer), &connect), (_, Heard::Packet(_))) {
        assert!(since.elapsed() < PATIENCE, "a fresh list changes nothing");
    }
}

#[test]
fn with_deny_all_a_stale_list_ends_the_sessions_too() {
    let site = Site::configured(PROGRAMS, |fleet| short_lived(fleet, "deny-all", 6));
    let (mut device, mut backend) = (site.dev_1(Version::V5), site.backend(Version::V5));
    ages_in_the_log(&site);
    assert_eq!(device.expect(Kind::Disconnect).reason_code(), 0x98);
    assert_eq!(device.hear(PATIENCE), Heard::Closed);
    let line = site.broker.log().line(Mark::START, |line| line["event"] == "session_closed");
    assert_eq!((line["identity"].as_str(), line["reason"].as_str()), (Some("dev-1"), Some("stale_crl")));
    assert!(backend.is_alive(), "services have their own list");
}

#[test]
fn with_alarm_a_stale_list_is_only_warned_about() {
    let site = Site::configured(PROGRAMS, |fleet| short_lived(fleet, "alarm", 6));
    let thief = site.fleet.device("dev-2");
    let mut device = site.dev_1(Version::V5);
    ages_in_the_log(&site);
    assert!(device.is_alive());
    assert!(site.connect(&thief, &Connect::new(Version::V5, "dev-2")).is_alive());
}

#[test]
fn a_broker_that_starts_on_a_stale_list_lets_nobody_in_and_says_so() {
    let site = Site::configured(PROGRAMS, |fleet| {
        short_lived(fleet, "deny-new", 0);
        std::thread::sleep(Duration::from_millis(2500));
    });
    let mark = site.broker.log().mark();
    let (_, heard) =
        Client::attempt(site.address(), &site.tls(&site.device), &Connect::new(Version::V5, "dev-1"));
    assert_eq!(heard, Heard::Alert(AlertDescription::UnknownCA));
    assert_eq!(site.broker.log().refusal(mark)["reason"], "stale_crl");
    site.broker.log().complaint(Mark::START, "stale");
}

/// The certificate the broker shows to newcomers.
fn shown(site: &Site) -> CertificateDer<'static> {
    site.backend(Version::V5).broker_certificate()
}

#[test]
fn a_new_broker_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let site = Site::new(PROGRAMS);
    let mut device = site.dev_1(Version::V5);
    let first = shown(&site);
    let in_force = |line: &serde_json::Value| line.to_string().contains("server certificate in force");
    // The first one is read again soon after the start.
    site.broker.log().line(Mark::START, in_force);
    let mark = site.broker.log().mark();
    site.fleet.provision(&["broker-cert"]).stdout_of_success();
    site.broker.log().line(mark, in_force);
    let second = shown(&site);
    assert_ne!(first, second);

    let good = fs::read(site.fleet.file("broker/cert.pem")).expect("the certificate");
    let foreign = fs::read(&site.device.certificate).expect("a certificate");
    for (what, content) in
        [("another key's", foreign), ("nothing", b"nothing".to_vec()), ("empty", Vec::new())]
    {
        let mark = site.broker.log().mark();
        site.fleet.replace("broker/cert.pem", &content);
        site.broker.log().complaint(mark, "server certificate refused");
        assert_eq!(shown(&site), second, "{what}");
    }
    site.fleet.replace("broker/cert.pem", &good);
    assert!(device.is_alive(), "sessions go on");
}

#[test]
fn a_session_ends_with_its_certificate() {
    let site = Site::new(PROGRAMS);
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let soon = now() + Duration::from_secs(6);
    let mortal = insider.altered("dev-2", |params| params.not_after = soon);
    let mut client = site.connect(&mortal, &Connect::new(Version::V5, "dev-2"));
    let mut other = site.dev_1(Version::V5);
    assert_eq!(client.hear(Duration::from_secs(1)), Heard::Silence);
    let ending = site.broker.log().mark();
    while now() <= soon {
        std::thread::sleep(Duration::from_millis(200));
    }
    let mark = site.broker.log().mark();
    let (_, heard) = Client::attempt(site.address(), &site.tls(&mortal), &Connect::new(Version::V5, "dev-2"));
    assert_eq!(heard, Heard::Alert(AlertDescription::CertificateExpired));
    assert_eq!(site.broker.log().refusal(mark)["reason"], "expired");

    assert_eq!(client.expect(Kind::Disconnect).reason_code(), 0x87);
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
    let closed = site.broker.log().line(ending, |line| line["event"] == "session_closed");
    assert_eq!((closed["identity"].as_str(), closed["reason"].as_str()), (Some("dev-2"), Some("expired")));
    assert!(other.is_alive());
}

#[test]
fn no_client_is_admitted_under_an_anchor_that_has_expired_meanwhile() {
    let fleet = Fleet::new(PROGRAMS);
    let ends = now() + Duration::from_secs(8);
    let (authority, anchor) = Forger::authority(&fleet, |params| params.not_after = ends);
    fleet.replace("device-ca/issuing.pem", anchor.as_bytes());
    fleet.replace("crl/device-ca.crl", authority.crl(&Crl::fresh()).as_bytes());
    let broker = Broker::start(&fleet);
    let tls = Tls::new(&fleet, Some(&authority.certificate("dev-1")));
    let connect = Connect::new(Version::V5, "dev-1");
    assert!(Client::connect(broker.address(), &tls, &connect).is_alive());
    while now() <= ends {
        std::thread::sleep(Duration::from_millis(200));
    }
    let mark = broker.log().mark();
    let (_, heard) = Client::attempt(broker.address(), &tls, &connect);
    assert_eq!(heard, Heard::Alert(AlertDescription::CertificateExpired));
    assert_eq!(broker.log().refusal(mark)["reason"], "expired");
}
