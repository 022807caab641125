//! Clients that nobody here wrote.

use std::path::Path;
use std::process::{Command, Stdio};

use integration_tests::credential::Credential;
use integration_tests::peer::Peer;
use integration_tests::program::{finish, run};

use crate::site::Site;

fn mosquitto_client(
    peer: &Peer,
    site: &Site,
    credential: &Credential,
    version: &str,
    args: &[&str],
) -> Command {
    let mut command = peer.command();
    command
        .args(["-h", "127.0.0.1", "-p", &site.mosquitto.address().port().to_string(), "-V", version])
        .arg("--cafile")
        .arg(site.fleet.file("broker-ca/root.pem"))
        .arg("--cert")
        .arg(&credential.certificate)
        .arg("--key")
        .arg(&credential.key)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn mosquittos_own_clients_meet_the_policy() {
    let (Some(publisher), Some(subscriber)) = (Peer::mosquitto_pub(), Peer::mosquitto_sub()) else { return };
    let Some(site) = Site::new() else { return };
    for (round, version) in ["mqttv311", "mqttv5"].into_iter().enumerate() {
        // What is retained is there before whoever subscribes.
        let status = ["-i", "dev-1", "-t", "devices/dev-1/status", "-q", "1", "-r", "-m", version];
        run(&mut mosquitto_client(&publisher, &site, &site.device, version, &status)).stdout_of_success();
        let args = ["-i", "dev-1", "-q", "1", "-t", "devices/dev-1/#", "-C", "1", "-W", "20"];
        let heard = finish(
            mosquitto_client(&subscriber, &site, &site.device, version, &args).spawn().expect("it starts"),
        );
        assert_eq!(heard.stdout_of_success().trim(), version);
        let args = ["-i", "dev-1", "-q", "1", "-t", "devices/dev-1/a", "-m", "1"];
        let refused = run(&mut mosquitto_client(&publisher, &site, &site.other, version, &args));
        assert_ne!(refused.code, 0, "{}", refused.stdout);
        assert!(refused.stderr.to_lowercase().contains("not authori"), "{}", refused.stderr);
        site.wait_for("client_id_mismatch", round + 1);
    }
}

#[test]
fn paho_meets_the_policy_in_both_versions() {
    let Some(python) = Peer::python_with_paho() else { return };
    let Some(site) = Site::new() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mosquitto_plugin/device.py");
    for version in ["4", "5"] {
        let journey = run(python
            .command()
            .arg(&script)
            .arg(site.mosquitto.address().port().to_string())
            .arg(site.fleet.file("broker-ca/root.pem"))
            .arg(version)
            .args([&site.device.certificate, &site.device.key]));
        assert!(journey.stderr.is_empty(), "version {version}: {}{}", journey.stdout, journey.stderr);
        assert!(journey.stdout_of_success().ends_with("done\n"));
    }
}
