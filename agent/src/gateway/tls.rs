//! [`Credential`] → rustls: TLS 1.3 alone, one client certificate, no resumption.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::sign::SingleCertAndKey;

use super::credential::Credential;

/// The TLS configuration of every connection of this device.
pub(super) fn client_config(credential: &Credential) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clock = Arc::new(credential.clock());
    let mut config = ClientConfig::builder_with_details(provider, clock)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(credential.broker_verifier())
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(credential.certified_key())));
    // A resumed session authenticates neither side again: not the broker, and not the device, which may be on the
    // broker's CRL by now.
    config.resumption = Resumption::disabled();
    // A server may select it or none; rustls refuses what was not offered.
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    Ok(config)
}
