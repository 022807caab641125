//! A `mosquitto.conf` a row: what is found in it, and how far clients get with it in a real mosquitto.

use std::fs;

use integration_tests::client::{Client, Tls};
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{self, Crl, Forger};
use integration_tests::program::run;

use crate::finding::found;
use crate::site::Reach::{Connected, Out, Publishes};
use crate::site::{Reach, Site, library, plain_connack};

/// One change of the exported file.
struct Row {
    /// What is replaced; nothing: what follows is added at the end.
    replace: &'static str,
    with: String,
    /// Severity, setting, and line of each finding.
    found: Vec<(&'static str, &'static str, &'static str)>,
    /// How far these get: a device, a revoked one, and nobody in particular.
    reach: [Reach; 3],
}

fn row(
    replace: &'static str,
    with: impl Into<String>,
    found: &[(&'static str, &'static str, &'static str)],
    reach: [Reach; 3],
) -> Row {
    Row { replace, with: with.into(), found: found.to_vec(), reach }
}

/// As it should be.
const JUDGED: [Reach; 3] = [Publishes, Out, Out];
const ALL_OUT: [Reach; 3] = [Out, Out, Out];

fn rows(site: &Site) -> Vec<Row> {
    let path = |name: &str| site.file(name).display().to_string();
    let write = |name: &str, content: &[u8]| {
        fs::write(site.file(name), content).expect("a file can be written");
        path(name)
    };
    let ca = |name: &str| fs::read(site.fleet.file(name)).expect("a CA");
    let issuing = write("issuing.pem", &[ca("device-ca/issuing.pem"), ca("service-ca/issuing.pem")].concat());
    let roots = write("roots.pem", &[ca("device-ca/root.pem"), ca("service-ca/root.pem")].concat());
    let more =
        write("more.pem", &[ca("broker-ca/root.pem"), ca("../exported/client-authorities.pem")].concat());
    let other_config = write("other.toml", &ca("broker.toml"));
    let acl = write("acl", b"");
    let plugin = library("libtest_plugin.so").display().to_string();
    let others_rules = format!(
        "plugin_opt_anchor {}\nplugin_opt_crl {}\nplugin_opt_panic /nowhere",
        site.fleet.file("device-ca/issuing.pem").display(),
        site.fleet.beside("old.crl").display()
    );
    let before = format!("\nplugin {plugin}\n{others_rules}\nplugin ");
    let named = "plugin_opt_config ";
    let cafile = "client-authorities.pem";
    let crlfile = format!("crlfile {}\n", site.fleet.file("crl/service-ca.crl").display());
    let both = write("both.crl", &[ca("crl/device-ca.crl"), ca("crl/service-ca.crl")].concat());
    let day = time::Duration::days(1);
    let stale = Crl::fresh().valid(pki::now() - day * 2, pki::now() - day);
    let stale = write("stale.crl", Forger::with_key_of(&site.fleet, "device-ca").crl(&stale).as_bytes());
    vec![
        row("#", "#", &[], JUDGED),
        row(
            "persistence false",
            "persistence true",
            &[("warning", "persistence", "persistence true")],
            JUDGED,
        ),
        row(
            "allow_anonymous false",
            "allow_anonymous true",
            &[("warning", "allow_anonymous", "allow_anonymous true")],
            JUDGED,
        ),
        row("", format!("acl_file {acl}\n"), &[("warning", "acl_file", "acl_file ")], JUDGED),
        row(
            "require_certificate true",
            "require_certificate false",
            &[("error", "require_certificate", "require_certificate false")],
            ALL_OUT,
        ),
        row("require_certificate true\n", "", &[("error", "require_certificate", "listener 8883")], ALL_OUT),
        row(
            "use_identity_as_username false",
            "use_identity_as_username 1",
            &[("error", "use_identity_as_username", "use_identity_as_username 1")],
            [Connected, Connected, Out],
        ),
        row(
            "use_subject_as_username false",
            "use_subject_as_username true",
            &[("error", "use_subject_as_username", "use_subject_as_username true")],
            [Connected, Connected, Out],
        ),
        row(
            "",
            "use_username_as_clientid true\n",
            &[("error", "use_username_as_clientid", "use_username_as_clientid true")],
            [Out, Out, Out],
        ),
        row("", crlfile, &[("warning", "crlfile", "crlfile ")], ALL_OUT),
        row("", format!("crlfile {stale}\n"), &[("error", "crlfile", "crlfile ")], ALL_OUT),
        row("", format!("crlfile {both}\n"), &[("warning", "crlfile", "crlfile ")], JUDGED),
        row(
            "tls_version tlsv1.3",
            "tls_version tlsv1.1",
            &[("error", "tls_version", "tls_version tlsv1.1")],
            JUDGED,
        ),
        row(
            "",
            "mount_point fleet/\n",
            &[("error", "mount_point", "mount_point fleet/")],
            [Connected, Out, Out],
        ),
        row(named, "#", &[("error", "plugin_opt_config", "plugin /")], ALL_OUT),
        row(
            named,
            format!("plugin_opt_config {other_config}\nplugin_opt_config "),
            &[("error", "plugin_opt_config", "plugin_opt_config ")],
            ALL_OUT,
        ),
        row(
            "/broker.toml\n\n# Nobody",
            "/other.toml\n\n# Nobody",
            &[("error", "plugin_opt_config", "plugin_opt_config ")],
            JUDGED,
        ),
        // The other plugin has an old list: what it lets in is in.
        row("\nplugin ", before, &[("error", "plugin", "plugin ")], [Publishes, Publishes, Out]),
        row(
            "\nallow_anonymous",
            format!("\nplugin {plugin}\n{others_rules}\nallow_anonymous"),
            &[("warning", "plugin", "plugin ")],
            JUDGED,
        ),
        row(
            "",
            "connection upstream\naddress 127.0.0.1:1\ntopic # both\n",
            &[("warning", "connection", "connection upstream")],
            JUDGED,
        ),
        row(&cafile[..], more, &[], JUDGED),
        row(cafile, issuing, &[("error", "cafile", "cafile "), ("error", "cafile", "cafile ")], ALL_OUT),
        row(cafile, roots, &[("error", "cafile", "cafile "), ("error", "cafile", "cafile ")], JUDGED),
    ]
}

#[test]
fn what_is_found_is_what_happens() {
    let Some(site) = Site::new() else { return };
    let mut wrong = Vec::new();
    for row in rows(&site) {
        let title = format!("{:?} → {:?}", row.replace, row.with);
        let conf = match row.replace {
            "" => site.exported.clone() + &row.with,
            // A bare name in the place of the file that was exported beside it.
            "client-authorities.pem" => {
                let exported = site.file(row.replace).display().to_string();
                site.exported.replacen(&exported, &row.with, 1)
            }
            replace => site.exported.replacen(replace, &row.with, 1),
        };
        let checked = site.check(&conf);
        let found = found(&checked, &conf);
        let is_as_expected = found.len() == row.found.len()
            && found.iter().zip(&row.found).all(|((severity, setting, line), expected)| {
                severity == expected.0
                    && setting == expected.1
                    && line.as_ref().is_some_and(|line| line.starts_with(expected.2))
            });
        let code = if row.found.iter().any(|(severity, ..)| *severity == "error") { 6 } else { 0 };
        println!("{title}");
        let mosquitto = site.start::<1>(&conf);
        let address = mosquitto.address();
        let reach = [
            site.reach(address, Some(&site.device), "dev-1"),
            site.reach(address, Some(&site.revoked), "dev-2"),
            site.reach(address, None, "dev-1"),
        ];
        if !is_as_expected || checked.code != code || reach != row.reach {
            wrong.push(format!(
                "{title}\n  found {found:?}\n  code {} reach {reach:?} instead of {:?}\n  {}",
                checked.code, row.reach, checked.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever an access list or the plugin of mosquitto says: an empty one denies nothing, and one that allows everything
/// allows nothing.
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

/// mosquitto's own, by its own tool; `None`, where that is missing.
fn password_file(site: &Site) -> Option<String> {
    let path = site.file("mosquitto-passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c", crate::site::text(&path), "dev-1", "right"])
        .status()
        .ok()?;
    assert!(made.success());
    Some(path.display().to_string())
}
