//! Whether a CA's key signed a certificate.

use rustls_pki_types::SignatureVerificationAlgorithm;

use crate::certificate::Certificate;
use crate::public_key::PublicKey;

/// Algorithms that verify signatures: those of rustls-webpki, or others.
pub type Algorithms<'a> = &'a [&'a dyn SignatureVerificationAlgorithm];

/// Which of `algorithms` verifies the signature of `certificate` with a key, if one does.
pub(crate) enum Choice<'a> {
    /// This one.
    Algorithm(&'a dyn SignatureVerificationAlgorithm),
    /// None knows how the certificate is signed, with whatever key.
    Unsupported,
    /// The certificate is signed with another kind of key.
    OtherKey,
}

pub(crate) fn choose<'a>(
    algorithms: Algorithms<'a>,
    certificate: &Certificate,
    key: &PublicKey,
) -> Choice<'a> {
    let mut of_signature = algorithms
        .iter()
        .filter(|algorithm| algorithm.signature_alg_id().as_ref() == &*certificate.signature_algorithm)
        .peekable();
    if of_signature.peek().is_none() {
        return Choice::Unsupported;
    }
    of_signature
        .find(|algorithm| algorithm.public_key_alg_id().as_ref() == key.algorithm())
        .map_or(Choice::OtherKey, |algorithm| Choice::Algorithm(*algorithm))
}

/// Whether `key` signed `certificate`.
pub(crate) fn is_signed_by(
    algorithm: &dyn SignatureVerificationAlgorithm,
    certificate: &Certificate,
    key: &PublicKey,
) -> bool {
    algorithm.verify_signature(key.bits(), certificate.signed(), certificate.signature()).is_ok()
}

impl Certificate {
    /// Whether `key` signed it, by one of `algorithms`.
    pub fn is_signed_by(&self, key: &PublicKey, algorithms: Algorithms<'_>) -> bool {
        match choose(algorithms, self, key) {
            Choice::Algorithm(algorithm) => is_signed_by(algorithm, self, key),
            Choice::Unsupported | Choice::OtherKey => false,
        }
    }
}

/// What the signature algorithm of a certificate is called, or its dotted OID.
pub(crate) fn algorithm_name(certificate: &Certificate) -> String {
    let oid = certificate.signature_algorithm_oid.as_ref();
    let name = match oid {
        "1.2.840.113549.1.1.4" => "MD5 with RSA",
        "1.2.840.113549.1.1.5" => "SHA-1 with RSA",
        "1.2.840.113549.1.1.14" => "SHA-224 with RSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS with parameters that are not those of TLS",
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.1" => "ECDSA with SHA-224",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.10040.4.3" => "DSA with SHA-1",
        "2.16.840.1.101.3.4.3.2" => "DSA with SHA-256",
        "1.3.101.113" => "Ed448",
        other => other,
    };
    name.to_owned()
}
