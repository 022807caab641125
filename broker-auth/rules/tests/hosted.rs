//! `broker.toml` for a host that brings its own listeners: what counts, what is passed over, and what is refused by name.

use std::path::Path;

use authenticator::policy::Action;
use authenticator::ruleset::Mode;
use broker_rules::config::HostedConfig;

const LISTENER: &str = r#"[[listener]]
address = "0.0.0.0:8883"
server-cert = "broker/cert.pem"
server-key = "broker/key.pem"
"#;

const TRUST: &str = r#"
[[listener.trust]]
name = "device-ca"
anchors = ["device-ca/issuing.pem"]
crl = ["crl/device-ca.crl"]
"#;

const POLICY: &str = r#"
[[policy]]
name = "devices"
match = { trust = "device-ca" }
action = "allow"
publish = ["devices/{device-id}/telemetry/#"]
"#;

fn parse(text: &str) -> Result<HostedConfig, String> {
    HostedConfig::parse(Path::new("/etc/fleet/broker.toml"), text, "mosquitto")
        .map_err(|error| error.to_string())
}

/// The error for a configuration of these parts.
fn refused(parts: &[&str]) -> String {
    let text = parts.concat();
    parse(&text).err().unwrap_or_else(|| panic!("accepted:\n{text}"))
}

#[test]
fn what_decides_counts() {
    let listener = format!("{LISTENER}mode = \"permissive\"\ntransport = \"tls\"\n");
    let others = r#"
[identity]
device-id = "pump-{serialNumber}"
[second-factor.password]
file = "passwords"
[state]
dir = "/var/lib/fleet"
"#;
    let policy = "[[policy]]\nname = \"asked\"\naction = \"allow\"\nsecond-factor = \"password\"\n\
                  match = { source = \"10.0.0.0/8\", mqtt-version = \"5\" }\n";
    let config = parse(&[&listener, TRUST, POLICY, policy, others].concat()).expect("a configuration");
    assert_eq!((config.mode, config.host), (Mode::Permissive, "mosquitto"));
    let [trust] = config.trusts.as_slice() else { panic!("one trust, and not {:?}", config.trusts) };
    assert_eq!(trust.name.as_str(), "device-ca");
    assert_eq!(trust.anchors, [Path::new("/etc/fleet/device-ca/issuing.pem")]);
    let policies: Vec<_> =
        config.access.policies.iter().map(|policy| (&*policy.name, policy.action)).collect();
    assert_eq!(policies, [("devices", Action::Allow), ("asked", Action::Allow)]);
    assert_eq!(config.second_factors.password.as_deref(), Some(Path::new("/etc/fleet/passwords")));
    assert_eq!(config.state.directory, Path::new("/var/lib/fleet"));
    assert_eq!(config.directory, Path::new("/etc/fleet"));
    // A listener that nobody but the host knows has a name in warnings, too.
    let warnings = config.policy_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("the [[listener]] for mosquitto is permissive, and no policy"),
        "{warnings:?}"
    );
}

/// The broker's own matters are no business of the host, whatever they say.
#[test]
fn what_the_host_has_itself_is_passed_over() {
    parse(&["[[listener]]\n", TRUST, POLICY].concat()).expect("without any of it");
    let listener = "[[listener]]\naddress = 7\nserver-cert = []\nserver-key = {}\ntls-versions = \"9\"\nalpn = 3\n\
                    limits = { max-inflight = \"many\" }\n";
    let root = "[limits]\nunheard = \"of\"\n[engine]\nkind = \"steam\"\n[fetch]\ninterval = \"1h\"\n";
    let config = parse(&[listener, TRUST, POLICY, root].concat()).expect("passed over");
    assert_eq!((config.mode, config.trusts.len()), (Mode::Enforce, 1));
}

#[test]
fn what_the_host_cannot_do_is_refused_by_name_and_line() {
    for (key, what) in [
        ("transport = \"https\"", "`transport`: mosquitto cannot have another transport"),
        ("transport = \"websocket\"", "`transport`: mosquitto cannot have another transport"),
        ("upstream = \"http://127.0.0.1:8080\"", "`upstream`: mosquitto cannot stand in front"),
        ("upstream-tls = { ca = \"ca.pem\" }", "`upstream-tls`: mosquitto cannot stand in front"),
        ("upstream-timeout = \"1s\"", "`upstream-timeout`: mosquitto cannot stand in front"),
        ("idle-timeout = \"1s\"", "`idle-timeout`: mosquitto cannot stand in front"),
        ("path = []", "`path`: mosquitto cannot stand in front"),
        ("headers = {}", "`headers`: mosquitto cannot stand in front"),
        ("server-names = [\"a.test\"]", "`server-names`: mosquitto cannot tell its clients apart"),
        ("default-server-name = \"a.test\"", "`default-server-name`: mosquitto cannot tell"),
        ("proxy = \"10.0.0.1\"", "`proxy`: mosquitto cannot be told here"),
    ] {
        let error = refused(&[LISTENER, key, TRUST, POLICY]);
        assert!(error.starts_with("/etc/fleet/broker.toml:5: ") && error.contains(what), "{key}: {error}");
    }
    for (from, to, what) in [
        (
            "[\"crl/device-ca.crl\"]",
            "[\"http://pki.test/a.crl\"]",
            "`crl`: mosquitto cannot fetch revocation lists",
        ),
        (
            "[\"crl/device-ca.crl\"]",
            "[\"a.crl\", \"https://pki.test/a.crl\"]",
            "`crl`: mosquitto cannot fetch",
        ),
        (
            "crl =",
            "ocsp-allow = [\"http://o.test\"]\nocsp = \"require\"\ncrl =",
            "`ocsp`: mosquitto cannot ask",
        ),
        ("crl =", "ocsp = \"prefer\"\ncrl =", "`ocsp`: mosquitto cannot ask responders"),
    ] {
        let error = refused(&[LISTENER, &TRUST.replace(from, to), POLICY]);
        assert!(error.contains(what), "{to}: {error}");
    }
    parse(&[LISTENER, &TRUST.replace("crl =", "ocsp = \"off\"\ncrl ="), POLICY].concat())
        .expect("it asks nobody");
    for (condition, what) in [
        ("listener = \"0.0.0.0:8883\"", "`listener`: mosquitto cannot tell by which listener"),
        ("server-name = \"a.test\"", "`server-name`: mosquitto cannot tell which server"),
        ("not = { listener = \"0.0.0.0:8883\" }", "`listener`: mosquitto cannot tell by which listener"),
        (
            "any = [{ all = [{ server-name = \"a.test\" }] }]",
            "`server-name`: mosquitto cannot tell which server",
        ),
    ] {
        let policy = POLICY.replace("trust = \"device-ca\"", &format!("trust = \"device-ca\", {condition}"));
        let error = refused(&[LISTENER, TRUST, &policy]);
        assert!(
            error.starts_with("/etc/fleet/broker.toml:13: ") && error.contains(what),
            "{condition}: {error}"
        );
    }
    let error = refused(&[LISTENER, TRUST, LISTENER, TRUST, POLICY]);
    assert!(error.starts_with("/etc/fleet/broker.toml:10: "), "{error}");
    assert!(error.contains("`listener`: mosquitto cannot have rules for several listeners"), "{error}");
    let token = "[second-factor.token]\nissuer = \"i\"\naudience = \"a\"\nalgorithms = \"ES256\"\n";
    for keys in
        ["keys = \"https://id.test/jwks.json\"", "keys = \"https://id.test/j\"\nkeys-max-age = \"24h\""]
    {
        let error = refused(&[LISTENER, TRUST, POLICY, token, keys]);
        assert!(error.contains("`keys`: mosquitto cannot fetch key sets"), "{keys}: {error}");
    }
    parse(&[LISTENER, TRUST, POLICY, token, "keys = \"jwks.json\""].concat()).expect("a file");
}

/// Whatever is misspelt is not passed over.
#[test]
fn what_nobody_knows_is_refused() {
    for (listener, rest, what) in [
        ("adress = \"0.0.0.0:8883\"\n", "", "did you mean `address`?"),
        ("modes = \"permissive\"\n", "", "did you mean `mode`?"),
        ("", "[limit]\nmax-queued-bytes = 1\n", "did you mean `limits`?"),
        ("", "[polices]\n", "unknown key `polices`"),
    ] {
        let error = refused(&["[[listener]]\n", listener, TRUST, POLICY, rest]);
        assert!(error.contains(what), "{error}");
    }
    for text in ["", POLICY, "listener = []\n", "[[listener]]\n", LISTENER] {
        assert!(refused(&[text]).contains("lacks") || text.contains("[]"), "{text}");
    }
}
