//! A reload is put in force whole, or not at all.

use std::fs;
use std::process::Command;

use integration_tests::broker::operate;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::self_signed;
use integration_tests::site::Site;

use crate::PROGRAMS;
use crate::lists::LIST_KEY;
use crate::visit::{is_denied, meets_soon, met};

/// The list is what is added: the first reload brings it in, and the next ones find it there.
#[test]
fn after_a_reload_with_a_list_new_connections_succeed_as_before() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(
            &format!("{LIST_KEY}        # reloaded when it changes\ncrl-check = \"leaf\""),
            "crl-check = \"off\"",
        );
    });
    let stolen = site.fleet.device("dev-2");
    site.fleet.revoke("dev-2");
    assert_eq!(met(&site, &stolen, "dev-2"), "in", "there is no list yet");
    let mut session = site.dev_1(Version::V5);
    site.fleet.configure("crl-check = \"off\"", LIST_KEY);
    for round in 0..4 {
        // Something must have changed for the log to have a line of it.
        let grace = |round: u32| format!("stale-grace = \"{}h\"", 24 + round);
        site.fleet.configure(&grace(round), &grace(round + 1));
        if round % 2 == 0 {
            operate(&site.fleet, "reload", &[]).stdout_of_success();
        } else {
            let mark = site.broker.log().mark();
            let pid = site.broker.process_id().to_string();
            assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill(1)").success());
            site.broker
                .log()
                .line(mark, |line| line.to_string().contains("the configuration was read again"));
        }
        assert_eq!(met(&site, &stolen, "dev-2"), "revoked", "round {round}");
        assert!(session.is_alive(), "round {round}");
        let mut another = site.backend(Version::V5);
        assert!(another.is_alive(), "round {round}: new connections are let in");
    }
    assert_eq!(met(&site, &site.device, "dev-1"), "in");
}

/// A good change beside a broken one: neither is in force, and both kinds of connection go on.
#[test]
fn half_of_a_reload_is_never_in_force() {
    let site = Site::new(PROGRAMS);
    let text = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");
    let mut session = site.dev_1(Version::V5);
    let denied = text.replacen("action = \"allow\"", "action = \"deny\"", 1);
    for (what, broken) in [
        ("a list that is not there", denied.replace("crl/service-ca.crl", "crl/none.crl")),
        ("a list of another CA", denied.replace("crl/service-ca.crl", "crl/device-ca.crl")),
        ("an anchor that is not there", denied.replace("service-ca/issuing.pem", "service-ca/none.pem")),
    ] {
        site.fleet.replace("broker.toml", broken.as_bytes());
        let refused = operate(&site.fleet, "reload", &[]);
        assert_eq!(refused.code, 3, "{what}: {}", refused.stderr);
        assert!(session.is_alive(), "{what}: the policy is the one before");
        assert!(site.backend(Version::V5).is_alive(), "{what}: so is the other trust");
        let newcomer = site.fleet.device(&format!("dev-{}", what.len()));
        assert_eq!(met(&site, &newcomer, &format!("dev-{}", what.len())), "in", "{what}");
    }
    site.fleet.replace("broker.toml", denied.as_bytes());
    operate(&site.fleet, "reload", &[]).stdout_of_success();
    is_denied(&mut session);
    meets_soon(&site, &site.device, "dev-1", "policy_denied");
}

#[test]
fn a_new_server_certificate_and_a_new_anchor_drop_no_connection() {
    let site = Site::new(PROGRAMS);
    let (mut device, mut service) = (site.dev_1(Version::V5), site.backend(Version::V311));
    let shown = service.broker_certificate();
    let mark = site.broker.log().mark();
    site.fleet.provision(&["broker-cert"]).stdout_of_success();
    site.broker.log().line(mark, |line| line.to_string().contains("server certificate in force"));
    let mut newcomer = site.connect(&site.service, &Connect::new(Version::V5, "backend/2"));
    assert_ne!(newcomer.broker_certificate(), shown);

    let second = self_signed("Second Device CA", |_| ());
    site.fleet.replace("second.pem", second.as_bytes());
    let third = "[[listener.trust]]\nname = \"second\"\nanchors = [\"second.pem\"]\ncrl-check = \"off\"\n\n[identity]";
    site.fleet.configure("[identity]", third);
    operate(&site.fleet, "reload", &[]).stdout_of_success();
    assert!(device.is_alive() && service.is_alive() && newcomer.is_alive());
}
