//! The verdict of webpki and x509-parser on a chain that a broker sends.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::pki::{HOST, NOW};

/// Why a server called [`HOST`] must not be believed at [`NOW`] on the strength of these certificates, its own first;
/// `None` if neither of the two objects.
pub fn objection(own: &[u8], others: &[&[u8]], root: &[u8]) -> Option<String> {
    form(own)
        .or_else(|| others.iter().find_map(|der| form(der)))
        .or_else(|| webpki(own, others, root).err().map(|error| format!("webpki: {error}")))
}

/// Why x509-parser refuses a certificate; `None` if it does not.
pub fn form(der: &[u8]) -> Option<String> {
    match X509Certificate::from_der(der) {
        Ok(([], _)) => None,
        Ok(_) => Some("x509-parser: bytes left over".into()),
        Err(error) => Some(format!("x509-parser: {error}")),
    }
}

fn webpki(own: &[u8], others: &[&[u8]], root: &[u8]) -> Result<(), webpki::Error> {
    let root = CertificateDer::from(root);
    let anchors = [webpki::anchor_from_trusted_cert(&root)?];
    let others: Vec<_> = others.iter().map(|der| CertificateDer::from(*der)).collect();
    let own = CertificateDer::from(own);
    let own = webpki::EndEntityCert::try_from(&own)?;
    own.verify_for_usage(
        &[webpki::ring::ECDSA_P256_SHA256],
        &anchors,
        &others,
        UnixTime::since_unix_epoch(Duration::from_secs(NOW)),
        webpki::KeyUsage::server_auth(),
        None,
        None,
    )?;
    own.verify_is_valid_for_subject_name(&HOST.try_into().unwrap())
}
