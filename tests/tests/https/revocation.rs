//! Every request is decided anew, and a running answer ends with the proof that it rests on.

use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::pki::{Forger, now};

use crate::place::{FILES, Listener, Place};

const DOWNLOAD: &[u8] = b"GET /files/endless HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_connection_that_is_kept_outlives_no_revocation() {
    let place = Place::new();
    let mut device = place.device();
    let mut service = place.service();
    assert_eq!(device.get("/files/a", "").expect("an answer").status, 200);
    let mark = place.site.broker.log().mark();
    place.site.fleet.revoke("dev-1");
    place.site.broker.log().line(mark, |line| line["entries"] == 1);
    let refused = device.get("/files/a", "").expect("an answer");
    assert_eq!((refused.status, &refused.json()["reason"]), (403, &"revoked".into()), "{refused:?}");
    assert!(device.has_ended());
    assert_eq!(place.site.broker.log().refusal(mark)["event"], "http");
    assert_eq!(service.get("/files/a", "").expect("an answer").status, 200, "nobody else is touched");
    assert_eq!(place.origin.received().len(), 2);
}

#[test]
fn a_running_download_is_cut_within_a_second() {
    let place = Place::new();
    for target in ["/files/endless", "/files/flood"] {
        let device = place.site.fleet.device(&format!("dev-{}", target.len()));
        let mut downloading = place.caller(Some(&device));
        let mut other = place.service();
        for caller in [&mut downloading, &mut other] {
            caller.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
            assert!(caller.read_more());
        }
        let mark = place.site.broker.log().mark();
        place.site.fleet.revoke(&format!("dev-{}", target.len()));
        place.site.broker.log().line(mark, |line| line["entries"].as_u64() > Some(0));
        let since = Instant::now();
        while downloading.read_more() {
            assert!(since.elapsed() < Duration::from_secs(3), "it goes on");
        }
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        let line = place.site.broker.log().line(mark, |line| line["note"] == "the answer was cut");
        assert_eq!((&line["reason"], &line["outcome"]), (&"revoked".into(), &"refused".into()), "{line}");
        // The head has said that there is more, and somebody else's goes on.
        let answer = downloading.answer(true).expect("an answer");
        assert!(answer.status == 200 && !answer.is_whole);
        assert!(other.read_more());
    }
}

/// What has not been read when the certificate is revoked is not read later: the connection is reset, and not ended.
#[test]
fn what_a_slow_reader_has_not_read_is_not_sent() {
    let place = Place::new();
    let mut downloading = place.device();
    downloading.send(b"GET /files/flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(downloading.read_more());
    std::thread::sleep(Duration::from_millis(500));
    let mark = place.site.broker.log().mark();
    place.site.fleet.revoke("dev-1");
    place.site.broker.log().line(mark, |line| line["note"] == "the answer was cut");
    let answer = downloading.answer(true).expect("what had come");
    assert!(!answer.is_whole);
}

#[test]
fn a_certificate_that_ends_ends_what_it_has_begun() {
    let place = Place::new();
    let insider = Forger::with_key_of(&place.site.fleet, "device-ca");
    let short = insider.altered("dev-1", |params| params.not_after = now() + Duration::from_secs(4));
    let mut downloading = place.caller(Some(&short));
    downloading.send(DOWNLOAD);
    let since = Instant::now();
    while downloading.read_more() {
        assert!(since.elapsed() < Duration::from_secs(8), "it goes on");
    }
    assert!(since.elapsed() > Duration::from_secs(1), "{:?}", since.elapsed());
}

#[test]
fn rules_are_swapped_by_reload_and_running_answers_are_judged_by_them() {
    let place = Place::new();
    let mut kept = place.device();
    let mut downloading = place.device();
    assert_eq!(kept.get("/files/a", "").expect("an answer").status, 200);
    downloading.send(DOWNLOAD);
    assert!(downloading.read_more());
    place.site.fleet.configure("policies = [\"devices\", \"services\"]", "policies = [\"services\"]");
    assert_eq!(operate(&place.site.fleet, "reload", &[]).code, 0);
    let refused = kept.get("/files/a", "").expect("an answer");
    assert_eq!((refused.status, &refused.json()["reason"]), (403, &"policy_denied".into()));
    assert_eq!(kept.get("/.well-known/countersign", "").expect("the connection goes on").status, 200);
    let since = Instant::now();
    while downloading.read_more() {
        assert!(since.elapsed() < Duration::from_secs(3), "it goes on");
    }
    // What needs a restart is named, and nothing changes.
    place
        .site
        .fleet
        .configure("upstream = \"http://", "idle-timeout = \"7s\"\nupstream = \"http://localhost.");
    let refused = operate(&place.site.fleet, "reload", &[]);
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains("upstream, or [listener.upstream-tls], of [[listener]] 1"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("idle-timeout of [[listener]] 1"), "{}", refused.stderr);
}

/// A verdict that becomes another one is another answer, for the next request and for the one that runs.
#[test]
fn the_verdict_of_an_unproven_client_is_looked_at_again() {
    let policies =
        "[[policy]]\nname = \"late\"\nmatch = { verdict = \"FAILED:expired\" }\naction = \"allow\"\n\n";
    let tables = FILES.replace("\"devices\", ", "\"devices\", \"late\", ");
    let place =
        Place::with(Listener { mode: "permissive", policies, tables: &tables, ..Listener::default() });
    let insider = Forger::with_key_of(&place.site.fleet, "device-ca");
    let late = insider.altered("dev-1", |params| {
        params.not_before = now() - 30 * integration_tests::pki::DAY;
        params.not_after = now() - integration_tests::pki::DAY;
    });
    let (mut kept, mut downloading) = (place.caller(Some(&late)), place.caller(Some(&late)));
    assert_eq!(kept.get("/files/a", "").expect("an answer").status, 200);
    downloading.send(DOWNLOAD);
    assert!(downloading.read_more());
    let list =
        integration_tests::pki::Crl { revoked: vec![late.serial()], ..integration_tests::pki::Crl::fresh() };
    let mark = place.site.broker.log().mark();
    place.site.fleet.replace("crl/device-ca.crl", insider.crl(&list).as_bytes());
    place.site.broker.log().line(mark, |line| line["note"] == "the answer was cut");
    while downloading.read_more() {}
    let refused = kept.get("/files/a", "").expect("an answer");
    assert_eq!((refused.status, &refused.json()["reason"]), (403, &"policy_denied".into()));
}
