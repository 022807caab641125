//! A `mosquitto.conf` a row: what is found in it, and how far clients get with it in a real mosquitto.

use std::fs;

use integration_tests::pki::{self, Crl, Forger};

use crate::finding::found;
use crate::site::Reach::{Connected, Out, Publishes};
use crate::site::{Reach, Site, library};

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
    let psk = write("psk", b"dev-1:0123456789abcdef\n");
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
            format!("psk_file {psk}\npsk_hint factory\n"),
            &[("warning", "psk_file", "psk_file ")],
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
        row(cafile, more, &[], JUDGED),
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
