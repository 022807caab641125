//! The `broker.toml` of a new fleet: ready to use, with comments for whoever edits it.

use std::num::NonZeroU16;

use crate::digest::Sha256;

use super::Address;

/// The SHA-256 of every text that a version of this program wrote, with port 8883.
const WRITTEN: &[&str] = &["b5f76aa91006c6ae9bad3dc830d1b17cdcb2db7ab0b707c6afa8d276244d53e3"];

/// The port that the digests are made with.
const PORT: &str = "8883";

/// What stands before the port.
const BEFORE_PORT: &str = "address = \"0.0.0.0:";

/// Whether a configuration is, the port apart, what a version of this program wrote, and nobody has edited it.
pub(super) fn is_initial(text: &str) -> bool {
    let Some((before, rest)) = text.split_once(BEFORE_PORT) else { return false };
    let Some((port, rest)) = rest.split_once('"') else { return false };
    let plain = port.parse::<NonZeroU16>().is_ok_and(|number| number.to_string() == port);
    let text = format!("{before}{BEFORE_PORT}{PORT}\"{rest}");
    plain && WRITTEN.contains(&Sha256::of(text.as_bytes()).to_string().as_str())
}

/// The configuration of a broker for a new fleet. Paths in it are relative to the file.
///
/// Its trust anchors are the issuing CAs and not the roots, because devices send their own certificate alone.
pub(crate) fn initial_config(address: &Address) -> String {
    format!(
        r#"# Written by `countersign-provision init`. Paths are relative to this file.

[[listener]]
address = "0.0.0.0:{port}"
transport = "tls"
mode = "enforce"
tls-versions = ["1.3"]             # add "1.2" for older stacks
server-cert = "broker/cert.pem"    # renewed by `countersign-provision broker-cert`; reloaded when it changes
server-key = "broker/key.pem"

[[listener.trust]]
name = "device-ca"
anchors = ["device-ca/issuing.pem"]
crl = ["crl/device-ca.crl"]        # reloaded when it changes
crl-check = "leaf"
stale-crl = "deny-new"             # once it is older than it says, plus the grace: nobody new gets in
stale-grace = "24h"

[[listener.trust]]
name = "service-ca"
anchors = ["service-ca/issuing.pem"]
crl = ["crl/service-ca.crl"]
crl-check = "leaf"
stale-crl = "deny-new"
stale-grace = "24h"

[identity]
device-id = "{{CN}}"

# In order; the first that matches decides; none means no.
[[policy]]
name = "devices"
match = {{ trust = "device-ca" }}
action = "allow"
client-id = "must-equal"
publish = ["devices/{{device-id}}/telemetry/#", "devices/{{device-id}}/status", "devices/{{device-id}}/credential/request"]
subscribe = ["devices/{{device-id}}/commands/#", "devices/{{device-id}}/credential/response"]
denied-publish = "disconnect"      # MQTT 3.1.1 cannot say no to a publish

# The one service that renews certificates, and nothing else.
[[policy]]
name = "renewal"
match = {{ trust = "service-ca", identity = "provisioning" }}
action = "allow"
client-id = "must-start-with"
publish = ["devices/+/credential/response"]
subscribe = ["devices/+/credential/request"]
denied-publish = "disconnect"

[[policy]]
name = "services"
match = {{ trust = "service-ca" }}
action = "allow"
client-id = "must-start-with"
publish = ["devices/+/commands/#"]
subscribe = ["devices/+/telemetry/#", "devices/+/status"]
denied-publish = "disconnect"

[engine]
kind = "rumqttd"
"#,
        port = address.port
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Hosts;

    /// Fails when the text of new fleets changes: its digest is then one more of [`WRITTEN`].
    #[test]
    fn what_is_written_today_is_known_and_what_was_edited_is_not() {
        for port in [1, 8883, 65535] {
            let hosts = Hosts::new(vec!["b.example".parse().unwrap()]).unwrap();
            let written = initial_config(&Address { hosts, port: NonZeroU16::new(port).unwrap() });
            assert!(is_initial(&written), "sha256 {}", Sha256::of(written.as_bytes()));
            for edited in [
                written.replace("enforce", "permissive"),
                format!("{written}\n"),
                written.replace('\n', "\r\n"),
                written.replace("0.0.0.0:", "127.0.0.1:"),
                written.replace("0.0.0.0:", "0.0.0.0:0"),
                String::new(),
            ] {
                assert!(!is_initial(&edited), "{edited}");
            }
        }
    }
}
