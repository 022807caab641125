//! Encoding and decoding PEM (RFC 7468), as the tools of the field write it.

use std::borrow::Cow;

use data_encoding::BASE64;
use pkcs8::LineEnding;
use pkcs8::der::pem::encode_string;
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
    /// `ENCRYPTED PRIVATE KEY`
    EncryptedPrivateKey,
    /// `CERTIFICATE REQUEST`
    CertificateRequest,
}

impl Label {
    fn text(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::Crl => "X509 CRL",
            Self::PrivateKey => "PRIVATE KEY",
            Self::EncryptedPrivateKey => "ENCRYPTED PRIVATE KEY",
            Self::CertificateRequest => "CERTIFICATE REQUEST",
        }
    }

    /// Whether it is a private key's, encrypted or not.
    pub(crate) fn is_private_key(self) -> bool {
        matches!(self, Self::PrivateKey | Self::EncryptedPrivateKey)
    }

    /// The kind of a label, under any of the names that RFC 7468 lets parsers take for it.
    pub(crate) fn of(label: &str) -> Option<Self> {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "X.509 CERTIFICATE" => Some(Self::Certificate),
            "X509 CRL" | "CRL" => Some(Self::Crl),
            "PRIVATE KEY" => Some(Self::PrivateKey),
            "ENCRYPTED PRIVATE KEY" => Some(Self::EncryptedPrivateKey),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Some(Self::CertificateRequest),
            _ => None,
        }
    }
}

/// Why PEM could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemError {
    /// A section has no end.
    #[error("BEGIN {label} in line {line} has no END {label}")]
    NoEnd {
        /// The section's label.
        label: String,
        /// The line it begins in.
        line: usize,
    },
    /// The content of a section is not base64.
    #[error("what follows BEGIN {label} in line {line} is not base64")]
    NotBase64 {
        /// The section's label.
        label: String,
        /// The line it begins in.
        line: usize,
    },
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
///
/// Line endings of every system, blanks around lines, a byte order mark and UTF-16 are read.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<Section>, PemError> {
    let text = ascii(text);
    let mut lines = lines(&text);
    let mut sections = Vec::new();
    while let Some((number, line)) = lines.next() {
        let Some(name) = marked(line, "BEGIN") else { continue };
        let Some(label) = Label::of(name) else { continue };
        let end = format!("-----END {name}-----");
        // Room for the section, so that a key leaves no pieces behind; and for no more, since a file may have many.
        let is_inside = |line: &&[u8]| marked(line, "END").is_none() && marked(line, "BEGIN").is_none();
        let length = lines.clone().map(|(_, line)| line).take_while(is_inside).map(<[u8]>::len).sum();
        let mut base64 = Zeroizing::new(Vec::with_capacity(length));
        loop {
            match lines.next() {
                Some((_, line)) if line == end.as_bytes() => break,
                Some((_, line)) if marked(line, "BEGIN").is_none() => base64.extend_from_slice(line),
                _ => return Err(PemError::NoEnd { label: name.to_owned(), line: number }),
            }
        }
        base64.retain(|octet| !octet.is_ascii_whitespace());
        let der = BASE64.decode(&base64).map(Zeroizing::new);
        let der = der.map_err(|_| PemError::NotBase64 { label: name.to_owned(), line: number })?;
        sections.push(Section { label, der });
    }
    Ok(sections)
}

/// The labels of all sections that begin in a text, each once, in their order.
pub(crate) fn labels(text: &[u8]) -> Vec<String> {
    let mut labels = Vec::new();
    for (_, line) in lines(&ascii(text)) {
        if let Some(name) = marked(line, "BEGIN").map(str::to_owned)
            && !labels.contains(&name)
        {
            labels.push(name);
        }
    }
    labels
}

/// Whether the bytes are PEM rather than DER: whether a section begins within the first mebibyte.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    let begin = b"-----BEGIN ";
    let bytes = bytes.get(..1 << 20).unwrap_or(bytes);
    ascii(bytes).windows(begin.len()).any(|window| window == begin)
}

/// The text of a line `-----BEGIN TEXT-----`; letters, digits, blanks and points only, so that it can be printed.
fn marked<'a>(line: &'a [u8], mark: &str) -> Option<&'a str> {
    let line = std::str::from_utf8(line).ok()?;
    let name = line.strip_prefix("-----")?.strip_prefix(mark)?.strip_prefix(' ')?.strip_suffix("-----")?;
    let printable =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, ' ' | '.' | '#');
    (name.len() <= 64 && name.chars().all(printable)).then_some(name)
}

/// The lines with their numbers from 1, without blanks around them.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> + Clone {
    let lines = text.split(|octet| matches!(octet, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    (1..).zip(lines)
}

/// The text without its byte order mark; UTF-16, as some shells redirect output, with what is ASCII in it.
pub(crate) fn ascii(bytes: &[u8]) -> Cow<'_, [u8]> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks::<2>();
        let octets = pairs.iter().map(|pair| u8::try_from(unit(*pair)).unwrap_or(b'?'));
        Cow::Owned(octets.collect())
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => Cow::Borrowed(bytes),
    }
}

/// Whether a text is base64 of DER, and nothing else.
pub(crate) fn is_bare_base64(text: &[u8]) -> bool {
    let mut text = ascii(text).into_owned();
    text.retain(|octet| !octet.is_ascii_whitespace());
    BASE64.decode(&text).is_ok_and(|der| der.first() == Some(&0x30))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for the whole file in each section would be 600 GB.
    #[test]
    fn a_file_of_many_sections_takes_no_more_than_its_length() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let sections = decode(one.repeat(100_000).as_bytes()).unwrap();
        assert_eq!(sections.len(), 100_000);
        assert!(sections.iter().all(|section| *section.der == [0, 0, 0]));
    }
}
