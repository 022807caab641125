//! The verifier that rustls asks, and what it found for one connection.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, ServerConnection,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use authenticator::decide::Request;
use authenticator::origin::Origin;
use authenticator::reason::{Reason, Refusal};
use authenticator::ruleset::Mode;
use authenticator::trust::{Algorithms, ChainResult, PublicKey};
use broker_rules::store::RulesetStore;

use super::crypto_provider::SIGNATURES;

/// What became of the certificates that the client of one connection presented.
#[derive(Clone, Debug, Default)]
pub struct HandshakeChain(Arc<OnceLock<Judged>>);

/// A chain, and why the handshake does not go on with it.
#[derive(Clone, Debug)]
struct Judged {
    chain: ChainResult,
    refused: Option<Refusal>,
}

impl HandshakeChain {
    /// The chain, once the handshake is over and so the client has shown that it holds the key.
    ///
    /// # Errors
    /// Fails closed: the handshake is unfinished, or was a resumed one, which asks no verifier.
    pub fn of(&self, connection: &ServerConnection) -> Result<ChainResult, Refusal> {
        if connection.is_handshaking() || connection.handshake_kind() == Some(HandshakeKind::Resumed) {
            return Err(Refusal::new(Reason::NoCertificate, "the handshake did not prove a certificate"));
        }
        Ok(self.0.get().map_or(ChainResult::NotPresented, |judged| judged.chain.clone()))
    }

    /// Why the handshake was refused, if it failed over the client's certificate. `None` is a fault of the protocol or
    /// the network, which is no decision of this broker.
    pub fn refusal(&self, error: &Error) -> Option<Refusal> {
        let judged = self.0.get();
        if let Some(refused) = judged.and_then(|judged| judged.refused.as_ref()) {
            return Some(refused.clone());
        }
        match (judged.map(|judged| &judged.chain), error) {
            // It was good enough to go on with, so what failed is the proof of possession.
            (
                Some(chain @ (ChainResult::Proven(_) | ChainResult::Unproven(_))),
                Error::InvalidCertificate(_),
            ) => {
                let evidence = "the client did not prove that it holds the key of its certificate";
                Some(match chain.leaf() {
                    Some(leaf) => leaf.refused(Reason::BadSignature, evidence),
                    None => Refusal::new(Reason::BadSignature, evidence),
                })
            }
            (None | Some(ChainResult::NotPresented), Error::NoCertificatesPresented) => {
                Some(Refusal::new(Reason::NoCertificate, "the client presented no certificate"))
            }
            (None | Some(ChainResult::NotPresented), Error::InvalidCertificate(_)) => Some(Refusal::new(
                Reason::Malformed,
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
        self.rules.present().mode() == Mode::Enforce
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
        let decision = self.rules.decide(chain.clone(), Origin::default(), &Request::Handshake);
        let judged = Judged { chain, refused: decision.outcome.as_ref().err().cloned() };
        // Asked twice on one connection, the first answer stands, and the second must not be better.
        if self.chain.0.set(judged).is_err() {
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
        // In TLS 1.2 a scheme does not tell the curve (RFC 5246 §7.4.1.4.1): the key does.
        verify_possession(message, cert, dss, algorithms_of(dss.scheme))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // In TLS 1.3 it does (RFC 8446 §4.2.3), and PKCS#1 is for certificates alone.
        let algorithms = match dss.scheme {
            SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512 => &[],
            scheme => algorithms_of(scheme).get(..1).unwrap_or_default(),
        };
        verify_possession(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURES.supported_schemes()
    }
}

/// The algorithms that a scheme of TLS may stand for, the one of TLS 1.3 first.
fn algorithms_of(scheme: SignatureScheme) -> Algorithms<'static> {
    SIGNATURES.mapping.iter().find(|(mapped, _)| *mapped == scheme).map_or(&[], |(_, algorithms)| algorithms)
}

/// Whether the client holds the key of its certificate. The certificate has been judged; here only its key matters.
fn verify_possession(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: Algorithms<'_>,
) -> Result<HandshakeSignatureValid, Error> {
    let key = PublicKey::of_certificate(certificate).ok_or(CertificateError::BadEncoding)?;
    if key.verifies(algorithms, message, signed.signature()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
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
        // bad_certificate
        Reason::Malformed => CertificateError::BadEncoding,
        // unsupported_certificate
        Reason::WrongUsage | Reason::Unsupported => CertificateError::InvalidPurpose,
        // unknown_ca, as OpenSSL answers where it cannot tell whether a certificate is revoked.
        Reason::StaleCrl | Reason::OcspUnavailable => CertificateError::UnknownRevocationStatus,
        // access_denied
        Reason::NoCertificate
        | Reason::UnmappedIdentity
        | Reason::PolicyDenied
        | Reason::NotPinned
        | Reason::ClientIdMismatch
        | Reason::TopicDenied
        | Reason::NotRegistered
        | Reason::RateLimited
        | Reason::SecondFactor
        | Reason::OriginRefused => CertificateError::ApplicationVerificationFailure,
    }
}
