//! Certificates that are let in by name, instead of those that are kept out by it.

use integration_tests::broker::operate;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::site::Site;
use serde_json::Value;

use crate::PROGRAMS;
use crate::lists::LIST_KEY;
use crate::visit::{is_cut_off, is_denied, met};

/// What `explain` says of a certificate.
#[track_caller]
fn explained(site: &Site, id: &str) -> Value {
    let certificate = site.fleet.file("images").join(format!("{id}.cert.pem")).display().to_string();
    operate(&site.fleet, "explain", &["--json", "--cert", &certificate]).json()
}

/// By each kind of pin; with a revocation list, and without any.
#[test]
fn those_on_the_allow_list_are_let_in_and_leave_when_they_are_taken_off() {
    for with_list in [true, false] {
        let site = Site::configured(PROGRAMS, |fleet| {
            if !with_list {
                let key = format!("{LIST_KEY}        # reloaded when it changes\ncrl-check = \"leaf\"");
                fleet.configure(&key, "crl-check = \"off\"");
            }
        });
        let credentials = site.fleet.devices(&["dev-2", "dev-3"]);
        let of = |id: &str, key: &str| explained(&site, id)[key].as_str().expect("a text").to_owned();
        let by_certificate = format!("{{ cert-sha256 = \"{}\" }}", of("dev-1", "fingerprint_sha256"));
        let by_serial =
            format!("{{ issuer = \"{}\", serial = \"{}\" }}", of("dev-2", "issuer"), of("dev-2", "serial"));
        let name = "name = \"device-ca\"\nanchors";
        let pinned = |pins: &[&str]| format!("name = \"device-ca\"\npins = [{}]\nanchors", pins.join(", "));
        site.fleet.configure(name, &pinned(&[&by_certificate, &by_serial]));
        let mut unlisted = site.connect(&credentials[1], &Connect::new(Version::V5, "dev-3"));
        operate(&site.fleet, "reload", &[]).stdout_of_success();
        is_denied(&mut unlisted);
        assert_eq!(met(&site, &credentials[1], "dev-3"), "not_pinned", "the CA alone is not enough");
        let mut first = site.dev_1(Version::V5);
        let mut second = site.connect(&credentials[0], &Connect::new(Version::V5, "dev-2"));

        site.fleet.configure(&pinned(&[&by_certificate, &by_serial]), &pinned(&[&by_certificate]));
        operate(&site.fleet, "reload", &[]).stdout_of_success();
        is_denied(&mut second);
        assert_eq!(met(&site, &credentials[0], "dev-2"), "not_pinned");
        assert!(first.is_alive());
        // Both at once: whoever is on the allow-list and on the revocation list is revoked.
        if with_list {
            site.fleet.revoke("dev-1");
            is_cut_off(&mut first, Version::V5);
            assert_eq!(met(&site, &site.device, "dev-1"), "revoked");
        }
    }
}
