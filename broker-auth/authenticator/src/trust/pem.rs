//! Files of certificates and revocation lists: PEM, or one DER.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{PemObject, SectionKind};

use super::strict_pem::only_section;

/// Every object of the kind `T` in `bytes`: the PEM sections of that kind, or else the bytes themselves as one DER.
/// `None` if PEM armour is broken.
pub fn objects<T: PemObject + From<Vec<u8>>>(bytes: Vec<u8>) -> Option<Vec<T>> {
    // The tag of a SEQUENCE; PEM files start with a dash, or with what `openssl -text` has to say.
    if bytes.first() == Some(&0x30) {
        return Some(vec![T::from(bytes)]);
    }
    if let Some(list) = only_section(&bytes, "X509 CRL") {
        return Some(T::from_pem(SectionKind::Crl, list).into_iter().collect());
    }
    T::pem_slice_iter(&bytes).collect::<Result<_, _>>().ok()
}

/// The certificates in `bytes`, in order. `None` if there is none, or if PEM armour is broken.
pub fn certificates(bytes: Vec<u8>) -> Option<Vec<CertificateDer<'static>>> {
    objects(bytes).filter(|certificates| !certificates.is_empty())
}
