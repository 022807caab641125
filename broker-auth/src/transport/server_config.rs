//! The rustls configuration of a listener.

use std::sync::{Arc, LazyLock};

use rustls::crypto::ring as provider;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SignatureScheme, SupportedProtocolVersion};

use authenticator::trust::SIGNATURE_ALGORITHMS;

use super::client_verifier::{ClientVerifier, HandshakeChain};
use super::server_certificate::ServerCertificate;
use super::tls_versions::TlsVersions;
use crate::rules::RulesetStore;

/// The longest TLS record sent to a client, in bytes with its header: devices receive into 2 KiB.
pub const MAX_RECORD_LEN: usize = 2048;

/// rustls counts the plaintext and the five bytes of the header; the content type and the AEAD tag of TLS 1.3
/// (RFC 8446 §5.2), or the explicit nonce and tag of TLS 1.2 (RFC 5288 §3), come on top.
const RECORD_OVERHEAD: usize = 24;

/// What this broker speaks, as a list of its own: an update of rustls must not change what devices are offered.
///
/// P-256 is always there, because the devices' TLS stack offers nothing else.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            provider::cipher_suite::TLS13_AES_128_GCM_SHA256,
            provider::cipher_suite::TLS13_AES_256_GCM_SHA384,
            provider::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            provider::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            provider::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            provider::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            provider::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            provider::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            provider::cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![
            provider::kx_group::X25519,
            provider::kx_group::SECP256R1,
            provider::kx_group::SECP384R1,
        ],
        signature_verification_algorithms: SIGNATURES,
        ..provider::default_provider()
    })
});

/// The signatures accepted in handshakes: those of certificates, under the names that TLS has for them.
pub(super) static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: SIGNATURE_ALGORITHMS,
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[webpki::ring::ECDSA_P256_SHA256, webpki::ring::ECDSA_P384_SHA256],
        ),
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[webpki::ring::ECDSA_P384_SHA384, webpki::ring::ECDSA_P256_SHA384],
        ),
        (SignatureScheme::ED25519, &[webpki::ring::ED25519]),
        (SignatureScheme::RSA_PSS_SHA256, &[webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[webpki::ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA512, &[webpki::ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[webpki::ring::RSA_PKCS1_2048_8192_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[webpki::ring::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[webpki::ring::RSA_PKCS1_2048_8192_SHA512]),
    ],
};

/// The crypto provider of this broker, given to rustls explicitly: no process-wide default decides anything.
pub(super) fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// A TLS configuration for a single connection, and where the chain that its client presents will be found.
///
/// rustls tells a verifier nothing about the connection it judges for, so each connection gets a verifier, and with it
/// a configuration, of its own. It costs a few microseconds, and saves judging the chain a second time after the
/// handshake.
pub fn connection_config(
    rules: &Arc<RulesetStore>,
    certs: &Arc<ServerCertificate>,
    versions: TlsVersions,
) -> Result<(Arc<ServerConfig>, HandshakeChain), rustls::Error> {
    let chain = HandshakeChain::default();
    let verifier = ClientVerifier::new(Arc::clone(rules), chain.clone());
    Ok((Arc::new(config_with(verifier, certs, versions)?), chain))
}

fn config_with(
    verifier: ClientVerifier,
    certs: &Arc<ServerCertificate>,
    versions: TlsVersions,
) -> Result<ServerConfig, rustls::Error> {
    let versions: &[&SupportedProtocolVersion] = match versions {
        TlsVersions::Tls13 => &[&TLS13],
        TlsVersions::Tls12And13 => &[&TLS13, &TLS12],
        TlsVersions::Tls12 => &[&TLS12],
    };
    let mut config = ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::clone(certs) as Arc<dyn rustls::server::ResolvesServerCert>);
    // A resumed handshake skips the verifier, so a device revoked a minute ago would come back in. rustls resumes by
    // default, with tickets in TLS 1.3 and from memory in TLS 1.2.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_tls13_tickets = 0;
    config.max_fragment_size = Some(MAX_RECORD_LEN - RECORD_OVERHEAD);
    Ok(config)
}
