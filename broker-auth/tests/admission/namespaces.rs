//! Names in several namespaces: what a configuration may not leave open.

use std::path::Path;

use broker_auth::config::Config;
use broker_rules::config::ambiguous_policies;

/// Two device CAs and a service CA.
const TRUSTS: &str = r#"[[listener]]
address = "127.0.0.1:0"
server-cert = "cert.pem"
server-key = "key.pem"
trust = [
    { name = "east", anchors = "east.pem", crl-check = "off" },
    { name = "west", anchors = "west.pem", crl-check = "off" },
    { name = "service-ca", anchors = "service.pem", crl-check = "off" },
]
"#;

fn ambiguous(config: &Config) -> Vec<String> {
    ambiguous_policies(&config.access, &config.listener_rules())
}

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("/etc/fleet/broker.toml"), text).map_err(|error| error.to_string())
}

/// The trusts with policies that allow: what each matches and gives.
fn policies_of(policies: &[&str]) -> Result<Config, String> {
    let policies: String = policies
        .iter()
        .enumerate()
        .map(|(number, what)| format!("[[policy]]\nname = \"p{number}\"\naction = \"allow\"\n{what}\n"))
        .collect();
    parse(&format!("{TRUSTS}{policies}"))
}

/// What each of two namespaces gives a name, and whether that is the same topic for the same name.
#[test]
fn one_name_in_two_namespaces_has_topics_of_its_own_or_the_configuration_is_refused() {
    for (one, other, is_shared) in [
        // The very same, one within the other, and read here what is said there.
        ("publish = 'd/{device-id}/t'", "publish = 'd/{device-id}/t'", true),
        ("publish = 'd/{device-id}/#'", "publish = 'd/{identity}/t'", true),
        ("publish = 'd/{device-id}/t'", "subscribe = 'd/{device-id}/t'", true),
        ("subscribe = 'd/{device-id}/c/#'", "subscribe = 'd/{device-id}/+/x'", true),
        ("subscribe = '$share/g/d/{device-id}'", "subscribe = 'd/{device-id}'", true),
        ("publish = '{device-id}'", "subscribe = '{identity}/#'", true),
        ("publish = 'd/{device-id}/+'", "publish = 'd/+/{device-id}'", true),
        // Levels that differ; a wildcard never covers `$`.
        ("publish = 'd/{device-id}/t'", "publish = 'd/{device-id}/u'", false),
        ("publish = 'e/{device-id}'", "publish = 'w/{device-id}'", false),
        ("publish = 'd/{device-id}'", "publish = 'd/{device-id}/t'", false),
        ("publish = '$d/{device-id}'", "publish = '+/{device-id}'", false),
        // The trust tells them apart, in one is enough.
        ("publish = 'd/{trust}/{device-id}'", "publish = 'd/{trust}/{device-id}'", false),
        ("publish = 'd/{trust}/{device-id}/#'", "subscribe = 'd/{device-id}/x'", false),
        ("publish = 'd/{trust}/{device-id}'", "publish = 'd/east/{device-id}'", true),
        // What has no name in it is shared on purpose.
        ("publish = 'all'", "subscribe = 'all'", false),
        ("publish = 'd/{device-id}/t'", "subscribe = 'd/+/t'", false),
        ("publish = 'd/{device-id}/t'", "subscribe = '#'", false),
    ] {
        let of = |trust: &str, what: &str| format!("match = {{ trust = \"{trust}\" }}\n{what}");
        let outcome = policies_of(&[&of("east", one), &of("west", other)]);
        match (outcome, is_shared) {
            (Ok(_), false) => {}
            (Err(error), true) => {
                assert!(error.contains(":16: ") && error.contains("would share topics"), "{error}");
                assert!(error.contains("east") && error.contains("west"), "{error}");
            }
            (outcome, _) => panic!("{one} / {other}: {:?}", outcome.map(|_| ())),
        }
    }
}

#[test]
fn who_can_bear_the_same_name_is_told_from_who_cannot() {
    // One policy for several trusts gives each the same.
    let shared = "match = { identity = [\"a\"] }\npublish = 'd/{identity}'";
    assert!(policies_of(&[shared]).is_err());
    for (policies, is_shared) in [
        (vec!["match = { identity = \"east/a\" }\npublish = 'd/{identity}'"], false),
        (
            vec![
                "match = { trust = \"east\", identity = \"a\" }\npublish = 'd/{identity}'",
                "match = { trust = \"west\", identity = \"b\" }\npublish = 'd/{identity}'",
            ],
            false,
        ),
        (
            vec![
                "match = { trust = \"east\", identity = \"a\" }\npublish = 'd/{identity}'",
                "match = { trust = \"west\", identity = [\"b\", \"a\"] }\npublish = 'd/{identity}'",
            ],
            true,
        ),
        // What comes after a policy for all clients of a trust is never asked.
        (
            vec![
                "match = { trust = \"east\" }\npublish = 'e/{identity}'",
                "match = { trust = \"west\" }\npublish = 'w/{identity}'",
                "match = { trust = \"service-ca\" }\npublish = 's/{identity}'",
                "match = { identity = \"a\" }\npublish = 'd/{identity}'",
            ],
            false,
        ),
        // A service bears an identity, too.
        (
            vec![
                "match = { trust = \"east\" }\npublish = 'd/{device-id}'",
                "match = { trust = \"service-ca\" }\npublish = 'd/{identity}'",
            ],
            true,
        ),
    ] {
        assert_eq!(policies_of(&policies).is_err(), is_shared, "{policies:?}");
    }
    // Who denies gives nothing.
    let text = policies_of(&["match = { identity = [\"east/a\"] }\npublish = 'd/{identity}'"])
        .expect("one namespace");
    let denied = text.text.clone()
        + "[[policy]]\nname = \"no\"\naction = \"deny\"\nmatch = { trust = \"west\" }\n\
                                      publish = 'd/{identity}'\n";
    assert!(parse(&denied).is_ok());
}

#[test]
fn trusts_share_their_names_only_on_purpose() {
    let both = "[[policy]]\nname = \"p\"\naction = \"allow\"\nmatch = { identity = \"a\" }\npublish = 'd/{identity}'\n";
    let shared = TRUSTS.replace("crl-check", "namespace = \"acme\", crl-check");
    let config = parse(&format!("{shared}{both}")).expect("one namespace");
    let namespaces: Vec<_> =
        config.listeners[0].trusts.iter().map(|trust| trust.namespace.as_str()).collect();
    assert_eq!(namespaces, ["acme"; 3]);
    assert!(ambiguous(&config).is_empty());
    // A name of a trust that is no namespace must be given one.
    let spaced = TRUSTS.replace("\"east\"", "\"east coast\"");
    let error = parse(&spaced).expect_err("no namespace");
    assert!(error.contains(":6: ") && error.contains("set `namespace` beside it"), "{error}");
    let given = spaced.replace("\"east coast\",", "\"east coast\", namespace = \"east\",");
    parse(&given).expect("a namespace");
    // And cannot stand in a topic.
    let topic = "[[policy]]\nname = \"p\"\naction = \"allow\"\nmatch = { trust = \"east coast\" }\npublish = '{trust}'\n";
    let error = parse(&format!("{given}{topic}")).expect_err("no topic level");
    assert!(error.contains("cannot be a topic level"), "{error}");
}

#[test]
fn a_policy_that_names_an_identity_of_several_namespaces_is_warned_of() {
    let policy = |what: &str| ambiguous(&policies_of(&[what]).expect("a configuration"));
    let warned = policy("match = { identity = [\"a\", \"west/b\"] }\npublish = 'd/all'");
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("for a of every namespace (east, service-ca, west)"), "{warned:?}");
    assert!(policy("match = { identity = \"east/a\" }").is_empty());
    assert!(policy("match = { trust = \"east\", identity = \"a\" }").is_empty());
}

#[test]
fn a_trust_of_two_listeners_is_the_same_trust() {
    let second = TRUSTS.replace("127.0.0.1:0", "127.0.0.2:0");
    assert!(parse(&format!("{TRUSTS}{second}")).is_ok());
    for (from, to, what) in [
        ("\"east.pem\"", "\"west.pem\"", "anchors"),
        ("\"east.pem\"", "[\"east.pem\", \"west.pem\"]", "anchors"),
        ("name = \"east\"", "name = \"east\", role = \"service\"", "role"),
        ("name = \"east\"", "name = \"east\", namespace = \"west\"", "namespace"),
    ] {
        let error = parse(&format!("{TRUSTS}{}", second.replacen(from, to, 1))).expect_err(what);
        assert!(error.contains(":15: ") && error.contains(&format!("has other `{what}`")), "{error}");
    }
    // What is no part of who is vouched for may differ.
    let other = second.replacen("crl-check = \"off\"", "crl-check = \"off\", legacy-leaf = \"warn\"", 1);
    assert!(parse(&format!("{TRUSTS}{other}")).is_ok());
}
