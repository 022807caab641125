//! The rustls configuration of a listener.

use std::sync::Arc;

use broker_rules::store::RulesetStore;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::client_verifier::{ClientVerifier, HandshakeChain};
use super::crypto_provider::{MAX_RECORD_LEN, crypto_provider};
use super::server_certificate::ServerCertificate;
use super::tls_versions::TlsVersions;

/// rustls counts the plaintext and the five bytes of the header; the content type and the AEAD tag of TLS 1.3
/// (RFC 8446 §5.2), or the explicit nonce and tag of TLS 1.2 (RFC 5288 §3), come on top.
const RECORD_OVERHEAD: usize = 24;

/// A TLS configuration for a single connection, which may agree on one of `protocols` (RFC 7301), and where the chain that its client presents will be found.
///
/// rustls tells a verifier nothing about the connection it judges for, so each connection gets a verifier, and with it
/// a configuration, of its own. It costs a few microseconds, and saves judging the chain a second time after the
/// handshake.
pub fn connection_config(
    rules: &Arc<RulesetStore>,
    certs: &Arc<ServerCertificate>,
    versions: TlsVersions,
    protocols: &[&[u8]],
) -> Result<(Arc<ServerConfig>, HandshakeChain), rustls::Error> {
    let chain = HandshakeChain::default();
    let verifier = ClientVerifier::new(Arc::clone(rules), chain.clone());
    let mut config = config_with(verifier, certs, versions)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok((Arc::new(config), chain))
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
    // The order of the suites is ours (`crypto_provider`): few processors have instructions for SHA-384, and clients that
    // put AES-256 first would have it computed a dozen times in each handshake.
    config.ignore_client_order = true;
    config.send_tls13_tickets = 0;
    config.max_tls13_tickets = 0;
    config.max_fragment_size = Some(MAX_RECORD_LEN - RECORD_OVERHEAD);
    Ok(config)
}
