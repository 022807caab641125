//! Is it the broker? Its certificate against the image's anchors and server name, and nothing else.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Verifies the broker as one of the image's anchors vouches for it, under the image's server name.
///
/// webpki takes of a trust anchor only its name and key. What else makes it a CA is checked here: CA flag and key
/// usage when the image is read, validity and path length at every handshake.
#[derive(Debug)]
pub(super) struct BrokerVerifier {
    server_name: ServerName<'static>,
    anchors: Vec<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    der: CertificateDer<'static>,
    not_before: i64,
    not_after: i64,
    longest_path: Option<u32>,
    verifier: Arc<WebPkiServerVerifier>,
}

/// Why a broker anchor of the image is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// It is no X.509 certificate, or one webpki cannot read.
    #[error("it is no readable certificate: {0}")]
    Unreadable(String),
    /// basicConstraints are missing, or say CA:FALSE (RFC 5280 §4.2.1.9).
    #[error("it is no CA certificate: basicConstraints do not say CA:TRUE")]
    NotACa,
    /// keyUsage is there without keyCertSign (RFC 5280 §4.2.1.3).
    #[error("its keyUsage does not include keyCertSign")]
    MayNotSign,
}

/// No usable time: the certificate is good at other times, or its anchor is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum AnchorUnfit {
    #[error("the image's broker anchor has expired (notAfter {0} in Unix seconds)")]
    Expired(i64),
    #[error("the image's broker anchor is not valid yet (notBefore {0} in Unix seconds)")]
    NotYetValid(i64),
    #[error("the broker's chain has {found} certificates between itself and an anchor that allows {allowed}")]
    PathTooLong { found: usize, allowed: u32 },
}

impl BrokerVerifier {
    /// A verifier for `server_name` that trusts `anchors` alone. An error names the anchor, counted from 0.
    pub(super) fn new(
        server_name: ServerName<'static>,
        anchors: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, (usize, AnchorError)> {
        let anchors = anchors
            .iter()
            .enumerate()
            .map(|(index, der)| Anchor::read(der, provider).map_err(|error| (index, error)))
            .collect::<Result<_, _>>()?;
        Ok(Self { server_name, anchors })
    }
}

impl Anchor {
    fn read(der: &CertificateDer<'static>, provider: &Arc<CryptoProvider>) -> Result<Self, AnchorError> {
        let unreadable = |error: &dyn ToString| AnchorError::Unreadable(error.to_string());
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        let constraints = certificate.basic_constraints().map_err(|error| unreadable(&error))?;
        let constraints = constraints.filter(|found| found.value.ca).ok_or(AnchorError::NotACa)?;
        let usage = certificate.key_usage().map_err(|error| unreadable(&error))?;
        if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
            return Err(AnchorError::MayNotSign);
        }

        let mut roots = RootCertStore::empty();
        roots.add(der.clone()).map_err(|error| unreadable(&error))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| unreadable(&error))?;
        Ok(Self {
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            longest_path: constraints.value.path_len_constraint,
            der: der.clone(),
            verifier,
        })
    }

    fn fit(&self, intermediates: &[CertificateDer<'_>], now: UnixTime) -> Result<(), AnchorUnfit> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > self.not_after {
            return Err(AnchorUnfit::Expired(self.not_after));
        }
        if now < self.not_before {
            return Err(AnchorUnfit::NotYetValid(self.not_before));
        }
        // A broker may send the anchor itself along; that one is not between.
        let between = intermediates.iter().filter(|sent| sent.as_ref() != self.der.as_ref()).count();
        match self.longest_path {
            Some(allowed) if u32::try_from(between).map_or(true, |between| between > allowed) => {
                Err(AnchorUnfit::PathTooLong { found: between, allowed })
            }
            _ => Ok(()),
        }
    }
}

impl ServerCertVerifier for BrokerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        // What was dialled, an address perhaps. The name to prove is the image's.
        _dialled: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        demand_server_auth(end_entity)?;
        let mut refusal = rustls::Error::from(CertificateError::UnknownIssuer);
        for anchor in &self.anchors {
            let verdict = anchor
                .verifier
                .verify_server_cert(end_entity, intermediates, &self.server_name, ocsp_response, now)
                .and_then(|verified| match anchor.fit(intermediates, now) {
                    Ok(()) => Ok(verified),
                    Err(unfit) => Err(CertificateError::Other(OtherError(Arc::new(unfit))).into()),
                });
            match verdict {
                Ok(verified) => return Ok(verified),
                // Of several anchors, the one that knows the issuer has the better reason.
                Err(error) if error != CertificateError::UnknownIssuer.into() => refusal = error,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not offered".to_string()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.anchors.first() {
            Some(anchor) => anchor.verifier.verify_tls13_signature(message, certificate, signature),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.anchors.first().map_or_else(Vec::new, |anchor| anchor.verifier.supported_verify_schemes())
    }
}

/// RFC 5280 lets a certificate without extendedKeyUsage serve any purpose, and webpki follows it. A broker
/// certificate must say serverAuth: a device certificate never does.
fn demand_server_auth(end_entity: &CertificateDer<'_>) -> Result<(), rustls::Error> {
    let (_, certificate) = X509Certificate::from_der(end_entity)
        .map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if usage.value.server_auth => Ok(()),
        Ok(_) => Err(CertificateError::InvalidPurpose.into()),
        Err(_) => Err(CertificateError::BadEncoding.into()),
    }
}
