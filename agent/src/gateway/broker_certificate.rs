//! Is it the broker? Its certificate against the image's anchors and server name, and nothing else.

use std::sync::Arc;

use certificate_path::{
    Budget, CaCertificate, CaFault, Certificate, ConfiguredCas, EndEntityFault, PathFault, PathRequest,
    PublicKey, Purpose,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};

/// Why a broker anchor of the image is none.
pub type AnchorError = CaFault;

/// Verifies the broker as one of the image's anchors vouches for it, under the image's server name.
///
/// What a stranger that answers in its place can make this compute is bounded by a [`Budget`].
#[derive(Debug)]
pub(super) struct BrokerVerifier {
    server_name: ServerName<'static>,
    anchors: ConfiguredCas,
    algorithms: WebPkiSupportedAlgorithms,
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
            .map(|(index, der)| CaCertificate::parse(der, Purpose::Server).map_err(|fault| (index, fault)))
            .collect::<Result<_, _>>()?;
        let algorithms = provider.signature_verification_algorithms;
        let anchors = ConfiguredCas::new(anchors, Vec::new(), algorithms.all);
        Ok(Self { server_name, anchors, algorithms })
    }
}

impl ServerCertVerifier for BrokerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        // What was dialled, an address perhaps. The name to prove is the image's.
        _dialled: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = Certificate::parse(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        certificate.refuse_unfit_end_entity(Purpose::Server).map_err(end_entity_error)?;
        refuse_unless_current(&certificate, now)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, &self.server_name)?;
        let presented: Vec<&[u8]> = intermediates.iter().map(|der| der.as_ref()).collect();
        let request = PathRequest {
            end_entity: &certificate,
            presented: &presented,
            purpose: Purpose::Server,
            now,
            algorithms: self.algorithms.all,
        };
        self.anchors.prove(&request, &mut Budget::new()).map_err(path_error)?;
        Ok(ServerCertVerified::assertion())
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
        let key = PublicKey::of_certificate(certificate).ok_or(CertificateError::BadEncoding)?;
        // In TLS 1.3 a scheme names its curve (RFC 8446 §4.2.3): the first algorithm of the mapping.
        let of_scheme = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
        let algorithms = of_scheme.map_or(&[][..], |(_, algorithms)| algorithms.get(..1).unwrap_or_default());
        if key.verifies(algorithms, message, signature.signature()) {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn refuse_unless_current(certificate: &Certificate, now: UnixTime) -> Result<(), CertificateError> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before });
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after });
    }
    Ok(())
}

fn end_entity_error(fault: EndEntityFault) -> CertificateError {
    match fault {
        EndEntityFault::NotForPurpose(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
}

fn path_error(fault: PathFault) -> CertificateError {
    match fault {
        PathFault::UnknownIssuer { .. } => CertificateError::UnknownIssuer,
        PathFault::SignatureMismatch { .. } => CertificateError::BadSignature,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
}

#[cfg(test)]
mod tests;
