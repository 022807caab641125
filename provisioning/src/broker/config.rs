//! The `broker.toml` of a new fleet: ready to use, with comments for whoever edits it.

use super::Address;

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
