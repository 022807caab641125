//! `--help` of the commands whose own crates have no snapshot of it. Those of `countersign-provision` are in
//! `provisioning/tests/cli`.

use integration_tests::fleet::Fleet;
use integration_tests::transcript::Transcript;

use crate::PROGRAMS;

#[test]
fn every_command_has_help() {
    let fleet = Fleet::new(PROGRAMS);
    let mut transcript = Transcript::of(&fleet);
    for arguments in ["--version", "-h", "help", "completions --help", "help explain", ""] {
        transcript.broker(arguments);
    }
    for arguments in ["--version", "--help", "-h", "run --help", "run -h", "completions --help", ""] {
        transcript.agent(arguments);
    }
    for arguments in ["--version", "--help", "-h", "demo --help", "fleet --help", "fleet -h", ""] {
        transcript.sim(arguments);
    }
    transcript.matches("programs-help");
}

#[test]
fn wrong_use_is_answered() {
    let fleet = Fleet::new(PROGRAMS);
    let mut transcript = Transcript::of(&fleet);
    for arguments in [
        "explain --fleet FLEET",
        "explain --fleet FLEET --cert FLEET/broker/cert.pem --publish a --subscribe b",
        "explain --fleet FLEET --cert FLEET/broker/cert.pem --at yesterday",
        "explain --fleet FLEET --config FLEET/broker.toml --cert FLEET/broker/cert.pem",
        "kick --fleet FLEET",
        "run --fleet FLEET --listen nowhere",
        "run --fleet FLEET --log-format xml",
        "reload --fleet FLEET",
        "completions cmd",
    ] {
        transcript.broker(arguments);
    }
    for arguments in [
        "run",
        "run --image FLEET/images/lost.bin",
        "run --image FLEET/broker.toml",
        "run --image FLEET/broker.toml --log xml",
        "frobnicate",
    ] {
        transcript.agent(arguments);
    }
    for arguments in [
        "demo --devices 1",
        "fleet",
        "fleet --images FLEET/lost",
        "fleet --images FLEET/broker.toml",
        "fleet --images FLEET/images --broker nowhere",
        "fleet --images FLEET/images --rate 2000",
        "fleet --images FLEET/images --duration -1",
        "frobnicate",
    ] {
        transcript.sim(arguments);
    }
    transcript.matches("programs-usage");
}
