//! The verifier rustls asks, and what it answered for one connection.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, ServerConnection,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::chain::VerifiedChain;
use super::server_config::SIGNATURES;
use super::store::TrustStore;
use crate::reason::{Reason, Refusal};

/// What became of the client certificate of one connection.
#[derive(Clone, Debug, Default)]
pub struct Verdict(Arc<OnceLock<Result<VerifiedChain, Refusal>>>);

impl Verdict {
    /// The proven chain, once the handshake is over and so the client has shown that it holds the key.
    ///
    /// Fails closed: an unfinished handshake, a resumed one (which asks no verifier), or one without a verdict yields
    /// a refusal.
    pub fn of(&self, connection: &ServerConnection) -> Result<VerifiedChain, Refusal> {
        if connection.is_handshaking() || connection.handshake_kind() == Some(HandshakeKind::Resumed) {
            return Err(Refusal::new(Reason::NoCertificate, "the handshake did not prove a certificate"));
        }
        match self.0.get() {
            Some(verdict) => verdict.clone(),
            None => Err(Refusal::new(Reason::NoCertificate, "the client presented no certificate")),
        }
    }

    /// Why the handshake was refused, if it failed over the client's certificate. `None` is a fault of the protocol or
    /// the network, which is no decision of ours.
    pub fn refusal(&self, error: &Error) -> Option<Refusal> {
        match (self.0.get(), error) {
            (Some(Err(refusal)), _) => Some(refusal.clone()),
            (Some(Ok(chain)), Error::InvalidCertificate(_)) => Some(chain.leaf().refused(
                Reason::BadSignature,
                "the client did not prove that it holds the key of its certificate",
            )),
            (None, Error::NoCertificatesPresented) => {
                Some(Refusal::new(Reason::NoCertificate, "the client presented no certificate"))
            }
            (None, Error::InvalidCertificate(_)) => Some(Refusal::new(
                Reason::BadSignature,
                format!("the client's certificate was not read: {error}"),
            )),
            _ => None,
        }
    }
}

/// Judges client certificates by a [`TrustStore`].
pub(super) struct ClientVerifier {
    store: Arc<TrustStore>,
    verdict: Option<Verdict>,
}

impl ClientVerifier {
    pub(super) fn new(store: Arc<TrustStore>, verdict: Verdict) -> Self {
        Self { store, verdict: Some(verdict) }
    }

    pub(super) fn without_verdict(store: Arc<TrustStore>) -> Self {
        Self { store, verdict: None }
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerifier").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    /// None: the names of all CAs would not fit into the record buffer of a small device, and tell strangers what is
    /// trusted.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.store.verify_path(end_entity, intermediates);
        let answer = match &verdict {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(Error::InvalidCertificate(alert_cause(refusal.reason))),
        };
        if let Some(place) = &self.verdict {
            // Asked twice on one connection, the first verdict stands, and the second must not be better.
            if place.0.set(verdict).is_err() {
                return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
            }
        }
        answer
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &SIGNATURES)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &SIGNATURES)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURES.supported_schemes()
    }
}

/// The error that makes rustls send the alert that fits the reason (RFC 8446 §6.2).
fn alert_cause(reason: Reason) -> CertificateError {
    match reason {
        // certificate_revoked; there is no alert for "on hold".
        Reason::Revoked | Reason::Suspended => CertificateError::Revoked,
        // certificate_expired, which the RFC also uses for "not currently valid".
        Reason::Expired => CertificateError::Expired,
        Reason::NotYetValid => CertificateError::NotValidYet,
        // unknown_ca
        Reason::UnknownCa => CertificateError::UnknownIssuer,
        // decrypt_error
        Reason::BadSignature => CertificateError::BadSignature,
        // unsupported_certificate
        Reason::WrongUsage => CertificateError::InvalidPurpose,
        // unknown_ca, as OpenSSL answers where it cannot tell whether a certificate is revoked.
        Reason::StaleCrl => CertificateError::UnknownRevocationStatus,
        // access_denied
        Reason::NoCertificate
        | Reason::UnmappedIdentity
        | Reason::ClientIdMismatch
        | Reason::TopicDenied
        | Reason::NotRegistered
        | Reason::RateLimited
        | Reason::SecondFactor => CertificateError::ApplicationVerificationFailure,
    }
}
