//! A session ends when what it rests on does, and nobody else's.

use std::fs;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::password_file::{passwd, set_password};
use integration_tests::token_issuer::TokenIssuer;

use crate::place::{PASSWORD, Place, TOKEN, configuration, fleet, outcome};

/// The session ends within two seconds of now, for its second factor.
#[track_caller]
pub(crate) fn ends(place: &Place, client: &mut Client, identity: &str) {
    let since = Instant::now();
    match client.hear(Duration::from_secs(5)) {
        Heard::Packet(packet) => {
            assert!(packet.is(Kind::Disconnect) && packet.reason_code() == 0x87, "{packet:?}");
        }
        heard => assert_eq!(heard, Heard::Closed),
    }
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    let closed = |line: &serde_json::Value| line["event"] == "session_closed" && line["identity"] == identity;
    let line = place.broker.log().line(integration_tests::broker::Mark::START, closed);
    assert_eq!(line["reason"], "second_factor", "{line}");
}

#[test]
fn a_session_ends_with_its_token_and_anothers_goes_on() {
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    let place = Place::of(fleet);
    let long = issuer.token("a", "dev-2", 3600);
    let mut other = place.session(&devices[1], "dev-2", &long);
    let short = issuer.token("a", "dev-1", 4);
    let mut client = place.session(&devices[0], "dev-1", &short);
    assert!(client.is_alive());
    let since = Instant::now();
    assert_eq!(client.hear(Duration::from_secs(1)), Heard::Silence, "it has not ended");
    while !matches!(client.hear(Duration::from_secs(1)), Heard::Closed | Heard::Packet(_)) {
        assert!(since.elapsed() < Duration::from_secs(6), "it goes on");
    }
    let connect = Connect::new(Version::V5, "dev-1").password(short);
    assert_eq!(outcome(&place.attempt(Some(&devices[0]), &connect).1), "0x86");
    assert!(other.is_alive());
}

#[test]
fn a_password_that_is_changed_or_removed_ends_the_sessions_of_its_identity_alone() {
    let fleet = fleet(PASSWORD);
    let devices = fleet.devices(&["dev-1", "dev-2", "dev-3"]);
    let service = fleet.service("backend");
    ["dev-1", "dev-2", "dev-3"].iter().for_each(|name| set_password(&fleet, name, "sesame"));
    let place = Place::of(fleet);
    let [mut changed, mut removed, mut kept] =
        [0, 1, 2].map(|number| place.session(&devices[number], &format!("dev-{}", number + 1), "sesame"));
    let backend = Connect::new(Version::V311, "backend");
    let mut service =
        Client::connect(place.broker.address(), &Tls::new(&place.fleet, Some(&service)), &backend);
    set_password(&place.fleet, "dev-1", "another");
    ends(&place, &mut changed, "dev-1");
    passwd(&place.fleet, &["device-ca/dev-2", "--remove"], b"").stdout_of_success();
    ends(&place, &mut removed, "dev-2");
    assert!(kept.is_alive() && service.is_alive());
    for (secret, wanted) in [("another", "in"), ("sesame", "0x86")] {
        let connect = Connect::new(Version::V5, "dev-1").password(secret);
        assert_eq!(outcome(&place.attempt(Some(&devices[0]), &connect).1), wanted, "{secret}");
    }
}

#[test]
fn a_key_that_is_taken_out_of_the_set_ends_the_sessions_of_its_tokens() {
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    fs::write(fleet.file("jwks.json"), issuer.key_set(&["a", "b"])).expect("a key set");
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    let place = Place::of(fleet);
    let tokens = [issuer.token("a", "dev-1", 3600), issuer.token("b", "dev-2", 3600)];
    let mut by_a = place.session(&devices[0], "dev-1", &tokens[0]);
    let mut by_b = place.session(&devices[1], "dev-2", &tokens[1]);
    let set = issuer.key_set(&["b"]);
    place.fleet.replace("jwks.json", set.as_bytes());
    ends(&place, &mut by_a, "dev-1");
    assert!(by_b.is_alive());
    let connect = Connect::new(Version::V5, "dev-1").password(tokens[0].as_str());
    assert_eq!(outcome(&place.attempt(Some(&devices[0]), &connect).1), "0x86");
}

/// What is damaged is not put in force; a start has nothing else.
#[test]
fn a_damaged_file_changes_nothing_until_a_start() {
    for (factor, file, damage, words) in [
        (PASSWORD, "passwords", "device-ca/dev-1: sesame\n", "passwords: line 2"),
        (TOKEN, "jwks.json", "", "jwks.json: the key set"),
    ] {
        let fleet = fleet(factor);
        let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
        fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
        let device = fleet.device("dev-1");
        set_password(&fleet, "dev-1", "sesame");
        let secret = if factor == PASSWORD { "sesame".to_owned() } else { issuer.token("a", "dev-1", 3600) };
        let place = Place::of(fleet);
        let mut client = place.session(&device, "dev-1", &secret);
        let good = fs::read(place.fleet.file(file)).expect("a file");
        let damaged = match file {
            "passwords" => [good.as_slice(), damage.as_bytes()].concat(),
            _ => good[..good.len() / 2].to_vec(),
        };
        let mark = place.broker.log().mark();
        fs::write(place.fleet.file(file), damaged).expect("a file");
        place.broker.log().complaint(mark, words);
        assert!(client.is_alive());
        place.session(&device, "dev-1/b", &secret);
        let status = place.status();
        let why = status["second_factors_refused"].as_str().expect("a complaint");
        assert!(why.contains(words), "{why}");
        assert!(operate(&place.fleet, "status", &[]).stdout.contains(words));
        // The same by `reload`: nothing changes, and it says so.
        let reloaded = operate(&place.fleet, "reload", &[]);
        assert!(reloaded.code == 3 && reloaded.stderr.contains(words), "{}", reloaded.stderr);
        assert!(client.is_alive());
        let checked = operate(&place.fleet, "check", &[]);
        assert!(checked.code == 3 && checked.stderr.contains(words), "{}", checked.stderr);

        let Place { broker, fleet } = place;
        drop(broker);
        let mut command = fleet.programs().broker();
        let refused =
            integration_tests::program::run(command.arg("run").arg("--fleet").arg(fleet.directory()));
        assert!(refused.code == 3 && refused.stderr.contains(words), "{}", refused.stderr);
        assert!(!refused.stdout.contains("listening"));
        fs::write(fleet.file(file), good).expect("a file");
        let place = Place { broker: Broker::start_with_listeners(&fleet, 2), fleet };
        place.session(&device, "dev-1", &secret);
        assert!(place.status()["second_factors_refused"].is_null());
    }
}

#[test]
fn mending_a_file_takes_back_the_complaint() {
    let fleet = fleet(PASSWORD);
    set_password(&fleet, "dev-1", "sesame");
    let place = Place::of(fleet);
    let good = fs::read(place.fleet.file("passwords")).expect("a file");
    let mark = place.broker.log().mark();
    fs::write(place.fleet.file("passwords"), "nonsense").expect("a file");
    place.broker.log().complaint(mark, "line 1");
    fs::write(place.fleet.file("passwords"), good).expect("a file");
    let since = Instant::now();
    while !place.status()["second_factors_refused"].is_null() {
        assert!(since.elapsed() < Duration::from_secs(5), "it goes on complaining");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// `reload` with another `broker.toml`; exit code 0.
#[track_caller]
fn reload(place: &Place, text: &str) {
    fs::write(place.fleet.file("broker.toml"), text).expect("a configuration");
    operate(&place.fleet, "reload", &[]).stdout_of_success();
}

#[test]
fn a_policy_that_asks_for_a_factor_from_now_on_ends_the_sessions_without_one() {
    let fleet = fleet("");
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
    let device = fleet.device("dev-1");
    let backend = fleet.service("backend");
    set_password(&fleet, "dev-1", "sesame");
    let place = Place::of(fleet);
    let mut without = place.session(&device, "dev-1", "anything, since nothing is asked for");
    let mut service = Client::connect(
        place.broker.address(),
        &Tls::new(&place.fleet, Some(&backend)),
        &Connect::new(Version::V5, "backend"),
    );
    reload(&place, &configuration("enforce", PASSWORD));
    ends(&place, &mut without, "dev-1");
    // A password is no token.
    let mut with_password = place.session(&device, "dev-1", "sesame");
    reload(&place, &configuration("enforce", TOKEN));
    ends(&place, &mut with_password, "dev-1");
    // A token is what the rules ask for now, and not what they have asked for once.
    let mut with_token = place.session(&device, "dev-1", &issuer.token("a", "dev-1", 3600));
    let text = configuration("enforce", TOKEN);
    let more = text.replace("\"plant\"", "\"plant\", \"another\"");
    assert_ne!(text, more);
    reload(&place, &more);
    assert!(with_token.is_alive(), "its audience is still one of them");
    reload(&place, &text.replace("\"fleet\"", "\"elsewhere\""));
    ends(&place, &mut with_token, "dev-1");
    assert!(service.is_alive());
}
