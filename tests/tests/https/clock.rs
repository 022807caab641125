//! The clock of the broker is set while requests are answered.

use std::time::{Duration, Instant};

use integration_tests::broker::Broker;
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::http_origin::HttpOrigin;
use integration_tests::pki::{DAY, Forger, now};
use integration_tests::turned_clock::TurnedClock;

use crate::PROGRAMS;
use crate::place::{Listener, configure};

/// Back, it changes nothing; ahead, whoever's certificate has ended by it is cut off, and nobody else.
#[test]
fn a_clock_a_day_behind_cuts_nobody_off_and_a_day_ahead_those_whose_certificate_has_ended() {
    let origin = HttpOrigin::start();
    let fleet = Fleet::new(PROGRAMS);
    let Some(clock) = TurnedClock::beside(&fleet) else { return };
    configure(&fleet, Listener::default(), Some(&origin.url()));
    let device = fleet.device("dev-1");
    let broker = Broker::start_altered(&fleet, 1, |command| clock.shown_to(command));
    let insider = Forger::with_key_of(&fleet, "device-ca");
    let short = insider.altered("dev-2", |params| params.not_after = now() + DAY / 2);
    let dial = |credential| Caller::dial(broker.address(), &fleet, Some(credential));
    let download = |credential| {
        let mut caller = dial(credential);
        caller.send(b"GET /files/endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(caller.read_more());
        caller
    };
    let turn = |offset: &str| {
        let mark = broker.log().mark();
        clock.turn(offset);
        broker.log().complaint(mark, "the clock was set");
    };
    let status = |caller: &mut Caller| caller.get("/files/a", "").expect("an answer").status;
    let goes_on = |caller: &mut Caller| {
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(3) {
            assert!(caller.read_more());
        }
    };
    let (mut kept, mut kept_short) = (dial(&device), dial(&short));
    let (mut running, mut running_short) = (download(&device), download(&short));
    assert_eq!([status(&mut kept), status(&mut kept_short)], [200, 200]);

    turn("-1d");
    goes_on(&mut running);
    goes_on(&mut running_short);
    assert_eq!([status(&mut kept), status(&mut kept_short)], [200, 200]);
    assert_eq!([status(&mut dial(&device)), status(&mut dial(&short))], [200, 200]);

    turn("+1d");
    let since = Instant::now();
    while running_short.read_more() {
        assert!(since.elapsed() < Duration::from_secs(5), "its certificate has ended");
    }
    let refused = kept_short.get("/files/a", "").expect("an answer");
    assert_eq!((refused.status, &refused.json()["reason"]), (403, &"expired".into()));
    goes_on(&mut running);
    assert_eq!(status(&mut kept), 200);

    turn("+0");
    assert_eq!([status(&mut dial(&device)), status(&mut dial(&short))], [200, 200]);
    goes_on(&mut running);
}
