//! PEM armour (RFC 7468), both ways.

use pkcs8::LineEnding;
use pkcs8::der::pem::encode_string;
use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// What PEM armour says it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// `CERTIFICATE`
    Certificate,
    /// `X509 CRL`
    Crl,
    /// `PRIVATE KEY`
    PrivateKey,
    /// `CERTIFICATE REQUEST`
    CertificateRequest,
}

impl Label {
    fn text(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::Crl => "X509 CRL",
            Self::PrivateKey => "PRIVATE KEY",
            Self::CertificateRequest => "CERTIFICATE REQUEST",
        }
    }

    fn of(kind: SectionKind) -> Option<Self> {
        match kind {
            SectionKind::Certificate => Some(Self::Certificate),
            SectionKind::Crl => Some(Self::Crl),
            SectionKind::PrivateKey => Some(Self::PrivateKey),
            SectionKind::Csr => Some(Self::CertificateRequest),
            _ => None,
        }
    }
}

/// Why PEM could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text is damaged.
    #[error("damaged PEM: {0}")]
    Damaged(String),
    /// More than can be encoded.
    #[error("too long for PEM")]
    TooLong,
}

/// `der` in armour, lines of 64 characters. Zeroized, because some of it is keys.
pub fn encode(label: Label, der: &[u8]) -> Result<Zeroizing<String>, PemError> {
    encode_string(label.text(), LineEnding::LF, der).map(Zeroizing::new).map_err(|_| PemError::TooLong)
}

/// One section of a PEM file.
pub struct Section {
    /// What its armour says.
    pub label: Label,
    /// What is in it, unchecked.
    pub der: Zeroizing<Vec<u8>>,
}

/// All sections of a PEM file with one of our labels; others, and text between sections, are skipped.
pub fn decode(text: &[u8]) -> Result<Vec<Section>, PemError> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text);
    sections
        .filter_map(|section| match section {
            Ok((kind, der)) => Label::of(kind).map(|label| Ok(Section { label, der: Zeroizing::new(der) })),
            Err(error) => Some(Err(PemError::Damaged(error.to_string()))),
        })
        .collect()
}

/// Whether this looks like PEM rather than DER.
pub fn is_armoured(bytes: &[u8]) -> bool {
    bytes.windows(11).take(4096).any(|window| window == b"-----BEGIN ")
}
