//! What is known of a client: its certificate, and how it comes.

use std::net::IpAddr;

use authenticator::evidence::{Evidence, FactorEvidence};
use authenticator::origin::{MqttVersion, Origin};
use authenticator::policy::Permit;
use authenticator::ruleset::Ruleset;
use authenticator::trust::ChainResult;
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::UnixTime;

use crate::client::{CertificateFault, Client, Protocol};

/// What is known of `client` when it comes. Its chain is proven with the intermediates of the configuration: those that the
/// client sends are mosquitto's alone.
///
/// # Errors
/// Its certificate cannot be told.
pub(super) fn of_client(
    client: &dyn Client,
    rules: &Ruleset,
    now: UnixTime,
) -> Result<Evidence, CertificateFault> {
    let chain = match client.certificate()? {
        Some(leaf) => rules.verify_chain(&[leaf], now),
        None => ChainResult::NotPresented,
    };
    let version = match client.protocol() {
        Protocol::V311 => Some(MqttVersion::V311),
        Protocol::V5 => Some(MqttVersion::V5),
        Protocol::V31 | Protocol::Unknown => None,
    };
    let address = client.address().and_then(|address| address.parse().ok());
    let address = address.map(|address: IpAddr| address.to_canonical());
    Ok(Evidence::new(chain, now).origin(Origin { address, version, ..Origin::default() }))
}

/// What is known of a session that goes on, and whose second factor is worth this now.
pub(super) fn of_session(
    permit: &Permit,
    factor: FactorEvidence,
    rules: &Ruleset,
    now: UnixTime,
) -> Evidence {
    Evidence::new(rules.judge_again(&permit.client().chain(), now), now).factor(factor)
}

/// Random bits, for the name of a client without a certificate. `None`: there are none.
pub(super) fn random() -> Option<u64> {
    let mut octets = [0; 8];
    SystemRandom::new().fill(&mut octets).ok()?;
    Some(u64::from_ne_bytes(octets))
}
