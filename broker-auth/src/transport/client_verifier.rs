//! The verifier that rustls asks, and what it found for one connection.

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

use authenticator::decide::Request;
use authenticator::reason::{Reason, Refusal};
use authenticator::trust::ChainResult;

use super::crypto_provider::SIGNATURES;
use crate::rules::RulesetStore;

/// What became of the certificates that the client of one connection presented.
#[derive(Clone, Debug, Default)]
pub struct HandshakeChain(Arc<OnceLock<ChainResult>>);

impl HandshakeChain {
    /// The chain, once the handshake is over and so the client has shown that it holds the key.
    ///
    /// # Errors
    /// Fails closed: the handshake is unfinished, or was a resumed one, which asks no verifier.
    pub fn of(&self, connection: &ServerConnection) -> Result<ChainResult, Refusal> {
        if connection.is_handshaking() || connection.handshake_kind() == Some(HandshakeKind::Resumed) {
            return Err(Refusal::new(Reason::NoCertificate, "the handshake did not prove a certificate"));
        }
        Ok(self.0.get().cloned().unwrap_or(ChainResult::NotPresented))
    }

    /// Why the handshake was refused, if it failed over the client's certificate. `None` is a fault of the protocol or
    /// the network, which is no decision of this broker.
    pub fn refusal(&self, error: &Error) -> Option<Refusal> {
        match (self.0.get(), error) {
            (Some(ChainResult::Unproven(chain)), _) => Some(chain.fault().clone()),
            (Some(ChainResult::Proven(chain)), Error::InvalidCertificate(_)) => Some(chain.leaf().refused(
                Reason::BadSignature,
                "the client did not prove that it holds the key of its certificate",
            )),
            (None | Some(ChainResult::NotPresented), Error::NoCertificatesPresented) => {
                Some(Refusal::new(Reason::NoCertificate, "the client presented no certificate"))
            }
            (None | Some(ChainResult::NotPresented), Error::InvalidCertificate(_)) => Some(Refusal::new(
                Reason::BadSignature,
                format!("the client's certificate was not read: {error}"),
            )),
            _ => None,
        }
    }
}

/// The verifier of one connection. It decides by a [`RulesetStore`].
pub(super) struct ClientVerifier {
    rules: Arc<RulesetStore>,
    chain: HandshakeChain,
}

impl ClientVerifier {
    pub(super) fn new(rules: Arc<RulesetStore>, chain: HandshakeChain) -> Self {
        Self { rules, chain }
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
        let presented: Vec<_> = [end_entity]
            .into_iter()
            .chain(intermediates)
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let chain = self.rules.verify_chain(&presented);
        let decision = self.rules.decide(chain.clone(), &Request::Handshake);
        // Asked twice on one connection, the first answer stands, and the second must not be better.
        if self.chain.0.set(chain).is_err() {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        match decision.outcome {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(Error::InvalidCertificate(alert_cause(refusal.reason))),
        }
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
