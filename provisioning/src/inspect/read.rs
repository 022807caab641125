//! [`inspect`]: detects what kind of file it is given, and reads it.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use device_identity::image::{Image, ImageError, PrivateKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::Zeroizing;

use super::content::{CertificateContent, Content, CrlContent, ImageContent, RequestContent, RevokedContent};
use crate::csr::SigningRequest;
use crate::digest::{Hex, Sha256};
use crate::pem::{self, Label};
use crate::registry::RevocationReason;
use crate::timestamp::Timestamp;

/// The longest file that is read, in bytes: a CRL of a million entries has 49 MB, in PEM 66.
const MAX_FILE_LEN: u64 = 128 * 1024 * 1024;

/// The first bytes of every credential image.
const IMAGE_MAGIC: &[u8] = b"CSGN";

/// The reason code of an entry that a delta CRL takes off (RFC 5280 §5.3.1). It occurs in CRLs of others only.
const REMOVE_FROM_CRL: u8 = 8;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    /// The operating system cannot read it.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is longer than any file of these kinds.
    #[error("{path} has {length} bytes, more than anything this reads", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// It is a damaged credential image.
    #[error("{path}: {fault}", path = .path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ImageError,
    },
    /// It is PEM of one of these kinds, with damaged content.
    #[error("{path}: damaged {what}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the content should be.
        what: &'static str,
    },
    /// It is none of these kinds.
    #[error("{path} is no image, certificate, signing request or CRL", path = .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a file of any kind in [`Content`].
pub(crate) fn inspect(path: &Path) -> Result<Content, InspectError> {
    let read_error = |source| InspectError::Read { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(read_error)?.len();
    if length > MAX_FILE_LEN {
        return Err(InspectError::TooLong { path: path.to_owned(), length });
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(read_error)?);
    if bytes.starts_with(IMAGE_MAGIC) {
        let image = Image::read(&bytes);
        let image = image.map_err(|fault| InspectError::Image { path: path.to_owned(), fault })?;
        return image_content(&image).map(|content| Content::Image(Box::new(content))).ok_or_else(|| {
            InspectError::Damaged { path: path.to_owned(), what: "certificate in the image" }
        });
    }
    let found = if pem::is_pem(&bytes) { from_pem(&bytes) } else { Ok(from_der(&bytes)) };
    match found {
        Ok(Some(content)) => Ok(content),
        Ok(None) => Err(InspectError::Unknown { path: path.to_owned() }),
        Err(what) => Err(InspectError::Damaged { path: path.to_owned(), what }),
    }
}

fn from_der(der: &[u8]) -> Option<Content> {
    if let Some(certificate) = certificate(der) {
        return Some(Content::Certificates { certificates: vec![certificate] });
    }
    if let Some(request) = request(der) {
        return Some(Content::SigningRequest(request));
    }
    crl(der).map(|crl| Content::Crls { crls: vec![crl] })
}

fn from_pem(text: &[u8]) -> Result<Option<Content>, &'static str> {
    let sections = pem::decode(text).map_err(|_| "PEM")?;
    let labelled = |label| sections.iter().filter(move |section| section.label == label);
    let certificates: Option<Vec<_>> =
        labelled(Label::Certificate).map(|section| certificate(&section.der)).collect();
    let certificates = certificates.ok_or("certificate")?;
    if !certificates.is_empty() {
        return Ok(Some(Content::Certificates { certificates }));
    }
    let crls: Option<Vec<_>> = labelled(Label::Crl).map(|section| crl(&section.der)).collect();
    let crls = crls.ok_or("CRL")?;
    if !crls.is_empty() {
        return Ok(Some(Content::Crls { crls }));
    }
    match labelled(Label::CertificateRequest).next() {
        Some(section) => {
            request(&section.der).map(Content::SigningRequest).map(Some).ok_or("signing request")
        }
        None => Ok(None),
    }
}

fn image_content(image: &Image<'_>) -> Option<ImageContent> {
    let all = |anchors: &[&[u8]]| anchors.iter().map(|der| certificate(der)).collect::<Option<Vec<_>>>();
    Some(ImageContent {
        device_id: image.device_id.to_string(),
        key: match image.key {
            PrivateKey::P256(_) => "in the image (not shown)".to_owned(),
            PrivateKey::Slot(number) => format!("on the device, slot {number}"),
        },
        broker_host: image.broker_host.to_owned(),
        broker_port: image.broker_port,
        server_name: image.server_name.to_owned(),
        time_floor: Timestamp::from_unix(image.time_floor),
        certificate: certificate(image.certificate)?,
        broker_anchors: all(&image.broker_anchors)?,
        device_anchors: all(&image.device_anchors)?,
    })
}

fn certificate(der: &[u8]) -> Option<CertificateContent> {
    let Ok(([], parsed)) = X509Certificate::from_der(der) else { return None };
    let names = parsed.subject_alternative_name().ok().flatten();
    Some(CertificateContent {
        subject: printable(&parsed.subject().to_string()),
        issuer: printable(&parsed.issuer().to_string()),
        serial: serial(parsed.raw_serial()),
        not_before: Timestamp::from_signed(parsed.validity().not_before.timestamp()),
        not_after: Timestamp::from_signed(parsed.validity().not_after.timestamp()),
        ca: parsed.is_ca(),
        alternative_names: names
            .map(|names| names.value.general_names.iter().map(general_name).collect())
            .unwrap_or_default(),
        fingerprint_sha256: Sha256::of(der),
        spki_sha256: Sha256::of(parsed.public_key().raw),
    })
}

fn request(der: &[u8]) -> Option<RequestContent> {
    let (_, parsed) = X509CertificationRequest::from_der(der).ok()?;
    let info = &parsed.certification_request_info;
    Some(RequestContent {
        subject: printable(&info.subject.to_string()),
        spki_sha256: Sha256::of(info.subject_pki.raw),
        refusal: SigningRequest::parse(der).err().map(|error| error.to_string()),
    })
}

fn crl(der: &[u8]) -> Option<CrlContent> {
    let Ok(([], parsed)) = CertificateRevocationList::from_der(der) else { return None };
    let revoked = parsed.iter_revoked_certificates().map(|entry| RevokedContent {
        serial: serial(entry.raw_serial()),
        revoked_at: Timestamp::from_signed(entry.revocation_date.timestamp()),
        revocation_reason: entry.reason_code().map_or("unspecified", |(_, code)| reason(code.0)).to_owned(),
    });
    Some(CrlContent {
        issuer: printable(&parsed.issuer().to_string()),
        crl_number: parsed.crl_number().map(ToString::to_string),
        this_update: Timestamp::from_signed(parsed.last_update().timestamp()),
        next_update: parsed.next_update().map(|next| Timestamp::from_signed(next.timestamp())),
        revoked: revoked.collect(),
    })
}

/// The name of a reason code in RFC 5280 §5.3.1.
fn reason(code: u8) -> &'static str {
    match RevocationReason::by_code(code) {
        Some(reason) => reason.name(),
        None if code == REMOVE_FROM_CRL => "removeFromCRL",
        None => RevocationReason::Unspecified.name(),
    }
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => printable(name),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            ip.map_or_else(|_| Hex(bytes).to_string(), |ip| ip.to_string())
        }
        other => printable(&other.to_string()),
    }
}

/// A serial number in hex: the DER content octets without a leading zero octet.
fn serial(raw: &[u8]) -> String {
    Hex(raw.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(raw)).to_string()
}

/// Text from a file with its control characters replaced, so that it cannot control a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
