//! The certificate that the broker itself presents: watched like those of its clients.

#![forbid(unsafe_code)]

use integration_tests::broker::{Mark, operate};
use integration_tests::credential::Credential;
use integration_tests::mqtt::Version;
use integration_tests::pki::{Forger, now};
use integration_tests::program::Programs;
use integration_tests::site::Site;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, SanType};
use serde_json::Value;
use time::Duration;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// What the log says of one that is not taken.
const REFUSED: &str = "server certificate refused, the present one stays in force";

/// What `status` says of the certificate.
fn certificate(site: &Site) -> Value {
    operate(&site.fleet, "status", &["--json"]).json()["listeners"][0]["server_certificate"].clone()
}

fn issue(site: &Site, args: &[&str]) -> Mark {
    let mark = site.broker.log().mark();
    let issued = site.fleet.provision(&[&["broker-cert"], args].concat());
    assert_eq!(issued.code, 0, "{}", issued.stderr);
    site.broker.log().line(mark, |line| line.to_string().contains("server certificate in force"));
    mark
}

fn put(site: &Site, credential: &Credential) {
    let read = |file| std::fs::read(file).expect("the forger wrote it");
    site.fleet.replace("broker/key.pem", &read(&credential.key));
    site.fleet.replace("broker/cert.pem", &read(&credential.certificate));
}

#[test]
fn its_end_is_warned_of_30_14_3_and_1_days_ahead_and_status_and_check_show_what_it_is() {
    let site = Site::new(PROGRAMS);
    let fresh = certificate(&site);
    assert_eq!(
        (&fresh["names"], &fresh["key"]),
        (&serde_json::json!(["localhost", "127.0.0.1"]), &"P-256".into())
    );
    assert_eq!(fresh["warnings"], serde_json::json!([]));
    assert!(operate(&site.fleet, "status", &[]).stdout.contains("localhost 127.0.0.1 (P-256), since "));
    for (days, is_near) in
        [("31", false), ("30", true), ("14", true), ("3", true), ("1", true), ("90", false)]
    {
        let mark = issue(&site, &["--days", days]);
        let warnings = certificate(&site)["warnings"].to_string();
        assert_eq!(warnings.contains("issue a new one"), is_near, "{days} days: {warnings}");
        let checked = operate(&site.fleet, "check", &[]);
        assert_eq!(checked.code, 0, "{days} days: {}", checked.stderr);
        assert_eq!(checked.stdout.contains("issue a new one"), is_near, "{days} days: {}", checked.stdout);
        if is_near {
            site.broker.log().complaint(mark, "issue a new one");
        }
    }
    // It is in force, and clients that ask for the old name are refused by themselves.
    let mark = issue(&site, &["--only", "--host", "broker.example"]);
    site.broker.log().complaint(mark, "is no longer for localhost 127.0.0.1");
    assert_eq!(certificate(&site)["names"], serde_json::json!(["broker.example"]));
    issue(&site, &["--only", "--host", "localhost"]);
    assert!(site.dev_1(Version::V5).is_alive());
}

/// A certificate that every client refuses does not replace one that they accept.
#[test]
fn a_worse_one_is_refused_and_named_and_the_present_one_stays() {
    type Change = fn(&mut CertificateParams);
    // The forger makes certificates of clients.
    let server: Change = |params| {
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().expect("a name"))];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let worse: [(Change, &str); 3] = [
        (|params| params.not_after = now() - Duration::days(1), "it ended at"),
        (|params| params.not_before = now() + Duration::days(1), "it begins only at"),
        (
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            "does not name server authentication",
        ),
    ];
    let site = Site::new(PROGRAMS);
    let before = certificate(&site);
    let forger = Forger::with_key_of(&site.fleet, "broker-ca");
    let good: Vec<_> = ["broker/cert.pem", "broker/key.pem"]
        .map(|file| (file, std::fs::read(site.fleet.file(file)).expect("it is there")))
        .into();
    for (change, fault) in worse {
        let altered = forger.altered("broker", |params| {
            server(params);
            change(params);
        });
        let mark = site.broker.log().mark();
        put(&site, &altered);
        site.broker
            .log()
            .line(mark, |line| line.to_string().contains(REFUSED) && line.to_string().contains(fault));
        assert_eq!(certificate(&site)["not_after"], before["not_after"], "{fault}");
        let status = operate(&site.fleet, "status", &[]).stdout;
        assert!(status.contains("refused") && status.contains(fault), "{fault}: {status}");
        let reload = operate(&site.fleet, "reload", &[]);
        assert!(reload.code == 3 && reload.stderr.contains(fault), "{fault}: {}", reload.stderr);
        let checked = operate(&site.fleet, "check", &[]);
        assert!(checked.code == 3 && checked.stderr.contains(fault), "{fault}: {}", checked.stderr);
        assert!(site.dev_1(Version::V5).is_alive(), "{fault}");
    }
    for (file, content) in &good {
        site.fleet.replace(file, content);
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while operate(&site.fleet, "status", &["--json"]).json()["listeners"][0]["refused"]
        != serde_json::json!([])
    {
        assert!(std::time::Instant::now() < deadline, "it is put right");
    }
    // What other clients may accept is taken, and warned of.
    let tolerated: [(Change, &str); 3] = [
        (|params| params.subject_alt_names.clear(), "no other name"),
        (|params| params.extended_key_usages.clear(), "does not name server authentication"),
        (|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained), "a CA certificate"),
    ];
    for (change, fault) in tolerated {
        let altered = forger.altered("broker", |params| {
            server(params);
            change(params);
        });
        let mark = site.broker.log().mark();
        put(&site, &altered);
        site.broker.log().complaint(mark, fault);
        assert!(certificate(&site)["warnings"].to_string().contains(fault), "{fault}");
        let checked = operate(&site.fleet, "check", &[]);
        assert!(checked.code == 0 && checked.stdout.contains(fault), "{fault}: {}", checked.stderr);
    }
}
