//! Devices that mosquitto refuses. It does so with an alert, which in TLS 1.3 comes after the handshake.

use std::time::Duration;

use countersign_agent::device::Cause;
use countersign_agent::session::State;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::board::Board;
use super::mosquitto::Mosquitto;
use crate::pki::{Certified, Fleet};

/// Checks that the device is refused, and waits ten minutes at least.
#[track_caller]
fn stays_away(device: &Board) {
    let (state, cause, wait) = device.ends();
    assert_eq!((state, cause), (State::Refused, Cause::ClosedBeforeConnack));
    assert!(wait >= Duration::from_secs(600), "{wait:?}");
}

#[test]
fn a_device_of_another_ca_stays_away() {
    let fleet = Fleet::new();
    let mosquitto = Mosquitto::start(&fleet, &Certified::root("another device root"));
    let slot = fleet.slot_with(|image| image.broker_port = mosquitto.port());
    stays_away(&Board::start(&slot));
}

#[test]
fn a_certificate_that_is_revoked_keeps_the_device_away_until_it_has_another() {
    let mut fleet = Fleet::new();
    let mut mosquitto = Mosquitto::start(&fleet, &fleet.device_root);
    let slot = fleet.slot_with(|image| image.broker_port = mosquitto.port());
    Board::start(&slot).is_online();

    mosquitto.revoke(&revocation_list(&fleet.device_root, &fleet.device.der));
    stays_away(&Board::start(&slot));

    fleet.device = fleet.device_root.device("dev-1");
    let slot = fleet.slot_with(|image| image.broker_port = mosquitto.port());
    Board::start(&slot).is_online();
}

/// A list of `authority` with one certificate on it.
fn revocation_list(authority: &Certified, revoked: &[u8]) -> String {
    let (_, revoked) = X509Certificate::from_der(revoked).unwrap();
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2044, 1, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from_slice(revoked.raw_serial()),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&Issuer::from_params(&authority.params, &authority.key)).unwrap().pem().unwrap()
}
