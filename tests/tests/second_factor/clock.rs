//! The clock of the broker is a day off, and that of the issuer of tokens is not.

use std::fs;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, Mark};
use integration_tests::client::{Client, Tls};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::{Crl, DAY, Forger, now};
use integration_tests::token_issuer::{TokenIssuer, claims};
use integration_tests::turned_clock::TurnedClock;

use crate::place::{Place, TOKEN, fleet, outcome};

const A_DAY: i64 = 24 * 3600;

#[test]
fn tokens_are_judged_by_the_clock_and_sessions_end_with_theirs() {
    let fleet = fleet(TOKEN);
    let (Some(clock), Some(issuer)) = (TurnedClock::beside(&fleet), TokenIssuer::beside(&fleet)) else {
        return;
    };
    fs::write(fleet.file("jwks.json"), issuer.key_set(&["k1"])).expect("a key set");
    // By these it is known that a clock is behind, and half an hour is more than the leeway.
    for authority in ["device-ca", "service-ca"] {
        let list = Crl::fresh().valid(now() - Duration::from_secs(1800), now() + 7 * DAY);
        fleet.replace(
            &format!("crl/{authority}.crl"),
            Forger::with_key_of(&fleet, authority).crl(&list).as_bytes(),
        );
    }
    let device = fleet.device("dev-1");
    let short = issuer.token("k1", "dev-1", 600);
    let long = issuer.token("k1", "dev-1", 3 * A_DAY);
    let mut earlier = claims("dev-1", 3 * A_DAY);
    earlier["iat"] = (now().unix_timestamp() - 2 * A_DAY).into();
    let earlier = issuer.tokens("k1", &[earlier]).remove(0);
    let broker = Broker::start_altered(&fleet, 2, |command| clock.shown_to(command));
    let place = Place { broker, fleet };
    let turn = |offset: &str| {
        let mark = place.broker.log().mark();
        clock.turn(offset);
        place.broker.log().complaint(mark, "the clock was set");
    };
    let meets = |token: &str| {
        let (_client, heard) =
            place.attempt(Some(&device), &Connect::new(Version::V5, "dev-1/new").password(token));
        outcome(&heard)
    };
    let session = |id: &str, token: &str| {
        let connect = Connect::new(Version::V5, id).password(token);
        let tls = Tls::new(&place.fleet, Some(&device));
        Client::connect(place.broker.address(), &tls, &connect)
    };
    let stays = |client: &mut Client, what: &str| {
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(3) {
            assert!(client.is_alive(), "{what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let mut ending = session("dev-1/a", &short);
    let mut lasting = session("dev-1/b", &long);

    turn("-1d");
    stays(&mut ending, "behind");
    stays(&mut lasting, "behind");
    assert_eq!(meets(&earlier), "in");
    // Its issuer says that it is of later.
    assert_eq!(meets(&long), "0x86");
    let refusal = place.broker.log().line(Mark::START, |line| line["reason"] == "second_factor");
    assert!(refusal["evidence"].as_str().is_some_and(|why| why.contains("the token begins at")), "{refusal}");

    turn("+1d");
    assert_eq!(ending.expect(Kind::Disconnect).reason_code(), 0x87);
    stays(&mut lasting, "ahead");
    assert_eq!([meets(&short), meets(&long), meets(&earlier)], ["0x86", "in", "in"]);

    turn("+0");
    assert_eq!([meets(&short), meets(&long), meets(&earlier)], ["in", "in", "in"]);
    stays(&mut lasting, "right again");
}
