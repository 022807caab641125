//! What a fleet publishes, and where its broker looks for it.

use std::fs;

use integration_tests::broker::operate;
use integration_tests::fleet::Fleet;
use integration_tests::pki::{Crl, Forger};
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

/// Where a new fleet has the list of its devices.
pub(crate) const LIST: &str = "crl/device-ca.crl";

/// The key of a new fleet's configuration that says so.
pub(crate) const LIST_KEY: &str = "crl = [\"crl/device-ca.crl\"]";

/// The list of devices that the fleet has published last.
pub(crate) fn published(fleet: &Fleet) -> Vec<u8> {
    fs::read(fleet.file(LIST)).expect("the fleet has a list")
}

/// The same in DER.
pub(crate) fn der(list: &[u8]) -> Vec<u8> {
    CertificateRevocationListDer::from_pem_slice(list).expect("a list in PEM").to_vec()
}

/// Has the broker read the list of devices from `place`, a path or a URL; what is at a URL is fetched each second.
pub(crate) fn read_from(fleet: &Fleet, place: &str) {
    fleet.configure(LIST_KEY, &format!("crl = [{place:?}]"));
    if place.contains("://") {
        fleet.configure("[identity]", "[fetch]\ninterval = \"1s\"\ntimeout = \"1s\"\n\n[identity]");
    }
}

/// Puts a list of the device CA in force.
pub(crate) fn sign(fleet: &Fleet, list: &Crl) {
    fleet.replace(LIST, Forger::with_key_of(fleet, "device-ca").crl(list).as_bytes());
}

/// What `status` says of the list of devices.
#[track_caller]
pub(crate) fn list_in_force(fleet: &Fleet) -> Value {
    operate(fleet, "status", &["--json"]).json()["listeners"][0]["trusts"][0]["crls"][0].clone()
}
