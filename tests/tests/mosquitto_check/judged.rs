//! Whom the plugin judges, whom it does not, and what mosquitto does not ask beside it.

use std::fs;

use integration_tests::client::{Client, Tls};
use integration_tests::mqtt::{Connect, Version};
use integration_tests::peer::Peer;
use integration_tests::pki;
use integration_tests::program::{finish_with_input, run};

use crate::finding::found;
use crate::site::Reach::{Out, Publishes};
use crate::site::{Site, library, plain_connack, text, unix_connack};

/// Whatever an access list of mosquitto says: an empty one denies nothing, and one that allows everything allows nothing.
#[test]
fn an_access_list_is_never_asked() {
    let Some(site) = Site::new() else { return };
    for rules in ["", "topic readwrite #\n", "user dev-1\ntopic deny devices/#\n"] {
        fs::write(site.file("acl"), rules).expect("a file can be written");
        let conf = format!("{}acl_file {}\n", site.exported, site.file("acl").display());
        let mosquitto = site.start::<1>(&conf);
        let tls = Tls::new(&site.fleet, Some(&site.device));
        let mut device = Client::connect(mosquitto.address(), &tls, &Connect::new(Version::V5, "dev-1"));
        assert!(device.publish("devices/dev-1/telemetry/a", "1") < 0x80, "{rules:?}");
        assert!(device.subscribe("devices/dev-2/commands/#", 0) >= 0x80, "{rules:?}");
        assert!(device.publish("devices/dev-2/telemetry/a", "1") >= 0x80, "{rules:?}");
    }
}

/// Devices send their certificate alone: OpenSSL needs those above it.
#[test]
fn a_device_that_sends_its_certificate_alone_needs_all_of_them_in_the_cafile() {
    let Some(site) = Site::new() else { return };
    let alone = site.device.keep_in(&site.file(""));
    let leaf = pki::certificate_pem(&site.device.chain()[0]);
    fs::write(&alone.certificate, leaf).expect("a file can be written");
    let roots = ["device-ca/root.pem", "service-ca/root.pem"]
        .map(|name| fs::read_to_string(site.fleet.file(name)).expect("a CA"));
    fs::write(site.file("roots.pem"), roots.concat()).expect("a file can be written");
    for (authorities, expected, code) in [("client-authorities.pem", Publishes, 0), ("roots.pem", Out, 6)] {
        let conf = site.exported.replace("/client-authorities.pem", &format!("/{authorities}"));
        let checked = site.check(&conf);
        assert_eq!(checked.code, code, "{}", checked.stderr);
        let mosquitto = site.start::<1>(&conf);
        assert_eq!(site.reach(mosquitto.address(), Some(&alone), "dev-1"), expected);
    }
}

#[test]
fn mosquitto_does_not_start_with_the_plugin_twice() {
    let Some(site) = Site::new() else { return };
    let plugin = library("libcountersign_mosquitto.so").display().to_string();
    let second = format!("auth_plugin {plugin}\nauth_opt_config {}\n", site.file("broker.toml").display());
    let conf = site.exported.clone() + &second;
    let findings = found(&site.check(&conf), &conf);
    let expected = ("error".to_owned(), "plugin".to_owned(), Some(format!("auth_plugin {plugin}")));
    assert_eq!(findings, [expected]);
    let mut command = site.peer.command();
    command.arg("-c").arg(site.file("mosquitto.conf"));
    assert_ne!(run(&mut command).code, 0);
}

/// Without the plugin, whoever has a certificate of the fleet's CAs may do everything, revoked or not.
#[test]
fn nobody_is_judged_without_the_plugin() {
    let Some(site) = Site::new() else { return };
    let lines = site.exported.lines().filter(|line| !line.starts_with("plugin"));
    let conf =
        lines.collect::<Vec<_>>().join("\n").replace("allow_anonymous false", "allow_anonymous true\n");
    let checked = site.check(&conf);
    let findings = found(&checked, &conf);
    assert!(findings.contains(&("error".to_owned(), "plugin".to_owned(), None)), "{findings:?}");
    let mosquitto = site.start::<1>(&conf);
    assert_eq!(site.reach(mosquitto.address(), Some(&site.revoked), "dev-2"), Publishes);
    assert_eq!(site.reach(mosquitto.address(), Some(&site.revoked), "dev-1"), Publishes, "by any client id");
}

/// A listener of its own that names no plugin.
#[test]
fn a_listener_that_names_no_plugin_judges_nobody() {
    let Some(site) = Site::new() else { return };
    let plugin =
        site.exported.lines().filter(|line| line.starts_with("plugin")).collect::<Vec<_>>().join("\n");
    let rest =
        site.exported.lines().filter(|line| !line.starts_with("plugin") && !line.starts_with("allow_"));
    let conf = format!(
        "per_listener_settings true\n{}\n{plugin}\nlistener PORT2\nallow_anonymous true\n",
        rest.collect::<Vec<_>>().join("\n")
    );
    let checked = site.check(&conf);
    let settings: Vec<_> = found(&checked, &conf).into_iter().map(|(_, setting, _)| setting).collect();
    assert_eq!(settings, ["per_listener_settings", "allow_anonymous", "certfile"]);
    assert_eq!(checked.code, 6);
    let mosquitto = site.start::<2>(&conf);
    let [judged, unjudged] = [mosquitto.addresses()[0], mosquitto.addresses()[1]];
    assert_eq!(site.reach(judged, Some(&site.device), "dev-1"), Publishes);
    assert_eq!(site.reach(judged, Some(&site.revoked), "dev-2"), Out);
    assert_eq!(plain_connack(unjudged, &Connect::new(Version::V311, "dev-1")), Some(0));
}

/// A second listener that is plain, with a password that is right for mosquitto.
#[test]
fn a_plain_listener_is_found_and_the_plugin_refuses_everybody_there() {
    let Some(site) = Site::new() else { return };
    let Some(passwords) = password_file(&site) else { return };
    for anonymous in ["allow_anonymous false", "allow_anonymous true"] {
        let conf = format!(
            "{}password_file {passwords}\nlistener PORT2\n",
            site.exported.replace("allow_anonymous false", anonymous)
        );
        let checked = site.check(&conf);
        let findings = found(&checked, &conf);
        let expected = ("error".to_owned(), "certfile".to_owned(), Some("listener PORT2".to_owned()));
        assert!(findings.contains(&expected), "{findings:?}");
        assert!(findings.iter().any(|(_, setting, _)| setting == "password_file"), "{findings:?}");
        let mosquitto = site.start::<2>(&conf);
        let plain = mosquitto.addresses()[1];
        let connect = Connect::new(Version::V311, "dev-1");
        assert_eq!(plain_connack(plain, &connect), Some(5));
        assert_eq!(plain_connack(plain, &connect.user_name("dev-1").password("right")), Some(5));
        assert_eq!(site.reach(mosquitto.address(), Some(&site.device), "dev-1"), Publishes);
    }
}

/// The connection of a Unix socket has no certificate.
#[test]
fn a_unix_socket_is_found_and_the_plugin_refuses_everybody_there() {
    let Some(site) = Site::new() else { return };
    let socket = site.file("socket");
    let listener = format!("listener 0 {}", socket.display());
    // In front of the other listener, whose being there says that this one is.
    let conf = format!("{listener}\n{}", site.exported);
    let findings = found(&site.check(&conf), &conf);
    assert!(findings.contains(&("error".to_owned(), "listener".to_owned(), Some(listener))), "{findings:?}");
    assert_eq!(findings.len(), 1, "{findings:?}");
    let mosquitto = site.start::<1>(&conf);
    for version in Version::ALL {
        let code = unix_connack(&socket, &Connect::new(version, "dev-1"));
        assert!(code.is_none_or(|code| code != 0), "{code:?}");
    }
    assert_eq!(site.reach(mosquitto.address(), Some(&site.device), "dev-1"), Publishes);
}

/// OpenSSL as the client, with nothing but a pre-shared key. Beside a certificate mosquitto takes none.
#[test]
fn a_pre_shared_key_is_found_and_the_plugin_refuses_whoever_shows_it() {
    let Some(site) = Site::new() else { return };
    let Some(openssl) = Peer::openssl() else { return };
    fs::write(site.file("psk"), "dev-1:0123456789abcdef\n").expect("a file can be written");
    let with_tls_1_2 = site.exported.replace("tls_version tlsv1.3", "tls_version tlsv1.2");
    let line = "psk_hint factory";
    let conf =
        format!("psk_file {}\n{with_tls_1_2}{line}\nlistener PORT2\n{line}\n", site.file("psk").display());
    let document = site.check(&conf).json();
    let findings = document["findings"].as_array().expect("findings");
    let lines: Vec<_> = findings.iter().map(|finding| finding["line"].as_u64()).collect();
    let last = u64::try_from(conf.lines().count()).expect("few lines");
    assert_eq!(lines, [Some(1), Some(last)], "{findings:?}");
    let mosquitto = site.start::<2>(&conf);
    for (index, answer) in [(0, ""), (1, "\u{20}\u{2}\u{0}\u{5}")] {
        let mut client = openssl.command();
        client.args(["s_client", "-quiet", "-no_tls1_3", "-cipher", "PSK", "-psk_identity", "dev-1"]);
        client.args(["-psk", "0123456789abcdef", "-connect"]).arg(mosquitto.addresses()[index].to_string());
        let heard = finish_with_input(&mut client, &Connect::new(Version::V311, "dev-1").packet());
        assert_eq!(heard.stdout, answer, "{}", heard.stderr);
    }
}

/// mosquitto's own, by its own tool; `None`, where that is missing.
fn password_file(site: &Site) -> Option<String> {
    let path = site.file("mosquitto-passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c", text(&path), "dev-1", "right"])
        .status()
        .ok()?;
    assert!(made.success());
    Some(path.display().to_string())
}
