//! A refusal says what it is for, to whoever has to mend it.

use std::fs;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::site::Site;
use rcgen::CrlDistributionPoint;
use rustls::AlertDescription;

use crate::PROGRAMS;
use crate::lists::{LIST, LIST_KEY, sign};
use crate::visit::met;

/// The certificate does name a list. The words name it, and say what is amiss with it.
#[test]
fn a_client_whose_list_is_not_held_is_told_from_one_that_names_none() {
    const HELD: &str = "http://crl.example/1.crl";
    const MISSING: &str = "http://crl.example/2.crl";
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(LIST_KEY, &format!("{LIST_KEY}\ncrl-idp = [\"{HELD}\"]"));
        sign(fleet, &Crl { distribution_point: Some(HELD.to_owned()), ..Crl::fresh() });
    });
    let issuer = Forger::with_key_of(&site.fleet, "device-ca");
    let naming = |id: &str, url: &str| {
        issuer.altered(id, |params| {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.to_owned()] }];
        })
    };
    let (held, missing) = (naming("dev-2", HELD), naming("dev-3", MISSING));
    assert_eq!(met(&site, &held, "dev-2"), "in");
    assert_eq!(met(&site, &site.device, "dev-1"), "in", "it names none, and the only list has its CA");
    let mark = site.broker.log().mark();
    assert_eq!(met(&site, &missing, "dev-3"), "stale_crl");
    let said = site.broker.log().refusal(mark)["evidence"].to_string();
    assert!(said.contains(&format!("names the list at {MISSING}, which this trust does not hold")), "{said}");
    let certificate = missing.certificate.display().to_string();
    let explained = operate(&site.fleet, "explain", &["--cert", &certificate]);
    assert!(explained.code == 6 && explained.stdout.contains(MISSING), "{}", explained.stdout);
}

/// What keeps everybody out is found before anybody comes: by `check`, by the start, and by the reload that would bring it in.
#[test]
fn a_list_that_would_keep_everybody_out_is_found_when_it_is_loaded() {
    let site = Site::new(PROGRAMS);
    let mut session = site.dev_1(Version::V5);
    let good = fs::read(site.fleet.file(LIST)).expect("the list");
    let root = Forger::with_root_key_of(&site.fleet, "device-ca");
    for (what, list, words) in [
        (
            "of the root instead of the CA that issued the devices",
            root.crl(&Crl::fresh()),
            "no CA of this trust",
        ),
        (
            "of somebody with the same name",
            Forger::named_like(&site.fleet, "device-ca").crl(&Crl::fresh()),
            "signature",
        ),
    ] {
        let mark = site.broker.log().mark();
        site.fleet.replace(LIST, list.as_bytes());
        let complaint = site.broker.log().complaint(mark, "refused").to_string();
        assert!(complaint.contains(words) && complaint.contains(LIST), "{what}: {complaint}");
        for command in ["check", "reload"] {
            let refused = operate(&site.fleet, command, &[]);
            assert_eq!(refused.code, 3, "{what}: {command}: {}", refused.stderr);
            assert!(
                refused.stderr.contains(words) && refused.stderr.contains("help: "),
                "{what}: {}",
                refused.stderr
            );
        }
        assert!(session.is_alive(), "{what}");
        site.fleet.replace(LIST, &good);
        let fresh = Fleet::new(PROGRAMS);
        fs::remove_file(fresh.file("crl/service-ca.crl")).expect("a file can be removed");
        fresh.replace(LIST, list.as_bytes());
        assert_eq!(Broker::refuse_to_start(&fresh).code, 3, "{what}: nothing can be let in");
    }

    // One of a day's validity that has passed, the day after: the client hears what OpenSSL says, and the operator why.
    let fleet = Fleet::new(PROGRAMS);
    fleet.configure("stale-grace = \"24h\"", "stale-grace = \"1h\"");
    sign(&fleet, &Crl::fresh().valid(now() - 3 * DAY, now() - 2 * DAY));
    let checked = operate(&fleet, "check", &[]);
    assert!(
        checked.stdout.contains("stale") || checked.stderr.contains("stale"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    let (device, broker) = (fleet.device("dev-1"), Broker::start(&fleet));
    let mark = broker.log().mark();
    let tls = Tls::new(&fleet, Some(&device));
    let (_, heard) = Client::attempt(broker.address(), &tls, &Connect::new(Version::V5, "dev-1"));
    assert_eq!(heard, Heard::Alert(AlertDescription::UnknownCA));
    assert_eq!(broker.log().refusal(mark)["reason"], "stale_crl");
}

/// From an empty directory to the first message, without a key of the configuration; and when a topic is wrong, the policy
/// that decided is named.
#[test]
fn certificates_and_topics_work_at_the_first_attempt_and_explain_says_why_when_not() {
    let site = Site::new(PROGRAMS);
    let certificate = site.device.certificate.display().to_string();
    let mut service = site.backend(Version::V5);
    assert_eq!(service.subscribe("devices/+/telemetry/#", 1), 1);
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.publish("devices/dev-1/telemetry/rpm", "1480"), 0);
    assert_eq!(service.receive().payload, "1480");

    for (topic, reason) in [("devices/dev-1/telemetry/rpm", None), ("dev-1/rpm", Some("topic_denied"))] {
        let explained =
            operate(&site.fleet, "explain", &["--json", "--cert", &certificate, "--publish", topic]);
        let explained = explained.json();
        assert_eq!(explained["reason"].as_str(), reason, "{explained}");
        assert_eq!(explained["running"]["reason"].as_str(), reason, "{explained}");
        assert_eq!(explained["policy"], "devices", "{explained}");
    }
    let mark = site.broker.log().mark();
    assert_eq!(device.publish("dev-1/rpm", "1480"), 0x87);
    let line = site.broker.log().refusal(mark);
    for (key, value) in [
        ("event", "publish"),
        ("reason", "topic_denied"),
        ("policy", "devices"),
        ("identity", "dev-1"),
        ("topic", "dev-1/rpm"),
    ] {
        assert_eq!(line[key], value, "{line}");
    }
    // Nobody's policy: that is said too, and not that some chain is exhausted.
    site.fleet.configure(
        "match = { trust = \"device-ca\" }",
        "match = { trust = \"device-ca\", identity = \"dev-9\" }",
    );
    operate(&site.fleet, "reload", &[]).stdout_of_success();
    let mark = site.broker.log().mark();
    assert_ne!(met(&site, &site.device, "dev-1"), "in");
    let line = site.broker.log().refusal(mark);
    assert!(line["evidence"].as_str().is_some_and(|evidence| evidence.contains("policy")), "{line}");
}
