//! The application protocol (ALPN, RFC 7301) that the broker agrees on with OpenSSL's client, by what it offers and by
//! `alpn` of the listener.

use std::process::{Command, Stdio};

use rcgen::KeyPair;

use crate::operator::{CONFIG, FleetDirectory, Running, around};
use crate::pki::client_params;

/// What became of a handshake.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Agreed(&'static str),
    WithoutProtocol,
    Refused,
}

/// A handshake of TLS 1.2, which ends only when the broker has agreed.
fn handshake(broker: &Running, fleet: &FleetDirectory, offered: Option<&str>) -> (Ended, String) {
    let mut command = Command::new("openssl");
    command.current_dir(fleet.directory.path()).args(["s_client", "-connect", &broker.address, "-tls1_2"]);
    command.args(["-cert", "pump-2.pem", "-key", "pump-2.key"]);
    if let Some(offered) = offered {
        command.args(["-alpn", offered]);
    }
    let output = command.stdin(Stdio::null()).output().expect("openssl is installed");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let ended = if !output.status.success() {
        Ended::Refused
    } else if said.contains("ALPN protocol: mqtt\n") {
        Ended::Agreed("mqtt")
    } else {
        assert!(said.contains("No ALPN negotiated"), "{said}");
        Ended::WithoutProtocol
    };
    (ended, said)
}

fn fleet_with(alpn: &str) -> FleetDirectory {
    let fleet = FleetDirectory::new();
    let with = format!("tls-versions = [\"1.2\", \"1.3\"]\n{alpn}server-cert");
    fleet.write("broker.toml", CONFIG.replace("server-cert", &with));
    let mut params = client_params("pump-2", 2);
    around(&mut params, fleet.now, 365);
    let key = KeyPair::generate().expect("key");
    fleet.write("pump-2.pem", params.signed_by(&key, &fleet.ca.issuer()).expect("certificate").pem());
    fleet.write("pump-2.key", key.serialize_pem());
    fleet
}

#[test]
fn mqtt_is_agreed_on_where_it_is_offered_and_demanded_where_the_listener_says_so() {
    for (alpn, is_required) in [("", false), ("alpn = \"accept\"\n", false), ("alpn = \"require\"\n", true)] {
        let fleet = fleet_with(alpn);
        let broker = Running::start(&fleet).expect("it starts");
        let otherwise = || if is_required { Ended::Refused } else { Ended::WithoutProtocol };
        for (offered, expected) in [
            (Some("mqtt"), Ended::Agreed("mqtt")),
            (Some("h2,http/1.1,mqtt"), Ended::Agreed("mqtt")),
            (None, otherwise()),
            (Some("h2"), otherwise()),
            (Some("x-amzn-mqtt-ca"), otherwise()),
            (Some("MQTT"), otherwise()),
        ] {
            let (ended, said) = handshake(&broker, &fleet, offered);
            assert_eq!(ended, expected, "{alpn:?}, {offered:?}: {said}");
            if ended == Ended::Refused {
                assert!(
                    said.contains("alert no application protocol") || said.contains("alert number 120"),
                    "{said}"
                );
            }
        }
        let log = broker.log();
        assert_eq!(log.contains("does not offer the application protocol"), is_required, "{log}");
    }
}

#[test]
fn another_word_for_alpn_is_refused_and_so_is_alpn_where_http_is_spoken() {
    for (from, to, says) in [
        ("server-cert", "alpn = \"demand\"\nserver-cert", "\"demand\" is none of \"accept\", \"require\""),
        (
            "server-cert",
            "transport = \"https\"\nupstream = \"http://127.0.0.1:9\"\nalpn = \"require\"\nserver-cert",
            "it is for a listener with transport = \"tls\"",
        ),
    ] {
        let fleet = FleetDirectory::new();
        fleet.write("broker.toml", CONFIG.replacen(from, to, 1));
        let output = fleet.run(&["check", "--config", "broker.toml"]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("`alpn`") && stderr.contains(says), "{stderr}");
    }
}
