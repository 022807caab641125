//! Passwords: needed by nobody unless a policy asks for them, and then bound to the certificate beside them.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::peer::Peer;
use integration_tests::program::run;
use integration_tests::site::Site;

use crate::PROGRAMS;
use crate::visit::{NOTICED, is_denied, met_at};

/// Sets the password of a device.
#[track_caller]
fn set_password(fleet: &Fleet, id: &str, password: &str) {
    let file = fleet.beside("password");
    fs::write(&file, password).expect("a file can be written");
    let file = file.display().to_string();
    operate(fleet, "passwd", &[&format!("device-ca/{id}"), "--password-file", &file]).stdout_of_success();
}

/// Devices are asked for a password, and nobody has one yet.
fn asked_for_a_password(fleet: &Fleet) {
    fleet.configure("[identity]", "[second-factor.password]\nfile = \"passwords\"\n\n[identity]");
    fleet.configure("client-id = \"must-equal\"", "client-id = \"must-equal\"\nsecond-factor = \"password\"");
    fs::write(fleet.file("passwords"), "").expect("a file can be written");
}

#[test]
fn a_certificate_is_enough() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        let mut client = site.dev_1(version);
        assert_eq!(client.subscribe("devices/dev-1/commands/#", 1), 1);
        client.disconnect();
    }
    // Others' client, which is told of certificate and key alone.
    let Some(publisher) = Peer::mosquitto_pub() else { return };
    for version in ["mqttv311", "mqttv5"] {
        let mut command = publisher.command();
        command
            .args(["-h", "127.0.0.1", "-p", &site.address().port().to_string(), "-V", version, "-i", "dev-1"])
            .args(["-q", "1", "-t", "devices/dev-1/telemetry/a", "-m", "x", "--cafile"])
            .arg(site.fleet.file("broker-ca/root.pem"))
            .arg("--cert")
            .arg(&site.device.certificate)
            .arg("--key")
            .arg(&site.device.key)
            .stdin(Stdio::null());
        let published = run(&mut command);
        assert_eq!(published.code, 0, "{version}: {}", published.stderr);
    }
}

#[test]
fn whoever_loses_its_password_is_disconnected_and_stays_out() {
    let site = Site::configured(PROGRAMS, asked_for_a_password_of_both);
    let other = credential(&site.fleet, "dev-2");
    let mut removed = site.connect(&site.device, &Connect::new(Version::V5, "dev-1").password("one"));
    let mut kept = site.connect(&other, &Connect::new(Version::V5, "dev-2").password("two"));
    operate(&site.fleet, "passwd", &["device-ca/dev-1", "--remove"]).stdout_of_success();
    is_denied(&mut removed);
    assert!(kept.is_alive());
    let connect = Connect::new(Version::V5, "dev-1").password("one");
    assert_eq!(met_at(&site.broker, &site.fleet, &site.device, &connect), "second_factor");
}

/// The same with a second device; each has a password.
fn asked_for_a_password_of_both(fleet: &Fleet) {
    asked_for_a_password(fleet);
    fleet.device("dev-2");
    set_password(fleet, "dev-1", "one");
    set_password(fleet, "dev-2", "two");
}

fn credential(fleet: &Fleet, id: &str) -> Credential {
    let file = |ending: &str| fleet.file("images").join(format!("{id}.{ending}"));
    Credential { certificate: file("cert.pem"), key: file("key.pem") }
}

/// Half of one device and half of another are nobody; and what waits for one waits for it alone.
#[test]
fn certificate_password_and_persistent_session_belong_to_one_identity() {
    let site = Site::configured(PROGRAMS, asked_for_a_password_of_both);
    let other = credential(&site.fleet, "dev-2");
    let lasting = |password: &str| Connect::new(Version::V5, "dev-1").persistent().password(password);
    let mut owner = site.connect(&site.device, &lasting("one"));
    assert_eq!(owner.subscribe("devices/dev-1/commands/#", 1), 1);
    owner.disconnect();
    let mut service = site.backend(Version::V5);
    assert_eq!(service.publish("devices/dev-1/commands/open", "for dev-1 alone"), 0);

    let connect = |id: &str, user: &str, password: &str| {
        Connect::new(Version::V5, id).persistent().user_name(user).password(password)
    };
    for (what, credential, connect, reason) in [
        (
            "its session, by its own credentials",
            &other,
            connect("dev-1", "dev-2", "two"),
            "client_id_mismatch",
        ),
        (
            "its session, by the password of the owner",
            &other,
            connect("dev-1", "dev-1", "one"),
            "client_id_mismatch",
        ),
        (
            "the user name and password of the owner",
            &other,
            connect("dev-2", "dev-1", "one"),
            "second_factor",
        ),
        (
            "the certificate of the owner alone",
            &site.device,
            connect("dev-1", "dev-2", "two"),
            "second_factor",
        ),
        ("the same under its name", &site.device, connect("dev-1", "dev-1", "two"), "second_factor"),
        ("no password", &site.device, Connect::new(Version::V5, "dev-1").persistent(), "second_factor"),
    ] {
        assert_eq!(met_at(&site.broker, &site.fleet, credential, &connect), reason, "{what}");
    }

    // Wrong passwords make it wait; then it finds all that it had left.
    let tls = Tls::new(&site.fleet, Some(&site.device));
    let mut owner = let_in_soon(&site.broker, &tls, &lasting("one"));
    assert_eq!(owner.receive().payload, "for dev-1 alone");
    let mut itself =
        let_in_soon(&site.broker, &Tls::new(&site.fleet, Some(&other)), &connect("dev-2", "dev-2", "two"));
    assert!(itself.is_alive(), "nothing of it has come to the other one");
}

/// Tries until the wait after wrong passwords is over.
#[track_caller]
fn let_in_soon(broker: &Broker, tls: &Tls, connect: &Connect) -> Client {
    let begin = Instant::now();
    loop {
        match Client::attempt(broker.address(), tls, connect) {
            (Some(client), Heard::Packet(connack)) if connack.reason_code() == 0 => {
                return client;
            }
            (_, heard) => assert!(begin.elapsed() < NOTICED, "{heard:?}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
