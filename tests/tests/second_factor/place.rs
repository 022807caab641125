//! A fleet whose devices show something beside their certificates, and its broker: MQTT and HTTPS.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::{Answer, Caller};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::peer::Peer;
use integration_tests::program::finish_with_input;
use integration_tests::token_issuer::{AUDIENCE, ISSUER};

use crate::PROGRAMS;

/// The sections of both kinds.
pub(crate) fn sections() -> String {
    format!(
        "[second-factor.password]\nfile = \"passwords\"\n\n[second-factor.token]\nkeys = \"jwks.json\"\n\
         issuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\", \"plant\"]\nalgorithms = [\"ES256\"]\n\
         namespace = \"device-ca\"\n"
    )
}

/// `broker.toml`: devices are asked for `factor`, services for nothing.
pub(crate) fn configuration(mode: &str, factor: &str) -> String {
    let listener = |transport: &str| {
        format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\ntransport = \"{transport}\"\nmode = \"{mode}\"\n\
             server-cert = \"broker/cert.pem\"\nserver-key = \"broker/key.pem\"\n\
             [[listener.trust]]\nname = \"device-ca\"\nanchors = [\"device-ca/issuing.pem\"]\n\
             crl = [\"crl/device-ca.crl\"]\n\
             [[listener.trust]]\nname = \"service-ca\"\nanchors = [\"service-ca/issuing.pem\"]\n\
             crl = [\"crl/service-ca.crl\"]\n\n"
        )
    };
    let policies = format!(
        "[[policy]]\nname = \"devices\"\nmatch = {{ trust = \"device-ca\" }}\naction = \"allow\"\n{factor}\n\
         client-id = \"must-start-with\"\n\n\
         [[policy]]\nname = \"services\"\nmatch = {{ trust = \"service-ca\" }}\naction = \"allow\"\n"
    );
    [listener("tls"), listener("https"), sections(), policies].join("\n")
}

/// What is met by whoever is let in, in MQTT 3.1.1, MQTT 5 and HTTPS.
pub(crate) const IN: [&str; 3] = ["in"; 3];
/// What is met by whoever is refused for its second factor.
pub(crate) const OUT: [&str; 3] = ["0x04", "0x86", "401"];

pub(crate) const PASSWORD: &str = "second-factor = \"password\"";
pub(crate) const TOKEN: &str = "second-factor = \"token\"";

/// A fleet whose devices are asked for `factor`; nobody has a password yet, and the issuer no key.
pub(crate) fn fleet(factor: &str) -> Fleet {
    let fleet = Fleet::new(PROGRAMS);
    fs::write(fleet.file("broker.toml"), configuration("enforce", factor)).expect("a configuration");
    fs::write(fleet.file("passwords"), "").expect("a password file");
    fs::write(fleet.file("jwks.json"), "{\"keys\": []}").expect("a key set");
    fleet
}

/// Has the broker fetch the key set from `url` every `interval`; `more` stands beside `keys`.
pub(crate) fn fetch_keys_from(fleet: &Fleet, url: &str, interval: &str, more: &str) {
    fleet.configure("keys = \"jwks.json\"", &format!("keys = {url:?}\n{more}"));
    let fetch = format!("[fetch]\ninterval = {interval:?}\ntimeout = \"3s\"\n\n[second-factor.token]");
    fleet.configure("[second-factor.token]", &fetch);
}

/// The line of a password file for a device, as Debian's `argon2` makes it.
pub(crate) fn line_by_argon2(argon2: &Peer, device: &str, password: &str, cost: &[&str]) -> String {
    let mut command = argon2.command();
    command.args(["0123456789abcdef", "-id", "-e"]).args(cost);
    let encoded = finish_with_input(&mut command, password.as_bytes()).stdout_of_success();
    format!("device-ca/{device}:{encoded}")
}

/// A running broker. Declared so that it ends before its fleet goes.
pub(crate) struct Place {
    pub(crate) broker: Broker,
    pub(crate) fleet: Fleet,
}

impl Place {
    pub(crate) fn of(fleet: Fleet) -> Self {
        Self { broker: Broker::start_with_listeners(&fleet, 2), fleet }
    }

    fn https(&self) -> SocketAddr {
        self.broker.addresses()[1]
    }

    /// What is heard after `connect`.
    pub(crate) fn attempt(
        &self,
        credential: Option<&Credential>,
        connect: &Connect,
    ) -> (Option<Client>, Heard) {
        Client::attempt(self.broker.address(), &Tls::new(&self.fleet, credential), connect)
    }

    /// What becomes of a client that shows `secret`, in MQTT 3.1.1, MQTT 5 and HTTPS.
    pub(crate) fn met(&self, device: &Credential, name: &str, secret: &str) -> [String; 3] {
        let [old, new] = Version::ALL.map(|version| {
            let connect = Connect::new(version, name).user_name(name).password(secret);
            outcome(&self.attempt(Some(device), &connect).1)
        });
        let answer = self.who_am_i(Some(device), &format!("Authorization: Bearer {secret}\r\n"));
        let status = answer.expect("an answer").status;
        [old, new, if status == 200 { "in".to_owned() } else { status.to_string() }]
    }

    /// The same broker, started anew.
    pub(crate) fn restarted(self) -> Self {
        let Self { broker, fleet } = self;
        broker.terminate();
        assert_eq!(broker.wait(), 0);
        Self::of(fleet)
    }

    /// Waits until `status --json` says what is expected.
    #[track_caller]
    pub(crate) fn wait_for_status(&self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
        let begin = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{what}: {status:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A session of `device` that has shown `secret`.
    #[track_caller]
    pub(crate) fn session(&self, device: &Credential, name: &str, secret: &str) -> Client {
        let connect = Connect::new(Version::V5, name).password(secret);
        Client::connect(self.broker.address(), &Tls::new(&self.fleet, Some(device)), &connect)
    }

    /// The answer to a request for who the caller is.
    pub(crate) fn who_am_i(&self, credential: Option<&Credential>, lines: &str) -> Option<Answer> {
        Caller::dial(self.https(), &self.fleet, credential).get("/.well-known/countersign", lines)
    }

    /// `status --json`
    pub(crate) fn status(&self) -> serde_json::Value {
        operate(&self.fleet, "status", &["--json"]).json()
    }
}

/// What became of an attempt, in a word.
pub(crate) fn outcome(heard: &Heard) -> String {
    match heard {
        Heard::Packet(packet) if packet.is(Kind::ConnAck) => match packet.reason_code() {
            0 => "in".to_owned(),
            code => format!("{code:#04x}"),
        },
        Heard::Alert(alert) => format!("{alert:?}"),
        other => format!("{other:?}"),
    }
}
