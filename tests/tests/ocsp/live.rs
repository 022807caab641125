//! Sessions and what becomes of them when an answer turns, ends, or is wanted for the first time.

use std::time::{Duration, Instant};

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{Kind, Version};

use crate::conduct::Conduct;
use crate::place::Place;
use integration_tests::ocsp_authority::Status;

/// The interval, and a machine with something else to do.
const REFRESH: Duration = Duration::from_secs(4);

#[track_caller]
fn has_ended(client: &mut Client) {
    assert_eq!(client.expect(Kind::Disconnect).reason_code(), 0x98);
    assert_eq!(client.hear(PATIENCE), Heard::Closed);
}

#[test]
fn a_session_ends_when_its_good_answer_turns_and_no_other_does() {
    for (status, reason) in
        [(Status::Revoked, "revoked"), (Status::OnHold, "suspended"), (Status::Unknown, "ocsp_unavailable")]
    {
        let place = Place::new("prefer");
        let device = place.device("dev-1", Conduct::Says(Status::Good));
        let other = place.device("dev-2", Conduct::Says(Status::Good));
        let broker = place.start();
        let mut session = place.session(&broker, &device, "dev-1");
        let mut others = place.session(&broker, &other, "dev-2");
        place.responder.wait_for_question("dev-1");
        assert!(session.is_alive());
        let mark = broker.log().mark();
        place.responder.set("dev-1", Conduct::Says(status));
        let begin = Instant::now();
        has_ended(&mut session);
        println!("{status:?}: closed {} ms after the CA knew", begin.elapsed().as_millis());
        assert!(begin.elapsed() < REFRESH, "{:?}", begin.elapsed());
        let line = broker.log().line(mark, |line| line["event"] == "session_closed");
        assert_eq!((&line["identity"], &line["reason"]), (&"dev-1".into(), &reason.into()), "{line}");
        place.responder.wait_for_question("dev-2");
        assert!(others.is_alive(), "it did nothing wrong");
        assert_eq!(place.met(&broker, &device, "dev-1", Version::V5), format!("0x87 {reason}"));
    }
}

/// Its answer counts until nextUpdate, whatever becomes of later questions.
#[test]
fn a_silent_responder_ends_no_session_before_its_answer_ends() {
    for (mode, conduct) in [
        ("prefer", Conduct::Hangs),
        ("require", Conduct::Hangs),
        ("require", Conduct::Fails(500)),
        ("require", Conduct::Replayed),
    ] {
        let place = Place::new(mode);
        let device = place.device("dev-1", Conduct::GoodFor(Duration::from_secs(9)));
        let broker = place.start();
        let mut session = place.session(&broker, &device, "dev-1");
        let answered = Instant::now();
        place.responder.set("dev-1", conduct);
        while answered.elapsed() < Duration::from_secs(7) {
            assert!(session.is_alive(), "{mode}, {conduct:?}, after {:?}", answered.elapsed());
            std::thread::sleep(Duration::from_millis(250));
        }
        assert!(place.responder.asked("dev-1") > 1, "it was asked again");
        if mode == "require" {
            has_ended(&mut session);
            assert!(answered.elapsed() < Duration::from_secs(12), "{:?}", answered.elapsed());
            assert_eq!(place.met(&broker, &device, "dev-1", Version::V5), "0x87 ocsp_unavailable");
        } else {
            std::thread::sleep(Duration::from_secs(4));
            assert!(session.is_alive(), "the revocation list decides");
        }
    }
}

/// Sessions that were there before anybody asked are not thrown out for that, unless their CA says so, or says nothing.
#[test]
fn a_reload_has_live_sessions_asked_about() {
    let place = Place::new("off");
    let conducts = [Conduct::Says(Status::Good), Conduct::Says(Status::Revoked), Conduct::Hangs];
    let ids = ["dev-1", "dev-2", "dev-3"];
    let devices: Vec<_> = ids.iter().zip(conducts).map(|(id, conduct)| place.device(id, conduct)).collect();
    let broker = place.start();
    let mut sessions: Vec<Client> =
        ids.iter().zip(&devices).map(|(id, device)| place.session(&broker, device, id)).collect();
    let reasons = place.asking("require");
    place.fleet.configure("name = \"device-ca\"\n", &format!("name = \"device-ca\"\n{reasons}"));
    let begin = Instant::now();
    operate(&place.fleet, "reload", &[]).stdout_of_success();
    has_ended(&mut sessions[1]);
    assert!(begin.elapsed() < REFRESH, "{:?}", begin.elapsed());
    assert!(sessions[2].is_alive(), "its responder has five seconds");
    has_ended(&mut sessions[2]);
    assert!((4..10).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert!(sessions[0].is_alive(), "it is good");
    assert_eq!(place.met(&broker, &devices[2], "dev-3", Version::V5), "0x87 ocsp_unavailable");
}
