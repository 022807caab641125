//! The clock of the broker is a day off, and that of the responder is not.

use std::time::{Duration, Instant};

use integration_tests::broker::Broker;
use integration_tests::client::{Client, PATIENCE};
use integration_tests::mqtt::{Kind, Version};
use integration_tests::ocsp_authority::Status;
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::turned_clock::TurnedClock;

use crate::conduct::Conduct;
use crate::place::Place;

/// A fleet whose lists are half an hour old: so far a clock that was set back is not known to be behind, and that is more
/// than the clocks of a responder and its host may differ by.
fn place(mode: &str) -> Place {
    let place = Place::new(mode);
    for authority in ["device-ca", "service-ca"] {
        let signed = now() - Duration::from_secs(1800);
        let list =
            Forger::with_key_of(&place.fleet, authority).crl(&Crl::fresh().valid(signed, now() + 7 * DAY));
        place.fleet.replace(&format!("crl/{authority}.crl"), list.as_bytes());
    }
    place
}

fn turn(clock: &TurnedClock, broker: &Broker, offset: &str) {
    let mark = broker.log().mark();
    clock.turn(offset);
    broker.log().complaint(mark, "the clock was set");
}

#[track_caller]
fn stays(session: &mut Client, what: &str) {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        assert!(session.is_alive(), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
fn ends(session: &mut Client) {
    assert_eq!(session.expect(Kind::Disconnect).reason_code(), 0x98);
}

/// The lists say that the clock is behind, so what the responder says is of now, and not of the future.
#[test]
fn a_clock_that_is_known_to_be_a_day_behind_keeps_no_answer_out() {
    for mode in ["prefer", "require"] {
        let place = place(mode);
        let Some(clock) = TurnedClock::beside(&place.fleet) else { return };
        let conducts = [Status::Good, Status::Good, Status::Revoked].map(Conduct::Says);
        let ids = ["dev-1", "dev-2", "dev-3"];
        let [first, second, third] = [0, 1, 2].map(|at| place.device(ids[at], conducts[at]));
        let broker = Broker::start_altered(&place.fleet, 1, |command| clock.shown_to(command));
        let mut session = place.session(&broker, &first, "dev-1");
        turn(&clock, &broker, "-1d");
        stays(&mut session, mode);
        assert_eq!(place.met(&broker, &second, "dev-2", Version::V5), "in", "{mode}");
        assert_eq!(place.met(&broker, &third, "dev-3", Version::V5), "0x87 revoked", "{mode}");
        let since = Instant::now();
        place.responder.set("dev-1", Conduct::Says(Status::Revoked));
        ends(&mut session);
        assert!(since.elapsed() < Duration::from_secs(5), "{mode}: {:?}", since.elapsed());
        turn(&clock, &broker, "+0");
        assert_eq!(place.met(&broker, &second, "dev-2", Version::V5), "in", "{mode}");
        assert_eq!(place.met(&broker, &first, "dev-1", Version::V5), "0x87 revoked", "{mode}");
    }
}

/// As of a day later the answers have ended, and so has every new one: that is what the clock says, and no list has said
/// otherwise. When it is right again, all is as before.
#[test]
fn by_a_clock_a_day_ahead_answers_have_ended_and_nothing_of_that_is_left_when_it_is_right() {
    for mode in ["prefer", "require"] {
        let place = place(mode);
        let Some(clock) = TurnedClock::beside(&place.fleet) else { return };
        let [first, second] = ["dev-1", "dev-2"].map(|id| place.device(id, Conduct::Says(Status::Good)));
        let broker = Broker::start_altered(&place.fleet, 1, |command| clock.shown_to(command));
        let mut session = place.session(&broker, &first, "dev-1");
        turn(&clock, &broker, "+1d");
        if mode == "require" {
            ends(&mut session);
            assert_eq!(place.met(&broker, &second, "dev-2", Version::V5), "0x87 ocsp_unavailable");
        } else {
            stays(&mut session, "the revocation list decides");
            assert_eq!(place.met(&broker, &second, "dev-2", Version::V5), "in");
        }
        turn(&clock, &broker, "+0");
        let since = Instant::now();
        for (id, device) in [("dev-1", &first), ("dev-2", &second)] {
            while place.met(&broker, device, id, Version::V5) != "in" {
                assert!(since.elapsed() < PATIENCE, "{mode}: {id} is still kept out");
            }
        }
        let mut session = place.session(&broker, &second, "dev-2");
        stays(&mut session, mode);
    }
}
