//! Two device CAs that have issued the same name: the two devices share nothing.

#![forbid(unsafe_code)]

use std::fs;

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::Forger;
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const SECOND_TRUST: &str = r#"[[listener.trust]]
name = "west"
anchors = ["west.pem"]
crl-check = "off"

[identity]"#;

const SECOND_POLICY: &str = r#"
[[policy]]
name = "west"
match = { trust = "west" }
action = "allow"
client-id = "must-start-with"
publish = ["devices/{device-id}/telemetry/#"]
subscribe = ["devices/{device-id}/commands/#"]
"#;

/// A site with a second device CA, which has issued `dev-1` too.
fn site(policy: &str) -> (Site, Credential) {
    let mut other = None;
    let site = Site::configured(PROGRAMS, |fleet| other = Some(second_ca(fleet, policy)));
    (site, other.expect("it was made"))
}

fn second_ca(fleet: &Fleet, policy: &str) -> Credential {
    let (ca, pem) = Forger::authority(fleet, |_| {});
    fs::write(fleet.file("west.pem"), pem).expect("a file can be written");
    fleet.configure("[identity]", SECOND_TRUST);
    let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
    fs::write(fleet.file("broker.toml"), text + policy).expect("the configuration can be written");
    ca.certificate("dev-1")
}

fn by_trust() -> String {
    SECOND_POLICY.replace("devices/{device-id}", "{trust}/{device-id}")
}

#[test]
fn a_broker_does_not_start_where_two_namespaces_share_topics_by_name() {
    let fleet = Fleet::new(PROGRAMS);
    second_ca(&fleet, SECOND_POLICY);
    let refused = Broker::refuse_to_start(&fleet);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    let words = "a client of namespace device-ca and one of namespace west that bear the same name would share topics";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert_eq!(operate(&fleet, "check", &[]).code, 3);
}

#[test]
fn the_same_name_of_another_ca_gets_neither_the_session_nor_what_waits_in_it() {
    let (site, other) = site(&by_trust());
    let mut service = site.backend(Version::V5);
    let mut device = site.connect(&site.device, &Connect::new(Version::V5, "dev-1").persistent());
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
    device.disconnect();
    assert!(service.publish("devices/dev-1/commands/open", "now") < 0x80);

    for version in [Version::V5, Version::V311] {
        for connect in [Connect::new(version, "dev-1"), Connect::new(version, "dev-1").persistent()] {
            let mark = site.broker.log().mark();
            let (_, heard) = Client::attempt(site.address(), &site.tls(&other), &connect);
            let Heard::Packet(connack) = heard else { panic!("{heard:?}") };
            assert!(connack.is(Kind::ConnAck));
            assert_eq!(connack.reason_code(), if version == Version::V5 { 0x85 } else { 2 });
            assert_eq!(site.broker.log().refusal(mark)["reason"], "client_id_mismatch");
        }
    }
    // The first one's session is untouched.
    let connect = Connect::new(Version::V5, "dev-1").persistent();
    let (mut device, connack) =
        Client::connect_and_connack(site.address(), &site.tls(&site.device), &connect);
    assert!(connack.session_present());
    assert_eq!(device.receive().payload, "now");
}

#[test]
fn an_operator_closes_the_sessions_of_one_of_them() {
    let (site, other) = site(&by_trust());
    let mut ours = site.dev_1(Version::V5);
    let mut theirs = site.connect(&other, &Connect::new(Version::V5, "dev-1/b"));
    let sessions = operate(&site.fleet, "sessions", &["--json"]).stdout;
    let sessions: Vec<serde_json::Value> = serde_json::from_str(&sessions).expect("an array");
    let mut listed: Vec<_> = sessions
        .iter()
        .map(|session| {
            [&session["namespace"], &session["identity"]].map(|field| field.as_str().expect("a text"))
        })
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, [["device-ca", "dev-1"], ["west", "dev-1"]]);

    let ambiguous = operate(&site.fleet, "kick", &["dev-1"]);
    assert_eq!(ambiguous.code, 5, "{}", ambiguous.stderr);
    assert!(ambiguous.stderr.contains("device-ca/dev-1, west/dev-1"), "{}", ambiguous.stderr);
    assert!(ours.is_alive() && theirs.is_alive());
    // A client id is no way around it, and somebody else's namespace is nobody.
    assert_eq!(operate(&site.fleet, "kick", &["east/dev-1"]).code, 4);
    operate(&site.fleet, "kick", &["west/dev-1"]).stdout_of_success();
    assert!(matches!(theirs.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));
    assert!(ours.is_alive());
    // One is left, so the name is enough.
    operate(&site.fleet, "kick", &["dev-1"]).stdout_of_success();
    assert!(matches!(ours.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));
}

#[test]
fn renaming_a_trust_is_warned_of_and_ends_its_sessions_unless_the_namespace_is_kept() {
    let (site, other) = site(&by_trust());
    let mut theirs = site.connect(&other, &Connect::new(Version::V5, "dev-1"));
    // Another name of the trust, and the same namespace: the same clients, once they are back.
    site.fleet.configure("name = \"west\"\nanchors", "name = \"far-west\"\nnamespace = \"west\"\nanchors");
    site.fleet.configure("{ trust = \"west\" }", "{ trust = \"far-west\" }");
    let reloaded = operate(&site.fleet, "reload", &[]);
    assert_eq!((reloaded.code, reloaded.stderr.as_str()), (0, ""));
    assert!(matches!(theirs.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));

    let mut theirs = site.connect(&other, &Connect::new(Version::V5, "dev-1"));
    site.fleet.configure("namespace = \"west\"\n", "");
    let mark = site.broker.log().mark();
    let reloaded = operate(&site.fleet, "reload", &[]);
    assert_eq!(reloaded.code, 0, "{}", reloaded.stderr);
    let words = "belonged to namespace west and belong to far-west now";
    assert!(
        reloaded.stderr.starts_with("warning: ") && reloaded.stderr.contains(words),
        "{}",
        reloaded.stderr
    );
    site.broker.log().complaint(mark, words);
    let closed = site.broker.log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!(closed["reason"], "unmapped_identity", "{closed}");
    assert!(matches!(theirs.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));
}

#[test]
fn a_trust_that_was_renamed_while_the_broker_was_down_is_warned_of_once() {
    let fleet = Fleet::new(PROGRAMS);
    drop(Broker::start(&fleet));
    fleet.configure("name = \"service-ca\"", "name = \"back-end\"\nrole = \"service\"");
    fleet.configure("trust = \"service-ca\"", "trust = \"back-end\"");
    let words = "belonged to namespace service-ca and belong to back-end now";
    let broker = Broker::start(&fleet);
    broker.log().complaint(Mark::START, words);
    drop(broker);
    let broker = Broker::start(&fleet);
    assert!(!broker.log().since(Mark::START).iter().any(|line| line.to_string().contains(words)));
}
