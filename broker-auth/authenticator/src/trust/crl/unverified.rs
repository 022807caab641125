//! What revocation lists say before anybody has verified them.

use rustls_pki_types::{CertificateRevocationListDer, UnixTime};

use super::super::pem::objects;
use super::signed::CrlFault;
use crate::certificate::RevocationListFrame;

/// When the first of the revocation lists in `bytes`, in PEM or DER, is due to be replaced (RFC 5280 §5.1.2.5), as they
/// say themselves: nothing is verified, and their entries are not read.
///
/// # Errors
/// There is none, or one that cannot be used whoever signed it.
pub fn unverified_next_update(bytes: &[u8]) -> Result<UnixTime, CrlFault> {
    let lists = objects::<CertificateRevocationListDer<'static>>(bytes.to_vec()).unwrap_or_default();
    let mut first: Option<UnixTime> = None;
    for list in &lists {
        let next_update = RevocationListFrame::parse(list)?.next_update.ok_or(CrlFault::NoNextUpdate)?;
        first = Some(first.map_or(next_update, |earlier| earlier.min(next_update)));
    }
    first.ok_or_else(|| CrlFault::Malformed { detail: "there is none, in PEM or DER".to_owned() })
}
