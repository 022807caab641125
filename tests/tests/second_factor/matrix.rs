//! What each client meets by what it shows: each cell is a device of its own, so that no wrong password is in another's way.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use integration_tests::broker::{Mark, operate};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::password_file::passwd;
use integration_tests::peer::Peer;
use integration_tests::token_issuer::{TokenIssuer, claims};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::place::{IN, OUT, PASSWORD, Place, TOKEN, fleet, line_by_argon2, outcome};

/// MQTT 3.1.1 has no password without a user name (§3.1.2.9).
const NO_NAME_IN: [&str; 3] = ["Closed", "in", "in"];
const NO_NAME_OUT: [&str; 3] = ["Closed", "0x86", "401"];
const HERE: &str = "{name}";

/// By hand: what is shown, the user name, then what becomes of it in MQTT 3.1.1, MQTT 5 and HTTPS.
const PASSWORDS: [(&str, Option<&str>, [&str; 3]); 16] = [
    ("right", Some(HERE), IN),
    ("right", Some("device-ca/{name}"), IN),
    ("right", None, NO_NAME_IN),
    ("hashed by argon2", Some(HERE), IN),
    // Basic has no other way to leave it out (RFC 7617).
    ("right", Some(""), ["0x04", "0x86", "in"]),
    ("right", Some("other"), OUT),
    ("right", Some("service-ca/{name}"), OUT),
    ("right", Some("{name} "), OUT),
    ("wrong", Some(HERE), OUT),
    ("wrong", None, NO_NAME_OUT),
    ("other's", Some(HERE), OUT),
    ("empty", Some(HERE), OUT),
    ("too long", Some(HERE), OUT),
    ("nothing", Some(HERE), OUT),
    ("nothing", None, OUT),
    ("of nobody", Some(HERE), OUT),
];

const TOKENS: [(&str, Option<&str>, [&str; 3]); 19] = [
    ("right", None, NO_NAME_IN),
    ("right", Some(HERE), IN),
    ("right", Some("device-ca/{name}"), IN),
    ("right", Some("other"), OUT),
    ("nothing", None, OUT),
    ("other's", Some(HERE), OUT),
    ("expired", Some(HERE), OUT),
    ("not yet", Some(HERE), OUT),
    ("second audience", Some(HERE), IN),
    ("other audience", Some(HERE), OUT),
    ("other issuer", Some(HERE), OUT),
    ("other key", Some(HERE), OUT),
    ("without sub", Some(HERE), OUT),
    ("without exp", Some(HERE), OUT),
    ("without aud", Some(HERE), OUT),
    ("for this certificate", Some(HERE), IN),
    ("for another certificate", Some(HERE), OUT),
    ("for a key", Some(HERE), OUT),
    ("garbage", Some(HERE), OUT),
];

/// What each of a row's three clients meets.
fn met(
    place: &Place,
    devices: &[Credential],
    names: &[String],
    user_name: Option<&str>,
    secrets: [Option<&str>; 3],
) -> [String; 3] {
    let told = |name: &str| user_name.map(|user_name| user_name.replace("{name}", name));
    let mut met: [String; 3] = Default::default();
    for (cell, version) in Version::ALL.into_iter().enumerate() {
        let mut connect = Connect::new(version, &names[cell]);
        connect = told(&names[cell]).into_iter().fold(connect, |connect, name| connect.user_name(&name));
        connect = secrets[cell].into_iter().fold(connect, Connect::password);
        met[cell] = outcome(&place.attempt(Some(&devices[cell]), &connect).1);
    }
    let line = match (secrets[2], told(&names[2])) {
        (None, _) => String::new(),
        (Some(token), None) if token.matches('.').count() == 2 => {
            format!("Authorization: Bearer {token}\r\n")
        }
        (Some(secret), name) => {
            let basic = BASE64.encode(format!("{}:{secret}", name.unwrap_or_default()).as_bytes());
            format!("Authorization: Basic {basic}\r\n")
        }
    };
    let answer = place.who_am_i(Some(&devices[2]), &line).expect("an answer");
    met[2] = if answer.status == 200 { "in".to_owned() } else { answer.status.to_string() };
    met
}

/// Every refusal of a CONNECT or a request, which are all for the second factor.
#[track_caller]
fn refused_for_the_factor_alone(place: &Place, wanted: usize) {
    let refusals = place.broker.log().lines(Mark::START, wanted, |line| line["outcome"] == "refused");
    for line in refusals.iter().filter(|line| line["outcome"] == "refused") {
        assert_eq!(line["reason"], "second_factor", "{line}");
        assert!(line["identity"].is_string() && line["evidence"].is_string(), "{line}");
    }
}

fn refusals(rows: &[(&str, Option<&str>, [&str; 3])]) -> usize {
    let cells = rows.iter().flat_map(|(_, _, wanted)| wanted);
    cells.filter(|cell| OUT.contains(*cell)).count()
}

fn names(row: usize) -> Vec<String> {
    (0..3).map(|cell| format!("dev-{row}-{cell}")).collect()
}

#[test]
fn passwords() {
    let Some(argon2) = Peer::argon2() else { return };
    let fleet = fleet(PASSWORD);
    let all: Vec<_> = (0..PASSWORDS.len()).flat_map(names).collect();
    let devices = fleet.devices(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let secret = |name: &str| format!("öffne {name}: bitte");
    let mut written = String::from("# by argon2\n");
    for (row, (what, _, _)) in PASSWORDS.iter().enumerate() {
        for name in names(row) {
            match *what {
                "hashed by argon2" => {
                    let cost = ["-t", "3", "-k", "16384", "-p", "2"];
                    written.push_str(&line_by_argon2(&argon2, &name, &secret(&name), &cost));
                }
                "of nobody" => {}
                _ => written.push_str(&line_by_argon2(&argon2, &name, "before", &["-t", "1", "-k", "64"])),
            }
        }
    }
    std::fs::write(fleet.file("passwords"), &written).expect("a password file");
    for (row, (what, _, _)) in PASSWORDS.iter().enumerate() {
        for name in names(row).iter().filter(|_| !["hashed by argon2", "of nobody"].contains(what)) {
            let done =
                passwd(&fleet, &[&format!("device-ca/{name}")], format!("{}\n", secret(name)).as_bytes());
            done.stdout_of_success();
        }
    }
    let place = Place::of(fleet);
    for (row, (what, user_name, wanted)) in PASSWORDS.iter().enumerate() {
        let names = names(row);
        let shown = |name: &str| match *what {
            "wrong" => Some(format!("{} ", secret(name))),
            "other's" => Some(secret("dev-0-0")),
            "empty" => Some(String::new()),
            "too long" => Some("x".repeat(1025)),
            "nothing" => None,
            _ => Some(secret(name)),
        };
        let shown: Vec<_> = names.iter().map(|name| shown(name)).collect();
        let secrets = [0, 1, 2].map(|cell| shown[cell].as_deref());
        let met = met(&place, &devices[3 * row..3 * row + 3], &names, *user_name, secrets);
        assert_eq!(met, *wanted, "{what}, user name {user_name:?}");
    }
    refused_for_the_factor_alone(&place, refusals(&PASSWORDS));
    explained(&place, &devices[0], "password");
}

#[test]
fn tokens() {
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    std::fs::write(fleet.file("jwks.json"), issuer.key_set(&["a", "b"])).expect("a key set");
    let all: Vec<_> = (0..TOKENS.len()).flat_map(names).collect();
    let devices = fleet.devices(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let place = Place::of(fleet);
    for (row, (what, user_name, wanted)) in TOKENS.iter().enumerate() {
        let names = names(row);
        let devices = &devices[3 * row..3 * row + 3];
        let claims: Vec<_> =
            names.iter().zip(devices).map(|(name, device)| claims_for(what, name, device)).collect();
        let tokens = issuer.tokens(if *what == "other key" { "stranger" } else { "b" }, &claims);
        let secrets = [0, 1, 2].map(|cell| match *what {
            "nothing" => None,
            "garbage" => Some("a.b.c"),
            _ => Some(tokens[cell].as_str()),
        });
        let met = met(&place, devices, &names, *user_name, secrets);
        assert_eq!(met, *wanted, "{what}, user name {user_name:?}");
    }
    refused_for_the_factor_alone(&place, refusals(&TOKENS));
    explained(&place, &devices[0], "token");
}

/// The claims of a token for `name`, whose certificate `device` has.
fn claims_for(what: &str, name: &str, device: &Credential) -> Value {
    let mut made = claims(name, 3600);
    let leaf = device.chain().remove(0);
    let own = BASE64URL_NOPAD.encode(digest(&SHA256, &leaf).as_ref());
    let now = made["iat"].as_i64().expect("a number") + 60;
    match what {
        "other's" => made["sub"] = "dev-0-0".into(),
        "expired" => made["exp"] = (now - 1).into(),
        "not yet" => made["nbf"] = (now + 600).into(),
        "second audience" => made["aud"] = serde_json::json!(["elsewhere", "plant"]),
        "other audience" => made["aud"] = serde_json::json!(["elsewhere", "fleets"]),
        "other issuer" => made["iss"] = "https://id.example/".into(),
        "for this certificate" => made["cnf"] = serde_json::json!({ "x5t#S256": own }),
        "for another certificate" => {
            let other = BASE64URL_NOPAD.encode(digest(&SHA256, own.as_bytes()).as_ref());
            made["cnf"] = serde_json::json!({ "x5t#S256": other });
        }
        "for a key" => made["cnf"] = serde_json::json!({ "x5t#S256": own, "jkt": own }),
        _ => {
            if let Some(claim) = what.strip_prefix("without ") {
                made.as_object_mut().expect("claims").remove(claim);
            }
        }
    }
    made
}

/// `explain` supposes what it is told to, and says what would be asked for where it is told nothing.
fn explained(place: &Place, device: &Credential, kind: &str) {
    let file = device.certificate.display().to_string();
    let ask = |more: &[&str]| {
        operate(
            &place.fleet,
            "explain",
            &[&["--json", "--cert", &file, "--client-id", "dev-0-0"], more].concat(),
        )
    };
    for (factor, allowed, evidence) in
        [("right", true, ""), ("wrong", false, "supposed to be wrong"), ("none", false, "was shown")]
    {
        for transport in [&[][..], &["--path", "/.well-known/countersign"]] {
            // A client id is for MQTT.
            let done = match transport {
                [] => ask(&["--factor", factor]),
                _ => operate(
                    &place.fleet,
                    "explain",
                    &[&["--json", "--cert", &file, "--factor", factor], transport].concat(),
                ),
            };
            let said = done.json();
            assert_eq!(done.code, if allowed { 0 } else { 6 }, "{said}");
            for answer in [&said, &said["running"]] {
                assert_eq!(answer["allowed"], allowed, "{factor}: {said}");
                assert!(answer["would_ask"].is_null(), "{said}");
                if !allowed {
                    assert_eq!(answer["reason"], "second_factor", "{said}");
                    assert!(
                        answer["evidence"].as_str().is_some_and(|text| text.contains(evidence)),
                        "{said}"
                    );
                }
            }
        }
    }
    let said = ask(&[]).json();
    for answer in [&said, &said["running"]] {
        assert_eq!((&answer["allowed"], &answer["would_ask"][0]), (&true.into(), &kind.into()), "{said}");
    }
}
