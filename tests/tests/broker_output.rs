//! What `countersign-broker` says, and its exit codes, as people and scripts know them.
//!
//! `COUNTERSIGN_UPDATE_SNAPSHOTS=1 cargo nextest run -p integration-tests words` writes them anew.

use integration_tests::fleet::Fleet;
use integration_tests::mqtt::Version;
use integration_tests::program::Programs;
use integration_tests::site::Site;
use integration_tests::transcript::Transcript;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

#[test]
fn help_reads_like_this() {
    let fleet = Fleet::new(PROGRAMS);
    let mut transcript = Transcript::of(&fleet);
    for command in
        ["", "run", "check", "explain", "sessions", "kick", "status", "reload", "clock", "clock accept"]
    {
        transcript.broker(&format!("{command} --help"));
    }
    transcript.matches("broker-help");
}

#[test]
fn the_commands_that_ask_a_running_broker_print_what_they_printed() {
    let site = Site::new(PROGRAMS);
    let mut device = site.dev_1(Version::V5);
    device.subscribe("devices/dev-1/commands/#", 1);
    let mut transcript = Transcript::of(&site.fleet);
    for command in [
        "check --fleet FLEET",
        "check --fleet FLEET --json",
        "sessions --fleet FLEET",
        "sessions --fleet FLEET --json",
        "explain --fleet FLEET --cert FLEET/images/dev-1.cert.pem",
        "explain --fleet FLEET --cert FLEET/images/dev-1.cert.pem --publish devices/dev-1/status --json",
        "explain --fleet FLEET --cert FLEET/images/dev-1.cert.pem --publish devices/dev-10/status",
        "explain --fleet FLEET --cert FLEET/images/dev-1.cert.pem --client-id dev-10 --json",
        "explain --fleet FLEET --cert FLEET/images/dev-1.cert.pem --at 2099-01-01T00:00:00Z",
        "reload --fleet FLEET --json",
        "kick dev-1 --fleet FLEET --json",
        "kick dev-1 --fleet FLEET",
    ] {
        transcript.broker(command);
    }
    transcript.matches("broker-answers");
}

#[test]
fn every_refusal_says_what_happened_and_what_to_do() {
    let fleet = Fleet::new(PROGRAMS);
    let write = |name: &str, text: &str| std::fs::write(fleet.file(name), text).unwrap();
    let good = std::fs::read_to_string(fleet.file("broker.toml")).unwrap();
    write("typo.toml", &good.replace("client-id =", "clientid ="));
    write("later.toml", &good.replace("mode = \"enforce\"", "mode = \"permissive\""));
    write("no-ca.toml", &good.replace("device-ca/issuing.pem", "broker/cert.pem"));
    write("no-file.toml", &good.replace("device-ca/issuing.pem", "device-ca/lost.pem"));
    write("no.pem", "not a certificate");
    let mut transcript = Transcript::of(&fleet);
    for command in [
        "run",
        "run --fleet FLEET/nowhere",
        "check --config FLEET/typo.toml",
        "check --config FLEET/later.toml",
        "check --config FLEET/no-ca.toml",
        "check --config FLEET/no-file.toml",
        "explain --fleet FLEET --cert FLEET/no.pem",
        "explain --fleet FLEET --cert FLEET/lost.pem",
        "explain --fleet FLEET --cert FLEET/broker/cert.pem",
        "sessions --fleet FLEET",
        "kick dev-1 --fleet FLEET",
        "status --fleet FLEET --json",
        "frobnicate",
    ] {
        transcript.broker(command);
    }
    transcript.matches("broker-refusals");
}
