//! broker.toml: what it means, and what every mistake in it is answered with.

use std::path::Path;
use std::time::Duration;

use authenticator::trust::{CrlCheck, CrlSource, Role, StaleCrl};
use broker_auth::config::{Config, EngineConfig};
use broker_auth::transport::TlsVersions;

pub(crate) const GOOD: &str = r#"[[listener]]
address = "0.0.0.0:8883"
transport = "tls"
mode = "enforce"
tls-versions = ["1.3"]
server-cert = "broker/cert.pem"
server-key = "broker/key.pem"

[[listener.trust]]
name = "device-ca"
anchors = ["device-ca/issuing.pem"]
crl = ["crl/device-ca.crl"]
crl-check = "leaf"
stale-crl = "deny-new"
renewal-grace = "0s"
ocsp = "off"
pins = []
require-registry = false

[[listener.trust]]
name = "service-ca"
anchors = ["service-ca/issuing.pem"]
crl = ["/var/crl"]
stale-crl = "deny-all"
stale-grace = "12h"

[listener.limits]
handshake-timeout = "5s"
max-inflight = 10

[identity]
device-id = "{CN}"

[[policy]]
name = "devices"
match = { trust = "device-ca" }
action = "allow"
publish = ["devices/{device-id}/telemetry/#"]

[engine]
kind = "rumqttd"
"#;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("/etc/fleet/broker.toml"), text).map_err(|error| {
        assert!(!error.fault.help().is_empty());
        error.to_string()
    })
}

#[test]
fn distribution_points_are_kept_to_the_letter() {
    let wanted = [
        "http://crl.example/A.crl",
        "https://crl.example/?a=b",
        "ldap://crl.example/cn=A?certificateRevocationList",
    ];
    let text = GOOD.replace("crl-check = \"leaf\"", &format!("crl-idp = {wanted:?}"));
    let config = parse(&text).expect("URLs");
    assert_eq!(config.listeners[0].trusts[0].crl_idp, wanted);
    assert!(config.listeners[0].trusts[1].crl_idp.is_empty());
}

#[test]
fn limits_are_of_one_listener_or_of_all() {
    let limits = |of_listener: &str, of_all: &str| {
        let text = GOOD.replace("max-inflight = 10", of_listener);
        parse(&format!("{text}\n[limits]\n{of_all}"))
            .map(|config| (config.listeners[0].settings.limits.clone(), config.limits))
    };
    let (listener, all) = limits("", "").expect("nothing need be said");
    assert_eq!(
        (listener.listener.max_connections_per_address, listener.listener.max_connections_per_prefix),
        (2_000, 4_000)
    );
    assert_eq!((listener.session.max_queued_bytes, all.max_queued_bytes), (1024 * 1024, 256 * 1024 * 1024));
    assert!(listener.listener.max_handshakes >= 1);
    let (listener, all) = limits(
        "max-connections-per-address = 9000\nmax-queued-bytes = 1\nmax-topic-aliases = 2\nmax-handshakes-per-second = 3",
        "max-queued-bytes = 4\nmax-publishing-bytes = 5\nmax-retained-messages = 6\nmax-retained-bytes = 7",
    )
    .expect("good limits");
    assert_eq!(
        listener.listener.max_connections_per_prefix, 9_000,
        "a network has what one of its addresses has"
    );
    assert_eq!(
        (
            listener.session.max_queued_bytes,
            listener.session.max_topic_aliases,
            listener.listener.max_handshakes_per_second
        ),
        (1, 2, 3)
    );
    assert_eq!((all.max_queued_bytes, all.max_publishing_bytes), (4, 5));
    assert_eq!((all.max_retained_messages, all.max_retained_bytes), (6, 7));
    let (listener, _) =
        limits("max-connections-per-prefix = 5\nmax-handshakes = 1", "").expect("good limits");
    assert_eq!((listener.listener.max_connections_per_prefix, listener.listener.max_handshakes), (5, 1));
    for (of_listener, of_all, complaint) in [
        ("max-will-size = 0", "", "max-will-size"),
        ("max-topic-aliases = 65536", "", "max-topic-aliases"),
        ("max-publishing-bytes = 1", "", "max-publishing-bytes"),
        ("", "max-connections = 1", "max-connections"),
        ("", "max-retained-byte = 1", "max-retained-bytes"),
    ] {
        let error = limits(of_listener, of_all).expect_err(complaint);
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn every_key_of_a_configuration_is_read() {
    let config = parse(GOOD).expect("a good configuration");
    assert_eq!(config.directory, Path::new("/etc/fleet"));
    assert_eq!(config.state_directory(), Path::new("/etc/fleet/broker"));
    assert_eq!(config.engine, EngineConfig::Rumqttd);
    let [listener] = config.listeners.as_slice() else { panic!("one listener") };
    assert_eq!(listener.settings.address.to_string(), "0.0.0.0:8883");
    assert_eq!(listener.settings.tls_versions, TlsVersions::Tls13);
    assert_eq!(listener.server_cert, Path::new("/etc/fleet/broker/cert.pem"));
    assert_eq!(listener.settings.limits.listener.handshake_timeout, Duration::from_secs(5));
    assert_eq!(listener.settings.limits.listener.connect_timeout, Duration::from_secs(10));
    assert_eq!(listener.settings.limits.session.max_inflight, 10);
    assert_eq!(listener.settings.limits.connection.max_packet_size, 256 * 1024);
    let [devices, services] = listener.trusts.as_slice() else { panic!("two trusts") };
    assert_eq!((devices.role, services.role), (Role::Device, Role::Service));
    assert_eq!((devices.crl_check, services.crl_check), (CrlCheck::Leaf, CrlCheck::Leaf));
    assert_eq!((devices.stale_crl, services.stale_crl), (StaleCrl::DenyNew, StaleCrl::DenyAll));
    assert_eq!(devices.stale_grace, Duration::from_secs(24 * 3600));
    assert_eq!(devices.anchors, [Path::new("/etc/fleet/device-ca/issuing.pem")]);
    assert_eq!(services.crl, [CrlSource::Path("/var/crl".into())]);
}

/// Each case changes one thing of the good configuration; the answer names the file, the line, and what is wrong.
#[test]
fn every_mistake_in_a_configuration_is_reported_with_its_line_and_help() {
    let cases: &[(&str, &str, &str)] = &[
        ("server-key = ", "server-kye = ", ":7: unknown key"),
        (
            "stale-crl = \"deny-new\"",
            "stale-crls = \"deny-new\"",
            ":14: unknown key `stale-crls` in [[listener.trust]], did you mean `stale-crl`?",
        ),
        ("handshake-timeout = \"5s\"", "handshake_timeout = \"5s\"", "did you mean `handshake-timeout`?"),
        ("[engine]", "[motor]", "unknown key `motor` in the configuration"),
        ("action = \"allow\"", "action = \"allow\"\nqqq = 1", "unknown key `qqq` in [[policy]]"),
        ("kind = \"rumqttd\"", "", "[engine] lacks `kind`"),
        ("address = \"0.0.0.0:8883\"\n", "", ":1: [[listener]] lacks `address`"),
        ("0.0.0.0:8883", "0.0.0.0", ":2: `address`: \"0.0.0.0\": invalid socket address syntax"),
        ("[\"1.3\"]", "[\"1.1\"]", ":5: `tls-versions`: \"1.1\" is none of \"1.2\", \"1.3\""),
        ("[\"1.3\"]", "[]", ":5: `tls-versions`: at least one version is needed"),
        ("\"5s\"", "\"5\"", "`handshake-timeout`: \"5\" is no duration"),
        ("\"5s\"", "5", "`handshake-timeout`: it is a integer, a string is wanted"),
        ("\"5s\"", "\"0s\"", "a deadline of zero lets nobody in"),
        ("max-inflight = 10", "max-inflight = 0", "zero, negative, or too large"),
        ("max-inflight = 10", "max-inflight = 65536", "zero, negative, or too large"),
        ("max-inflight = 10", "max-inflight = -1", "zero, negative, or too large"),
        ("[\"device-ca/issuing.pem\"]", "[]", ":11: `anchors`: at least one anchor is needed"),
        (
            "crl = [\"/var/crl\"]",
            "",
            "trust \"service-ca\" has no `crl`: name one, or set crl-check = \"off\"",
        ),
        (
            "crl-check = \"leaf\"",
            "crl-idp = [\"file:///ca.crl\"]",
            ":13: `crl-idp`: \"file:///ca.crl\" is no http",
        ),
        ("crl-check = \"leaf\"", "crl-idp = [\"http://\"]", ":13: `crl-idp`: \"http://\" is no http"),
        ("crl-check = \"leaf\"", "crl-idp = [\"http://a/ b\"]", ":13: `crl-idp`: \"http://a/ b\" is no http"),
        ("crl-check = \"leaf\"", "crl-idp = [\"crl/a.crl\"]", ":13: `crl-idp`: \"crl/a.crl\" is no http"),
        (
            "crl = [\"/var/crl\"]",
            "crl-idp = [\"http://a/1\"]",
            "`crl-idp`: there is no `crl` whose distribution points it could name",
        ),
        ("crl-check = \"leaf\"", "crl-check = \"off\"", ":13: `crl-check`: `crl` would be read for nothing"),
        (
            "name = \"service-ca\"",
            "name = \"device-ca\"",
            "there are two trusts of this listener called \"device-ca\"",
        ),
        (
            "{ trust = \"device-ca\" }",
            "{ trust = \"device-cs\" }",
            "there is no trust called \"device-cs\", did you mean \"device-ca\"?",
        ),
        ("{ trust = \"device-ca\" }", "{ }", "`match`: it is empty"),
        (
            "{ trust = \"device-ca\" }",
            "{ identity = \"a/b\" }",
            "there is no namespace of these trusts called \"a\"",
        ),
        ("{ trust = \"device-ca\" }", "{ identity = \"device-ca/b/c\" }", "`identity`: \"device-ca/b/c\": "),
        ("name = \"service-ca\"", "name = \"service ca\"", "set `namespace` beside it"),
        ("stale-grace = \"12h\"", "namespace = \"a/b\"", "`namespace`: \"a/b\": "),
        ("{ trust = \"device-ca\" }", "{ identity = [] }", "an empty list is for nobody"),
        ("telemetry/#", "telemetry#", "# must be the whole last level"),
        (
            "match = { trust = \"device-ca\" }",
            "match = { trust = \"service-ca\" }",
            ":38: `publish`: \"devices/{device-id}/telemetry/#\": trust service-ca vouches for services, and no service has \
             a device id; write \"devices/{identity}/telemetry/#\" instead",
        ),
        ("{device-id}/telemetry", "{device}/telemetry", "{device} is no placeholder"),
        ("{CN}", "pump", "it names no field"),
        (
            "{CN}",
            "pump/{CN}",
            ":32: `device-id`: \"pump/{CN}\": no id has '/' in it: there are letters, digits and . _ : -; write \
             \"pump-{CN}\" instead",
        ),
        (
            "device-id = \"{CN}\"",
            "service-name = \".{CN}\"",
            ":32: `service-name`: \".{CN}\": no id starts with '.': the first character is a letter or a digit; write \
             \"{CN}\" instead",
        ),
        (
            "{CN}",
            "{issuer:CN}",
            "every certificate of one CA would have the same identity; write \"{issuer:CN}-{CN}\"",
        ),
        (
            "{CN}",
            "{SAN:email}",
            "every value of {SAN:email} is an address with an @ in it, which no id has; write \"{SAN:email|local-part}\"",
        ),
        ("{CN}", "{CN|first}", "\"first\" is no part of a value; there are local-part, "),
        (
            "{CN}",
            "{SAN:IP|last-segment}",
            "no value of {SAN:IP} has a last-segment; there is one in {SAN:URI}, ",
        ),
        ("{CN}", "{2.5.4.03}", "{2.5.4.03} is no type that an attribute can have"),
        ("[identity]", "[identity", ": "),
        // What the format has and this version has not.
        (
            "transport = \"tls\"",
            "transport = \"websocket\"",
            ":3: `transport = \"websocket\"` is not supported in this version",
        ),
        ("mode = \"enforce\"", "mode = \"lenient\"", ":4: "),
        ("ocsp = \"off\"", "ocsp = \"on\"", "\"on\" is none of \"off\", \"prefer\", \"require\""),
        ("ocsp = \"off\"", "ocsp = \"require\"", ":16: `ocsp`: there is no `ocsp-allow`: name the URLs"),
        ("ocsp = \"off\"", "ocsp = \"prefer\"\nocsp-allow = []", ":16: `ocsp`: there is no `ocsp-allow`"),
        (
            "ocsp = \"off\"",
            "ocsp-allow = [\"http://ocsp.example\"]",
            "nobody is asked: set ocsp = \"prefer\"",
        ),
        (
            "ocsp = \"off\"",
            "ocsp = \"prefer\"\nocsp-allow = [\"http://a@ocsp.example\"]",
            ":17: `ocsp-allow`: \"http://a@ocsp.example\": what stands before its path is no host",
        ),
        ("pins = []", "pins = [\"ab\"]", "pins"),
        ("pins = []", "pins = [{ cert-sha256 = \"ab\" }]", "it has 2 hexadecimal digits, and 64 are needed"),
        ("pins = []", "pins = [{ spki-sha256 = \"xy\" }]", "'x' is no hexadecimal digit"),
        ("pins = []", "pins = [{ issuer = \"CN=Acme\" }]", "a pin is one of { cert-sha256"),
        ("pins = []", "pins = [{ issuer = \"Acme\", serial = \"01\" }]", "it is no distinguished name"),
        ("pins = []", "pins = [{ issuer = \"CN=Acme\", serial = \"\" }]", "0 hexadecimal digits"),
        ("pins = []", "pins = [{ cert-sha1 = \"ab\" }]", "a pin is one of { cert-sha256"),
        ("pins = []", "issuers = [\"\"]", "it is no distinguished name"),
        (
            "require-registry = false",
            "require-registry = true",
            "`require-registry = true` is not supported in this version",
        ),
        (
            "renewal-grace = \"0s\"",
            "renewal-grace = \"7d\"",
            "`renewal-grace = \"7d\"` is not supported in this version",
        ),
        (
            "kind = \"rumqttd\"",
            "kind = \"upstream\"",
            "`kind = \"upstream\"` is not supported in this version",
        ),
        (
            "action = \"allow\"",
            "action = \"report\"",
            "report notes whom `enforce` would refuse, and it refuses nobody with a proven certificate",
        ),
        (
            "crl/device-ca.crl",
            "ldap://crl.acme.test/ca.crl",
            "`crl`: \"ldap://crl.acme.test/ca.crl\": it is no http or https URL",
        ),
        ("{ trust = \"device-ca\" }", "{ verdict = \"EXPIRED\" }", "\"EXPIRED\" is no verdict"),
        (
            "{ trust = \"device-ca\" }",
            "{ verdict = \"FAILED:malformed\" }",
            "no certificate fails for \"malformed\"",
        ),
        ("{ trust = \"device-ca\" }", "{ verdict = [] }", "an empty list is for nobody"),
        (
            "{ trust = \"device-ca\" }",
            "{ trust = \"device-ca\", verdict = [\"SUCCESS\", \"FAILED\"] }",
            "are those of a proven certificate, and FAILED and NONE have none",
        ),
        (
            "{ trust = \"device-ca\" }",
            "{ verdict = [\"SUCCESS\", \"NONE\"] }",
            "nothing that is proven could fill it: name the topic itself",
        ),
    ];
    for (from, to, wanted) in cases {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replacen(from, to, 1)).expect_err(wanted);
        assert!(error.starts_with("/etc/fleet/broker.toml:"), "{error}");
        assert!(error.contains(wanted), "wanted {wanted:?}, got {error:?}");
    }
}

#[test]
fn a_configuration_without_a_listener_or_without_a_file_is_refused() {
    assert!(parse("").expect_err("nothing").contains("lacks `listener`"));
    let error = Config::load(Path::new("/nowhere/broker.toml")).expect_err("no file");
    assert!(error.to_string().starts_with("/nowhere/broker.toml: cannot read it: "), "{error}");
}

#[test]
fn policies_are_not_needed_to_load() {
    let (listener, _) = GOOD.split_once("[identity]").expect("there is one");
    let config = parse(listener).expect("enough");
    assert_eq!(config.access.policies.iter().count(), 0);
}
