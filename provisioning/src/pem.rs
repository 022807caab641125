//! Encoding and decoding PEM (RFC 7468).

use pkcs8::LineEnding;
use pkcs8::der::pem::encode_string;
use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// The label of a PEM section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
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

/// Why PEM could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    /// The text is not valid PEM.
    #[error("damaged PEM: {0}")]
    Damaged(String),
    /// More than can be encoded.
    #[error("too long for PEM")]
    TooLong,
}

/// Encodes `der` in lines of 64 characters. The text is zeroized on drop, because it may be a private key.
pub(crate) fn encode(label: Label, der: &[u8]) -> Result<Zeroizing<String>, PemError> {
    encode_string(label.text(), LineEnding::LF, der).map(Zeroizing::new).map_err(|_| PemError::TooLong)
}

/// One section of a PEM file.
pub(crate) struct Section {
    /// The label.
    pub(crate) label: Label,
    /// The content, which is not checked to be DER.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// All sections of a PEM file with a [`Label`]; other sections, and text between sections, are skipped.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<Section>, PemError> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text);
    sections
        .filter_map(|section| match section {
            Ok((kind, der)) => Label::of(kind).map(|label| Ok(Section { label, der: Zeroizing::new(der) })),
            Err(error) => Some(Err(PemError::Damaged(error.to_string()))),
        })
        .collect()
}

/// Whether the bytes are PEM rather than DER: whether a section begins within the first 4096 bytes.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).take(4096).any(|window| window == b"-----BEGIN ")
}
