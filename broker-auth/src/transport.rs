//! What carries MQTT: TLS, with the client's certificate demanded.

mod application_protocol;
mod client_verifier;
mod crypto_provider;
mod origin_tls;
mod server_certificate;
mod server_config;
mod tls_versions;

pub use application_protocol::MqttAlpn;
pub use client_verifier::HandshakeChain;
pub use crypto_provider::MAX_RECORD_LEN;
pub(crate) use origin_tls::{OriginTls, OriginTlsError, OriginTlsFiles};
pub(crate) use server_certificate::{Faults, UNUSABLE_CERTIFICATE};
pub use server_certificate::{ServerCertificate, ServerCertificateError};
pub use server_config::connection_config;
pub use tls_versions::TlsVersions;
