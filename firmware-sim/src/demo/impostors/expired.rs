//! A certificate that expired an hour ago, signed by the fleet's own issuing CA.

use std::fs;

use device_identity::DeviceId;
use provisioning::authority::Authority;
use provisioning::fleet::Fleet as Layout;
use provisioning::key::{CaKey, KeyPair, Passphrase};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::impostor::{AttackContext, Impostor};
use crate::demo::error::DemoError;
use crate::demo::fleet::Fleet;
use crate::demo::probe::{ProbeAction, probe};
use crate::demo::report::Outcome;
use crate::demo::tls::{self, Credentials, setup};

pub(super) const IMPOSTOR: Impostor =
    Impostor { tried: "a certificate that has expired", expected: "refused", attempt };

fn attempt(context: &mut AttackContext<'_>) -> Result<Outcome, DemoError> {
    let credentials = expired(context.fleet, context.mallory)?;
    let tls = tls::client(&context.fleet.broker_root(), Some(&credentials))?;
    let result = probe(context.mallory.as_str(), context.port, tls, &ProbeAction::Connect)?;
    context.check_refusal(result, "handshake", &["expired"])
}

/// Signs an expired certificate with the key of the issuing CA: `countersign-provision` makes no certificate that has
/// already expired.
fn expired(fleet: &Fleet, device: &DeviceId) -> Result<Credentials, DemoError> {
    let layout = Layout::at(fleet.dir());
    let read = |path: std::path::PathBuf| {
        fs::read_to_string(&path).map_err(|source| DemoError::File { path, source })
    };
    let passphrase = Passphrase::new(Zeroizing::new(fleet.passphrase().to_owned())).map_err(setup)?;
    let pair = KeyPair::unseal(&read(layout.issuing_key(Authority::Device))?, &passphrase).map_err(setup)?;
    let ca_key = CaKey::new(&pair).ok_or_else(|| setup("the issuing CA has no key"))?;
    let ca = read(layout.issuing_certificate(Authority::Device))?;
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(setup)?;
    let issuer = Issuer::from_ca_cert_der(&ca, ca_key).map_err(setup)?;

    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, device.as_str());
    params.not_before = now - Duration::days(30);
    params.not_after = now - Duration::hours(1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(setup)?;
    let certificate = params.signed_by(&key, &issuer).map_err(setup)?;
    Ok(Credentials {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
    })
}
