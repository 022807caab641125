//! Second factors in mosquitto: who gets in beside the certificate, and how long it stays.

mod live_sessions;
mod password_turns;
mod same_verdict;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::password_file::set_password;
use integration_tests::token_issuer::{AUDIENCE, ISSUER, TokenIssuer};

use crate::site::Site;

const PASSWORD: &str = "second-factor = \"password\"";
const TOKEN: &str = "second-factor = \"token\"";

/// What mosquitto's log has for each password that was looked at.
const LOOKED_AT: &str = "mosquitto has waited";

/// `broker.toml`: devices are asked for `factor`, but for `dev-2`, which is asked for nothing.
fn configuration(factor: &str) -> String {
    format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\nserver-cert = \"broker/cert.pem\"\n\
         server-key = \"broker/key.pem\"\n\
         [[listener.trust]]\nname = \"device-ca\"\nanchors = [\"device-ca/issuing.pem\"]\n\
         crl = [\"crl/device-ca.crl\"]\n\n\
         [second-factor.password]\nfile = \"passwords\"\n\n[second-factor.token]\nkeys = \"jwks.json\"\n\
         issuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\nalgorithms = [\"ES256\"]\n\
         namespace = \"device-ca\"\n\n\
         [[policy]]\nname = \"unasked\"\nmatch = {{ identity = \"dev-2\" }}\naction = \"allow\"\n\n\
         [[policy]]\nname = \"devices\"\nmatch = {{ trust = \"device-ca\" }}\naction = \"allow\"\n{factor}\n\
         client-id = \"must-start-with\"\npublish = [\"devices/{{device-id}}/#\"]\n\
         subscribe = [\"devices/{{device-id}}/#\"]\n"
    )
}

/// A site whose `broker.toml` asks for `factor`; nobody has a password yet but `dev-1` and `dev-2`, and the issuer no key.
fn site(factor: &str) -> Option<Site> {
    Site::with_library(|fleet| {
        fs::write(fleet.file("broker.toml"), configuration(factor)).expect("a configuration");
        fs::write(fleet.file("passwords"), "").expect("a password file");
        fs::write(fleet.file("jwks.json"), "{\"keys\": []}").expect("a key set");
        ["dev-1", "dev-2"].iter().for_each(|name| set_password(fleet, name, "sesame"));
        format!("plugin_opt_config {}\n", fleet.file("broker.toml").display())
    })
}

impl Site {
    /// How many passwords were looked at.
    fn passwords_looked_at(&self) -> usize {
        self.log().matches(LOOKED_AT).count()
    }

    /// What is heard after `connect`, as soon as there is time for what it shows.
    fn answer(&self, credential: &Credential, connect: &Connect) -> (Option<Client>, Heard) {
        let deadline = Instant::now() + 3 * PATIENCE;
        loop {
            let (client, heard) = Client::attempt(self.mosquitto.address(), &self.tls(credential), connect);
            if heard != Heard::Closed || Instant::now() > deadline {
                return (client, heard);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Comes, and is let in.
    #[track_caller]
    fn comes(&self, credential: &Credential, connect: &Connect) -> Client {
        match self.answer(credential, connect) {
            (Some(client), Heard::Packet(packet))
                if packet.is(Kind::ConnAck) && packet.reason_code() == 0 =>
            {
                client
            }
            (_, heard) => panic!("{heard:?}\n{}", self.log()),
        }
    }

    /// Comes, and is refused.
    #[track_caller]
    fn turns_away(&self, credential: &Credential, connect: &Connect) {
        match self.answer(credential, connect).1 {
            Heard::Packet(packet) if packet.is(Kind::ConnAck) && packet.reason_code() == 0x87 => {}
            heard => panic!("{heard:?}\n{}", self.log()),
        }
    }
}

/// `client_id` in MQTT 5, as somebody who shows this.
fn shows(client_id: &str, secret: &str) -> Connect {
    Connect::new(Version::V5, client_id).password(secret)
}

#[test]
fn a_password_is_right_wrong_missing_or_anothers() {
    let Some(site) = site(PASSWORD) else { return };
    let third = site.fleet.device("dev-3");
    for version in Version::ALL {
        let connect = Connect::new(version, "dev-1").user_name("dev-1");
        site.comes(&site.device, &connect.clone().password("sesame")).disconnect();
        site.comes(&site.device, &connect.clone().user_name("device-ca/dev-1").password("sesame"))
            .disconnect();
    }
    site.comes(&site.device, &shows("dev-1", "sesame")).disconnect();
    assert_eq!(site.passwords_looked_at(), 5);
    let connect = Connect::new(Version::V5, "dev-1");
    for (refused, why) in [
        (connect.clone(), "no password was shown"),
        (connect.clone().user_name("dev-1"), "no password was shown"),
        (shows("dev-1", &"x".repeat(1025)), "empty, or too long"),
        (shows("dev-1", "sesame").user_name("dev-2"), "the user name is \"dev-2\""),
    ] {
        site.turns_away(&site.device, &refused);
        site.wait_for(why, 1);
    }
    // The password of dev-1 with the certificate of another, who has none.
    let stolen = Connect::new(Version::V5, "dev-3").user_name("dev-1").password("sesame");
    site.turns_away(&third, &stolen);
    site.turns_away(&third, &shows("dev-3", "sesame"));
    site.wait_for("the password file has no device-ca/dev-3", 1);
    assert_eq!(site.passwords_looked_at(), 5, "none of these costs anything");
    site.turns_away(&site.device, &shows("dev-1", "Sesame"));
    site.wait_for("second_factor (the password is wrong)", 1);
    assert_eq!(site.passwords_looked_at(), 6);
    assert!(!site.log().contains("esame"), "no password is in the log");
}

#[test]
fn no_password_is_looked_at_of_whoever_is_refused_anyway_or_not_asked() {
    let Some(site) = site(PASSWORD) else { return };
    site.comes(&site.other, &shows("dev-2", "sesame")).disconnect();
    site.comes(&site.other, &shows("dev-2", "anything, since nothing is asked for")).disconnect();
    site.turns_away(&site.device, &shows("dev-2", "sesame"));
    site.wait_for("client_id_mismatch", 1);
    site.fleet.revoke("dev-1");
    site.wait_for("revocation list of CN=Device Issuing CA", 1);
    site.turns_away(&site.device, &shows("dev-1", "sesame"));
    site.wait_for("is refused: revoked", 1);
    assert_eq!(site.passwords_looked_at(), 0);
}

#[test]
fn a_token_is_its_devices_and_of_the_issuer() {
    let Some(site) = site(TOKEN) else { return };
    let Some(issuer) = TokenIssuer::beside(&site.fleet) else { return };
    site.fleet.replace("jwks.json", issuer.key_set(&["a"]).as_bytes());
    site.wait_for("second factors are verified by other files", 1);
    let good = issuer.token("a", "dev-1", 3600);
    site.comes(&site.device, &shows("dev-1", &good)).disconnect();
    site.comes(&site.device, &Connect::new(Version::V311, "dev-1").user_name("dev-1").password(good))
        .disconnect();
    for (token, why) in [
        (issuer.token("a", "dev-2", 3600), "the token is for \"dev-2\""),
        (issuer.token("a", "dev-1", -1), "the token expired"),
        (issuer.token("b", "dev-1", 3600), "key"),
        ("a.b.c".to_owned(), "is refused: second_factor"),
        ("sesame".to_owned(), "is refused: second_factor"),
    ] {
        let before = site.log().matches("is refused: second_factor").count();
        site.turns_away(&site.device, &shows("dev-1", &token));
        site.wait_for("is refused: second_factor", before + 1);
        assert!(site.log().contains(why), "{why}\n{}", site.log());
    }
    assert_eq!(site.passwords_looked_at(), 0);
}

#[test]
fn a_start_without_the_files_lets_nobody_in() {
    let Some(site) = Site::with_library(|fleet| {
        fs::write(fleet.file("broker.toml"), configuration(PASSWORD)).expect("a configuration");
        fs::write(fleet.file("passwords"), "device-ca/dev-1: sesame\n").expect("a password file");
        fs::write(fleet.file("jwks.json"), "{\"keys\": []}").expect("a key set");
        format!("plugin_opt_config {}\n", fleet.file("broker.toml").display())
    }) else {
        return;
    };
    site.wait_for("nobody gets in: ", 1);
    site.wait_for("passwords: line 1", 1);
    site.refused(&site.other, &Connect::new(Version::V5, "dev-2"));
}
