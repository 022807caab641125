//! A session ends when the password or the token that it rests on does, and nobody else's.

use std::fs;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard};
use integration_tests::mqtt::{Connect, Version};
use integration_tests::password_file::{passwd, set_password};
use integration_tests::pki::now;
use integration_tests::token_issuer::{TokenIssuer, claims};

use super::{PASSWORD, TOKEN, configuration, shows, site};
use crate::site::{Site, is_done, is_kicked};

/// The session is closed, and the log says that it was for its second factor.
#[track_caller]
fn ends(site: &Site, client: &mut Client, client_id: &str) {
    let since = Instant::now();
    assert!(is_kicked(client), "{}", site.log());
    println!("{client_id}: closed after {:?}", since.elapsed());
    site.wait_for(&format!("the session {client_id:?} is over: second_factor"), 1);
}

#[test]
fn a_password_that_is_changed_or_removed_ends_the_sessions_of_its_identity_alone() {
    let Some(site) = site(PASSWORD) else { return };
    let devices = site.fleet.devices(&["dev-3", "dev-4"]);
    ["dev-3", "dev-4"].iter().for_each(|name| set_password(&site.fleet, name, "sesame"));
    site.settle();
    let [mut changed, mut removed, mut kept] =
        [(&site.device, "dev-1"), (&devices[0], "dev-3"), (&devices[1], "dev-4")]
            .map(|(device, name)| site.comes(device, &shows(name, "sesame")));
    let mut unasked = site.comes(&site.other, &Connect::new(Version::V5, "dev-2"));
    set_password(&site.fleet, "dev-1", "another");
    ends(&site, &mut changed, "dev-1");
    passwd(&site.fleet, &["device-ca/dev-3", "--remove"], b"").stdout_of_success();
    ends(&site, &mut removed, "dev-3");
    assert!(kept.is_alive() && unasked.is_alive());
    site.comes(&site.device, &shows("dev-1", "another")).disconnect();
    site.turns_away(&site.device, &shows("dev-1", "sesame"));
}

#[test]
fn a_session_ends_with_its_token_or_the_key_of_it() {
    let Some(site) = site(TOKEN) else { return };
    let Some(issuer) = TokenIssuer::beside(&site.fleet) else { return };
    let third = site.fleet.device("dev-3");
    site.fleet.replace("jwks.json", issuer.key_set(&["a", "b"]).as_bytes());
    site.wait_for("second factors are verified by other files", 1);
    let mut by_b = site.comes(&third, &shows("dev-3", &issuer.token("b", "dev-3", 3600)));
    // Longer where the machine is busy: the token counts from before it is made.
    let short = [4, 20, 60].into_iter().find_map(|seconds| {
        let claims = claims("dev-1", seconds);
        let end = claims["exp"].as_i64().expect("a time");
        let token = issuer.tokens("a", &[claims]).remove(0);
        let (address, tls) = (site.mosquitto.address(), site.tls(&site.device));
        match Client::attempt(address, &tls, &shows("dev-1", &token)) {
            (Some(client), Heard::Packet(packet)) if packet.reason_code() == 0 => Some((client, end)),
            _ => None,
        }
    });
    let (mut short, end) = short.expect("a minute is enough");
    while short.hear(Duration::from_millis(100)) == Heard::Silence {
        assert!(now().unix_timestamp() < end + 5, "it goes on: {}", site.log());
    }
    assert!(now().unix_timestamp() >= end, "before its end: {}", site.log());
    site.wait_for("the session \"dev-1\" is over: second_factor", 1);
    let mut by_a = site.comes(&site.device, &shows("dev-1/again", &issuer.token("a", "dev-1", 3600)));
    assert!(by_b.is_alive());
    site.fleet.replace("jwks.json", issuer.key_set(&["b"]).as_bytes());
    ends(&site, &mut by_a, "dev-1/again");
    assert!(by_b.is_alive());
}

#[test]
fn a_damaged_file_changes_nothing() {
    let Some(site) = site(PASSWORD) else { return };
    let mut client = site.comes(&site.device, &shows("dev-1", "sesame"));
    let good = fs::read(site.fleet.file("passwords")).expect("a file");
    site.fleet.replace("passwords", b"device-ca/dev-1: sesame\n");
    site.wait_for("second factors are verified as before", 1);
    assert!(client.is_alive());
    site.mosquitto.reload();
    site.wait_for("the rules are refused, the present ones stay in force", 1);
    assert!(client.is_alive());
    site.comes(&site.device, &shows("dev-1/b", "sesame")).disconnect();
    site.fleet.replace("passwords", &good);
    site.settle();
    assert!(client.is_alive());
    assert_eq!(site.log().matches("second factors are verified as before").count(), 1, "told once");
}

#[test]
fn a_reload_asks_about_all_and_looks_at_no_password() {
    let Some(site) = site("") else { return };
    let mut without = site.comes(&site.device, &shows("dev-1/without", "sesame"));
    site.fleet.replace("broker.toml", configuration(PASSWORD).as_bytes());
    site.mosquitto.reload();
    // Its password is right, and was not asked for when it came.
    assert!(is_kicked(&mut without), "{}", site.log());
    let mut with = site.comes(&site.device, &shows("dev-1", "sesame"));
    assert_eq!(site.passwords_looked_at(), 1);
    for reload in 2..5 {
        site.mosquitto.reload();
        site.wait_for("the rules were read again", reload);
        site.settle();
        assert!(with.is_alive(), "{}", site.log());
        assert!(is_done(with.publish("devices/dev-1/a", "as before")));
    }
    assert_eq!(site.passwords_looked_at(), 1);
    // What has changed meanwhile counts.
    site.fleet.replace("broker.toml", configuration(TOKEN).as_bytes());
    site.mosquitto.reload();
    assert!(is_kicked(&mut with), "{}", site.log());
    assert_eq!(site.passwords_looked_at(), 1);
}
