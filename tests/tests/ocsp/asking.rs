//! Whom the broker asks, how often, and whom it does not.

use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, Tls};
use integration_tests::mqtt::{Connect, Version};

use crate::conduct::Conduct;
use crate::place::Place;
use crate::responder::Responder;
use integration_tests::ocsp_authority::Status;

#[test]
fn ten_connections_at_once_are_one_question() {
    let place = Place::new("require");
    let device = place.device("dev-1", Conduct::GoodAfter(Duration::from_secs(1)));
    // Ten sessions of one device, none of which takes another's place.
    place.fleet.configure("client-id = \"must-equal\"", "client-id = \"must-start-with\"");
    // Live sessions are asked about again, which would be counted too.
    place.fleet.configure("interval = \"1s\"", "interval = \"1h\"");
    let broker = place.start();
    let codes: Vec<u8> = std::thread::scope(|scope| {
        let tls = Tls::new(&place.fleet, Some(&device));
        let attempts: Vec<_> = (0..10)
            .map(|number| {
                let (tls, address) = (tls.clone(), broker.address());
                scope.spawn(move || {
                    let id = format!("dev-1/{number}");
                    match Client::attempt(address, &tls, &Connect::new(Version::V5, &id)) {
                        (_, Heard::Packet(packet)) => packet.reason_code(),
                        (_, heard) => panic!("{heard:?}"),
                    }
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect()
    });
    assert_eq!(codes, [0; 10]);
    assert_eq!(place.responder.asked("dev-1"), 1);

    // The answer counts for an hour, and a good one needs no other.
    for version in Version::ALL {
        assert_eq!(place.met(&broker, &device, "dev-1", version), "in");
    }
    assert_eq!(place.responder.asked("dev-1"), 1);
}

/// One question takes five seconds, whoever waits for it.
#[test]
fn nobody_waits_for_longer_than_one_question_takes() {
    let place = Place::new("prefer");
    let device = place.device("dev-1", Conduct::Hangs);
    let other = place.device("dev-2", Conduct::Says(Status::Good));
    let broker = place.start();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each takes the session of the one before over.
                let tls = Tls::new(&place.fleet, Some(&device));
                let heard = Client::attempt(broker.address(), &tls, &Connect::new(Version::V5, "dev-1")).1;
                assert!(matches!(&heard, Heard::Packet(packet) if packet.reason_code() == 0), "{heard:?}");
                let waited = begin.elapsed();
                assert!((4..8).contains(&waited.as_secs()), "{waited:?}");
            });
        }
        // Another responder, by its URL, is asked meanwhile.
        assert_eq!(place.met(&broker, &other, "dev-2", Version::V5), "in");
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    });
    assert_eq!(place.responder.asked("dev-1"), 1);
    // It is left alone for two seconds.
    let begin = Instant::now();
    assert_eq!(place.met(&broker, &device, "dev-1", Version::V5), "in");
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[test]
fn a_certificate_that_names_no_responder_is_asked_about_at_the_first_that_is_allowed() {
    let place = Place::new("require");
    let device = place.fleet.device("dev-1");
    place.responder.knows("", &device, Conduct::Says(Status::Good));
    let broker = place.start();
    assert_eq!(place.met(&broker, &device, "dev-1", Version::V5), "in");
    assert!(place.responder.asked("") > 0);
}

#[test]
fn a_responder_that_is_not_allowed_is_never_asked() {
    let place = Place::new("require");
    let elsewhere = Responder::start(&place.fleet);
    let device = place.device_asked_about_at("dev-1", &elsewhere.url("dev-1"));
    elsewhere.knows("dev-1", &device, Conduct::Says(Status::Good));
    // Not even where it would be asked without a name.
    place.responder.knows("", &device, Conduct::Says(Status::Good));
    let broker = place.start();
    for version in Version::ALL {
        assert_eq!(place.met(&broker, &device, "dev-1", version), "0x87 ocsp_unavailable");
    }
    assert_eq!((elsewhere.asked("dev-1"), place.responder.asked("")), (0, 0));
}

/// Who has proven nothing makes the broker connect to nobody.
#[test]
fn nobody_is_asked_about_a_certificate_that_is_not_proven() {
    let place = Place::new("require");
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    let stranger = integration_tests::pki::Forger::named_like(&place.fleet, "device-ca").certificate("dev-1");
    place.responder.knows("", &stranger, Conduct::Says(Status::Good));
    let broker = place.start();
    assert_ne!(place.met(&broker, &stranger, "dev-1", Version::V5), "in");
    assert_eq!(place.responder.asked(""), 0);
}

#[test]
fn a_device_is_let_in_again_when_its_responder_is_back() {
    let place = Place::new("require");
    let device = place.device("dev-1", Conduct::Fails(503));
    let broker = place.start();
    assert_eq!(place.met(&broker, &device, "dev-1", Version::V5), "0x87 ocsp_unavailable");
    place.responder.set("dev-1", Conduct::Says(Status::Good));
    let begin = Instant::now();
    while place.met(&broker, &device, "dev-1", Version::V5) != "in" {
        assert!(begin.elapsed() < Duration::from_secs(5), "it is still refused");
        std::thread::sleep(Duration::from_millis(50));
    }
    broker.log().line(integration_tests::broker::Mark::START, |line| {
        line.to_string().contains("an OCSP responder answers again")
    });
}

/// In permissive mode it is a verdict, which policies decide about.
#[test]
fn in_permissive_mode_a_revoked_client_has_a_verdict() {
    let place = Place::new("require");
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    let lobby = "[[policy]]\nname = \"lobby\"\nmatch = { verdict = \"FAILED:revoked\" }\naction = \"quarantine\"\n\
                 client-id = \"free\"\npublish = [\"lobby\"]\n\n";
    let first = "[[policy]]\nname = \"devices\"";
    place.fleet.configure(first, &format!("{lobby}{first}"));
    let revoked = place.device("dev-1", Conduct::Says(Status::Revoked));
    let unknown = place.device("dev-2", Conduct::Says(Status::Unknown));
    let broker = place.start();
    let mut client = place.session(&broker, &revoked, "dev-1");
    assert_eq!(client.publish("lobby", "x"), 0);
    assert_eq!(client.publish("devices/dev-1/status", "x"), 0x87);
    let said = place.explained(&revoked, &["--client-id", "dev-1"]);
    assert_eq!(said["running"]["verdict"], "FAILED:revoked", "{said}");
    assert!(place.met(&broker, &unknown, "dev-2", Version::V5).starts_with("0x87"));
}
