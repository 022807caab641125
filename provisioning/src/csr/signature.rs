//! Proof of possession: the signature of a request, by the key in it.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, EcdsaVerificationAlgorithm, UnparsedPublicKey,
};

use super::CsrError;
use super::parts::{Parts, is_ecdsa_signature};
use crate::key::P256PublicKey;

/// The signature algorithms of requests, by the content octets of their OIDs.
const ALGORITHMS: [(&[u8], Algorithm); 14] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], Algorithm::Verified(&ECDSA_P256_SHA256_ASN1)),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], Algorithm::Verified(&ECDSA_P256_SHA384_ASN1)),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], Algorithm::Named("ecdsa-with-SHA1")),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1], Algorithm::Named("ecdsa-with-SHA224")),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], Algorithm::Named("ecdsa-with-SHA512")),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 9], Algorithm::Named("ecdsa-with-SHA3-224")),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 10], Algorithm::Named("ecdsa-with-SHA3-256")),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 11], Algorithm::Named("ecdsa-with-SHA3-384")),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 12], Algorithm::Named("ecdsa-with-SHA3-512")),
    (&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x75], Algorithm::Named("SM2-with-SM3")),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], Algorithm::Named("RSA with SHA-1")),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], Algorithm::Named("RSA with SHA-256")),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], Algorithm::Named("RSA-PSS")),
    (&[0x2b, 0x65, 0x70], Algorithm::Named("Ed25519")),
];

#[derive(Clone, Copy)]
enum Algorithm {
    /// It is verified here.
    Verified(&'static EcdsaVerificationAlgorithm),
    /// It is not, and has this name.
    Named(&'static str),
}

/// Checks that the key in the request has signed it.
pub(super) fn verify(parts: &Parts<'_>, key: &P256PublicKey) -> Result<(), CsrError> {
    let known = ALGORITHMS.iter().find(|(oid, _)| *oid == parts.algorithm);
    let algorithm = match known {
        Some((_, Algorithm::Verified(algorithm))) => *algorithm,
        Some((_, Algorithm::Named(name))) => {
            return Err(CsrError::SignatureAlgorithm { found: (*name).to_owned() });
        }
        None => {
            let oid = x509_parser::asn1_rs::Oid::new(parts.algorithm.into());
            return Err(CsrError::SignatureAlgorithm { found: format!("algorithm {oid}") });
        }
    };
    if !is_ecdsa_signature(parts.signature) {
        return Err(CsrError::SignatureEncoding { raw: parts.signature.len() == 64 });
    }
    let key = UnparsedPublicKey::new(algorithm, key.point());
    key.verify(parts.info, parts.signature).map_err(|_| CsrError::ProofOfPossession)
}
