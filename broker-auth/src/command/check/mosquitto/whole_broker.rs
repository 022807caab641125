//! What undoes the plugin at all listeners.

use super::conf::MosquittoConf;
use super::finding::Finding;

/// Settings of mosquitto's own answer to who may do what, which the plugin leaves unasked.
const OWN_ANSWERS: [(&str, &str); 2] = [
    ("acl_file", "topics are decided by the policies of broker.toml"),
    ("password_file", "passwords are asked for by second-factor in the policies of broker.toml"),
];

/// What is found about what is set in `conf` for all listeners.
pub(super) fn findings(conf: &MosquittoConf) -> Vec<Finding> {
    let mut findings = Vec::new();
    let global = &conf.global;
    findings.extend(global.on("per_listener_settings").map(|line| {
        let what = "listeners that name no plugin are not judged, and the plugin gets no ticks: nobody is cut off, and changed \
                    rules are not in force";
        Finding::error(line, "per_listener_settings", what, "per_listener_settings false")
    }));
    findings.extend(global.on("allow_anonymous").map(|line| {
        let what = "the plugin answers for everybody, so it changes nothing as long as every listener asks it; where none is \
                    asked, everybody gets in";
        Finding::warning(line, "allow_anonymous", what, "allow_anonymous false")
    }));
    for (setting, where_else) in OWN_ANSWERS {
        findings.extend(global.get(setting).map(|line| {
            let what = "mosquitto never asks it: the plugin always answers first, and what it neither allows nor denies does \
                        not exist";
            Finding::warning(line, setting, what, format!("no {setting}: {where_else}"))
        }));
    }
    findings.extend(global.get("psk_file").map(|line| {
        let what = "clients of listeners with psk_hint show its keys instead of certificates";
        Finding::warning(line, "psk_file", what, "no psk_file")
    }));
    findings.extend(conf.bridges.iter().map(|line| {
        let what = format!(
            "what bridge {} brings is never judged: whoever can publish at its other end publishes here, to every topic \
             that it brings in",
            line.value
        );
        Finding::warning(line, "connection", what, "no bridge, or `topic … out` alone")
    }));
    findings.extend(global.on("persistence").map(|line| {
        let what = "after a restart the plugin knows nothing of the sessions that mosquitto kept: nothing reaches their queues \
                    until they are back";
        Finding::warning(line, "persistence", what, "persistence false, unless messages are to outlive mosquitto")
    }));
    findings
}
