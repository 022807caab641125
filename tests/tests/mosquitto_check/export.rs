//! What is exported for a mosquitto: it starts from anywhere, lets in a device, and nobody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::PATIENCE;
use integration_tests::pki::Forger;

use crate::site::Reach::{Out, Publishes};
use crate::site::{Site, text};

/// As its packages start it: as root, so that it becomes the user `mosquitto`, where the tests are root.
#[test]
fn mosquitto_starts_by_what_is_exported_and_lets_in_the_fleet_alone() {
    let Some(site) = Site::new() else { return };
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let out = site.file("");
    let conf = site.exported.replace("listener 8883", &format!("listener {} 127.0.0.1", free.port()));
    assert_eq!(site.check(&conf).code, 0);
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        let given = Command::new("chown").args(["-R", "mosquitto:", text(&out)]).status().expect("chown");
        assert!(given.success());
        let above = out.parent().and_then(Path::parent).expect("a temporary directory");
        fs::set_permissions(above, Permissions::from_mode(0o711)).expect("it is ours");
        fs::set_permissions(out.parent().expect("it is in one"), Permissions::from_mode(0o711))
            .expect("it is ours");
    }
    let mut mosquitto = site
        .peer
        .command()
        .current_dir("/")
        .arg("-c")
        .arg(site.file("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(free).is_err() {
        assert!(Instant::now() < deadline && mosquitto.try_wait().expect("a child").is_none());
        thread::sleep(Duration::from_millis(20));
    }
    let reach = |credential, name| site.reach(free, credential, name);
    assert_eq!(reach(Some(&site.device), "dev-1"), Publishes);
    assert_eq!(reach(Some(&site.device), "dev-2"), Out, "under the name of another");
    assert_eq!(reach(Some(&site.revoked), "dev-2"), Out);
    assert_eq!(reach(None, "dev-1"), Out);
    let stranger = Forger::named_like(&site.fleet, "device-ca").certificate("dev-1");
    assert_eq!(reach(Some(&stranger), "dev-1"), Out);
    // A list that is exported later is followed.
    site.fleet.revoke("dev-1");
    site.fleet.provision(&["export-broker", "--out", text(&out)]).stdout_of_success();
    if is_root {
        let given = Command::new("chown").args(["-R", "mosquitto:", text(&out)]).status().expect("chown");
        assert!(given.success());
    }
    let deadline = Instant::now() + PATIENCE;
    while reach(Some(&site.device), "dev-1") != Out {
        assert!(Instant::now() < deadline, "it is revoked");
        thread::sleep(Duration::from_millis(100));
    }
    mosquitto.kill().and_then(|()| mosquitto.wait()).expect("it ends");
}

#[test]
fn nothing_is_found_in_what_is_exported() {
    let Some(site) = Site::new() else { return };
    let checked = site.check(&site.exported);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    assert_eq!(checked.json()["findings"].as_array().map(Vec::len), Some(0));
    assert_eq!(checked.json()["trusts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_somebody_has_edited_is_not_replaced_and_lists_are_copied_all_the_same() {
    let Some(site) = Site::new() else { return };
    let out = site.file("");
    let plugin = crate::site::library("libcountersign_mosquitto.so");
    let again = ["export-broker", "--for", "mosquitto", "--out", text(&out), "--plugin", text(&plugin)];
    site.fleet.provision(&again).stdout_of_success();
    let edited = site.exported.clone() + "max_connections 100\n";
    fs::write(site.file("mosquitto.conf"), &edited).expect("a file can be written");
    fs::remove_file(site.file("crl/device-ca.crl")).expect("it is there");
    let refused = site.fleet.provision(&again);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("mosquitto.conf differs from what this program writes"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_to_string(site.file("mosquitto.conf")).ok().as_ref(), Some(&edited));
    assert_eq!(fs::read_to_string(site.file("mosquitto.conf.new")).ok().as_ref(), Some(&site.exported));
    assert!(site.file("crl/device-ca.crl").exists(), "a list is never left stale");
    fs::remove_file(site.file("crl/device-ca.crl")).expect("it is there");
    site.fleet.provision(&["export-broker", "--crl-only", "--out", text(&out)]).stdout_of_success();
    assert!(site.file("crl/device-ca.crl").exists());
    assert_eq!(fs::read_to_string(site.file("mosquitto.conf")).ok(), Some(edited));
}

#[test]
fn paths_are_those_of_the_host_that_it_is_for() {
    let Some(site) = Site::new() else { return };
    let out = site.fleet.beside("elsewhere");
    let export = |installed: &str, plugin: &str| {
        let out = text(&out);
        site.fleet.provision(&[
            "export-broker",
            "--for",
            "mosquitto",
            "--out",
            out,
            "--installed-in",
            installed,
            "--plugin",
            plugin,
        ])
    };
    for (installed, plugin) in
        [("fleet", "/lib/a.so"), ("/fleet", "a.so"), ("/fleet\nallow_anonymous true", "/lib/a.so")]
    {
        assert_eq!(export(installed, plugin).code, 2, "{installed:?} {plugin:?}");
        assert!(!out.exists());
    }
    export("/srv/fleet", "/lib/a.so").stdout_of_success();
    let conf = fs::read_to_string(out.join("mosquitto.conf")).expect("it was exported");
    for line in [
        "plugin /lib/a.so",
        "plugin_opt_config /srv/fleet/broker.toml",
        "cafile /srv/fleet/client-authorities.pem",
    ] {
        assert!(conf.lines().any(|found| found == line), "{line}\n{conf}");
    }
    assert!(!conf.contains(text(&out)), "{conf}");
}
