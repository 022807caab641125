//! Files of certificates and revocation lists: PEM, or one DER.

use std::io::{self, Read};
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// No file of trust is larger. A revocation list of a million serials with reasons takes 50 MB in DER, 70 in PEM.
const MAX_FILE_LEN: u64 = 256 * 1024 * 1024;

/// The whole of `file`, if it is not absurdly large.
pub(crate) fn read_file(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_LEN {
        return Err(io::Error::other("the file is larger than 256 MiB"));
    }
    Ok(bytes)
}

/// Every object of the kind `T` in `bytes`: the PEM sections of that kind, or else the bytes themselves as one DER.
/// `None` if PEM armour is broken.
pub(crate) fn objects<T: PemObject + From<Vec<u8>>>(bytes: Vec<u8>) -> Option<Vec<T>> {
    // The tag of a SEQUENCE; PEM files start with a dash, or with what `openssl -text` has to say.
    if bytes.first() == Some(&0x30) {
        return Some(vec![T::from(bytes)]);
    }
    T::pem_slice_iter(&bytes).collect::<Result<_, _>>().ok()
}

/// The certificates in `file`, in order; at least one.
pub(crate) fn read_certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    match objects(read_file(file)?) {
        Some(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(io::Error::other("it holds no certificate in PEM or DER")),
    }
}
