//! Files that are read as mosquitto reads them, and lines that are missing.

use std::fs;

use crate::finding::found;
use crate::site::{Site, plain_connack};
use integration_tests::mqtt::{Connect, Version};

/// Settings that stand above all listeners open one that nobody has asked for. It would be open to the world, so that
/// mosquitto is not started here.
#[test]
fn what_opens_a_listener_without_saying_so_is_found() {
    let Some(site) = Site::new() else { return };
    let expect = |conf: &str, expected: &[(&str, Option<&str>)]| {
        let findings = found(&site.check(conf), conf);
        let findings: Vec<_> =
            findings.iter().map(|(_, setting, line)| (setting.as_str(), line.as_deref())).collect();
        assert_eq!(findings, expected, "{conf}");
    };
    let above = |line: &str| format!("{line}\n{}", site.exported);
    expect(&above("max_connections 9"), &[("certfile", Some("max_connections 9"))]);
    expect(&above("tls_version tlsv1.3"), &[]);
    expect(&above("require_certificate false"), &[]);
    expect(&format!("{}port 1883\n", site.exported), &[("certfile", Some("port 1883"))]);
    let unix = "listener 0 /run/mosquitto.sock";
    expect(&format!("{}{unix}\n", site.exported), &[("listener", Some(unix))]);
    let psk = "listener 8884\npsk_hint factory\n";
    expect(&format!("{}{psk}", site.exported), &[("psk_hint", Some("psk_hint factory"))]);
    let socket = "listener 8080\nprotocol websockets\n";
    expect(&format!("{}{socket}", site.exported), &[("certfile", Some("listener 8080"))]);
    expect(&format!("{}protocol websockets\n", site.exported), &[("protocol", Some("protocol websockets"))]);
    let path = site.exported.replace("\nplugin_opt_config /", "\nplugin_opt_config ");
    let relative = path.lines().find(|line| line.starts_with("plugin_opt_config")).expect("it is there");
    expect(&path, &[("plugin_opt_config", Some(relative))]);
    let missing = path.replace(relative, "plugin_opt_config /nowhere");
    expect(&missing, &[("plugin_opt_config", Some("plugin_opt_config /nowhere"))]);
    let capath = site.exported.replace("\ncafile ", "\ncapath ");
    let line = capath.lines().find(|line| line.starts_with("capath")).expect("it is there");
    expect(&capath, &[("capath", Some(line))]);
    let cafile = line.replace("capath", "cafile");
    expect(&site.exported.replace(&cafile, ""), &[("cafile", Some("listener 8883"))]);
    expect(&site.exported.replace(&cafile, "cafile /nowhere"), &[("cafile", Some("cafile /nowhere"))]);
    expect(&format!("{}psk_file /nowhere\n", site.exported), &[("psk_file", Some("psk_file /nowhere"))]);
    let bare = site.exported.split("listener 8883").next().expect("what is above it");
    expect(bare, &[("certfile", None)]);
}

#[test]
fn what_is_included_is_found_with_its_file_and_line() {
    let Some(site) = Site::new() else { return };
    let directory = site.file("conf.d");
    fs::create_dir(&directory).expect("a directory can be made");
    let write =
        |name: &str, text: &str| fs::write(directory.join(name), text).expect("a file can be written");
    // Neither of these is read by mosquitto.
    write(".conf", "listener 1\n");
    write("other.txt", "listener 2\n");
    write("b.conf", "# \n\nlistener PORT2\n");
    let conf =
        format!("{}include_dir {}\nuse_identity_as_username false\n", site.exported, directory.display());
    let checked = site.check(&conf);
    let document = checked.json();
    let findings = document["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["setting"], "certfile");
    assert_eq!(findings[0]["line"], 3);
    assert!(findings[0]["file"].as_str().is_some_and(|file| file.ends_with("conf.d/b.conf")));
    assert!(checked.stderr.contains("conf.d/b.conf:3: certfile: listener PORT2: "), "{}", checked.stderr);
    // mosquitto has the listener, too.
    let included = directory.join("b.conf");
    fs::remove_file(&included).expect("it is there");
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    write("B.conf", &format!("listener {} 127.0.0.1\n", port.port()));
    let mosquitto = site.start::<1>(&conf);
    assert_eq!(plain_connack(port, &Connect::new(Version::V311, "dev-1")), Some(5));
    drop(mosquitto);
    // What an included file includes is passed over.
    write("B.conf", "include_dir /nowhere\n");
    assert_eq!(site.check(&conf).code, 0);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let Some(site) = Site::new() else { return };
    for (text, reason) in [
        ("port 1\0\n", "mosquitto.conf:1: there is a NUL"),
        ("\n\ninclude_dir /nowhere/at/all\n", "mosquitto.conf:3: include_dir \"/nowhere/at/all\""),
    ] {
        let checked = site.check(text);
        assert_eq!(checked.code, 3, "{}", checked.stderr);
        assert!(checked.stderr.contains(reason), "{}", checked.stderr);
    }
    // What the plugin refuses of broker.toml is refused; what is found in mosquitto.conf is said all the same.
    let config = fs::read_to_string(site.file("broker.toml")).expect("a configuration");
    fs::write(site.file("broker.toml"), config + "\n[[listener]]\naddress = \"127.0.0.1:1\"\n")
        .expect("a file");
    let conf = format!("{}mount_point a/\n", site.exported);
    let checked = site.check(&conf);
    assert_eq!(checked.code, 3);
    assert!(
        checked.stderr.contains("mosquitto cannot have rules for several listeners"),
        "{}",
        checked.stderr
    );
    assert_eq!(found(&checked, &conf).len(), 1);
}
