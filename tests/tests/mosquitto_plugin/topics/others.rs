//! The same by clients that nobody here wrote: what they print is the same in both.

use std::path::Path;
use std::process::{Command, Stdio};

use integration_tests::mqtt::Version;
use integration_tests::peer::Peer;
use integration_tests::program::{Finished, run};

use super::place::{Host, Place, device_id};

const SCENARIO: &str = "peer";

/// What one of mosquitto's clients says of this device.
fn mosquitto_client(place: &Place, peer: &Peer, host: Host, version: Version, args: &[&str]) -> Finished {
    let id = device_id(SCENARIO, host, version);
    let credential = place.credential(&id);
    let args = args.iter().map(|arg| arg.replace("ME", &id));
    let mut command: Command = peer.command();
    command
        .args(["-h", "127.0.0.1", "-p", &place.address(host).port().to_string(), "-i", &id, "-q", "1"])
        .args(["-V", if version == Version::V5 { "mqttv5" } else { "mqttv311" }, "--cafile"])
        .arg(place.site.fleet.file("broker-ca/root.pem"))
        .arg("--cert")
        .arg(&credential.certificate)
        .arg("--key")
        .arg(&credential.key)
        .args(args)
        .stdin(Stdio::null());
    run(&mut command)
}

/// What is printed, without what is different each time.
fn printed(finished: &Finished, host: Host, version: Version) -> (i32, String, String) {
    let id = device_id(SCENARIO, host, version);
    (finished.code, finished.stdout.replace(&id, "ME"), finished.stderr.replace(&id, "ME"))
}

#[test]
fn mosquittos_own_clients_print_the_same_in_both() {
    let (Some(publisher), Some(subscriber)) = (Peer::mosquitto_pub(), Peer::mosquitto_sub()) else { return };
    let Some(place) = Place::open(&[SCENARIO]) else { return };
    for version in Version::ALL {
        let [in_broker, in_mosquitto] = Host::ALL.map(|host| {
            let publish = |topic: &str| {
                let args = ["-t", topic, "-m", topic, "-r"];
                printed(&mosquitto_client(&place, &publisher, host, version, &args), host, version)
            };
            let published = ["devices/ME/a", "board/ME", "board/other", "devices/other/a"].map(publish);
            let subscribe = |filter: &str| {
                let args = ["-v", "-W", "2", "-t", filter];
                printed(&mosquitto_client(&place, &subscriber, host, version, &args), host, version)
            };
            let subscribed = ["devices/ME/#", "devices/other/#", "#"].map(subscribe);
            assert!(subscribed[0].1.contains("devices/ME/a"), "{host:?} {version:?}: {subscribed:?}");
            assert!(
                subscribed[1..].iter().all(|(_, stdout, _)| stdout.is_empty()),
                "{host:?}: {subscribed:?}"
            );
            (published, subscribed)
        });
        assert_eq!(in_mosquitto, in_broker, "{version:?}");
    }
}

#[test]
fn paho_sees_the_same_in_both() {
    let Some(python) = Peer::python_with_paho() else { return };
    let Some(place) = Place::open(&[SCENARIO]) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mosquitto_plugin/topics.py");
    for version in Version::ALL {
        let [in_broker, in_mosquitto] = Host::ALL.map(|host| {
            let id = device_id(SCENARIO, host, version);
            let credential = place.credential(&id);
            let journey = run(python
                .command()
                .arg(&script)
                .arg(place.address(host).port().to_string())
                .arg(place.site.fleet.file("broker-ca/root.pem"))
                .args([if version == Version::V5 { "5" } else { "4" }, &id])
                .args([&credential.certificate, &credential.key]));
            assert!(journey.stderr.is_empty(), "{host:?} {version:?}: {}{}", journey.stdout, journey.stderr);
            journey.stdout_of_success()
        });
        assert!(in_broker.ends_with("done\n"), "{in_broker}");
        assert_eq!(in_mosquitto, in_broker, "{version:?}");
    }
}
