//! [`inspect`]: detects what kind of file it is given, and reads it.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use device_identity::Printable;
use device_identity::image::PrivateKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::content::{
    CertificateContent, Content, CrlContent, ImageContent, KeyContent, RequestContent, RevokedContent,
};
use super::pem_file::FileSection;
use crate::csr::{self, SigningRequest};
use crate::digest::{Hex, Sha256};
use crate::fleet::{ReadError, read_named};
use crate::image::{FileContent, FileFault, Format, Uf2Family};
use crate::key::{KeyDescription, P256PublicKey};
use crate::pem::{self, Label, Section};
use crate::registry::RevocationReason;
use crate::timestamp::Timestamp;

/// The longest file that is read, in bytes: a CRL of a million entries has 49 MB, in PEM 66.
const MAX_FILE_LEN: usize = 128 * 1024 * 1024;

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
    #[error("{path} has more than {MAX_FILE_LEN} bytes, more than anything this reads", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is a damaged image file.
    #[error("{path}: {fault}", path = .path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        fault: FileFault,
    },
    /// It is an image with a damaged certificate.
    #[error("{path}: a certificate in the image is damaged", path = .path.display())]
    ImageCertificate {
        /// The file.
        path: PathBuf,
    },
    /// It is PEM with a damaged section.
    #[error("{path}: section {section}, from line {line}: {what}", path = .path.display())]
    Section {
        /// The file.
        path: PathBuf,
        /// Which section, from 1.
        section: usize,
        /// The line at which it begins, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// It is none of these kinds.
    #[error("{path} is no image, certificate, private key, signing request or CRL", path = .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a file of any kind in [`Content`].
pub(crate) fn inspect(path: &Path) -> Result<Content, InspectError> {
    let bytes = read_named(path, MAX_FILE_LEN).map_err(|error| match error {
        ReadError::TooLong { .. } => InspectError::TooLong { path: path.to_owned() },
        other => InspectError::Read { path: path.to_owned(), source: other.into() },
    })?;
    if let Some(format) = Format::detect(&bytes) {
        return image_file(path, format, &bytes);
    }
    if pem::is_pem(&bytes) {
        return from_pem(path, &String::from_utf8_lossy(&pem::ascii(&bytes)));
    }
    if let Some(content) = from_der(&bytes) {
        return Ok(content);
    }
    // Its first bytes may be what is damaged.
    let named = path.extension().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    match named {
        Some(format) if format != Format::Pem => image_file(path, format, &bytes),
        _ => Err(InspectError::Unknown { path: path.to_owned() }),
    }
}

fn from_der(der: &[u8]) -> Option<Content> {
    if let Some(certificate) = certificate(der) {
        return Some(Content::Certificates { certificates: vec![certificate], private_keys: Vec::new() });
    }
    if let Some(request) = request(der) {
        return Some(Content::SigningRequest(request));
    }
    crl(der).map(|crl| Content::Crls { crls: vec![crl] })
}

/// What is in a PEM file: of certificates, CRLs and a signing request those that are first in this order, and private
/// keys with certificates or alone.
fn from_pem(path: &Path, text: &str) -> Result<Content, InspectError> {
    let (mut certificates, mut crls, mut requests, mut private_keys) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for section in FileSection::all(text) {
        let damaged = |what: String| InspectError::Section {
            path: path.to_owned(),
            section: section.number,
            line: section.line,
            what,
        };
        if KeyDescription::has_label(section.label()) {
            let key = KeyDescription::of_pem(section.text);
            private_keys.push(key_content(key.map_err(|error| damaged(error.to_string()))?));
            continue;
        }
        let Some(Section { label, der }) = section.decode().map_err(damaged)? else { continue };
        let no = |what: &str| damaged(format!("its content is no {what}"));
        match label {
            Label::Certificate => certificates.push(certificate(&der).ok_or_else(|| no("certificate"))?),
            Label::Crl => crls.push(crl(&der).ok_or_else(|| no("CRL"))?),
            Label::CertificateRequest => {
                requests.push(request(&der).ok_or_else(|| no("signing request"))?);
            }
            Label::PrivateKey | Label::EncryptedPrivateKey => {}
        }
    }
    if !certificates.is_empty() {
        Ok(Content::Certificates { certificates, private_keys })
    } else if !crls.is_empty() {
        Ok(Content::Crls { crls })
    } else if let Some(request) = requests.into_iter().next() {
        Ok(Content::SigningRequest(request))
    } else if !private_keys.is_empty() {
        Ok(Content::PrivateKeys { private_keys })
    } else {
        Err(InspectError::Unknown { path: path.to_owned() })
    }
}

fn key_content(key: KeyDescription) -> KeyContent {
    let (algorithm, encryption, public) = match key {
        KeyDescription::P256 { public } => (Some("P-256".to_owned()), None, public),
        KeyDescription::Other { algorithm } => (Some(algorithm), None, None),
        KeyDescription::Encrypted { scheme } => (None, Some(scheme), None),
    };
    KeyContent { algorithm, encryption, spki_sha256: public.map(|public| public.spki_sha256()) }
}

fn image_file(path: &Path, format: Format, bytes: &[u8]) -> Result<Content, InspectError> {
    let read = FileContent::read_back(format, bytes);
    let (file, used) = read.map_err(|fault| InspectError::Image { path: path.to_owned(), fault })?;
    let content = image_content(&file, used);
    let damaged = || InspectError::ImageCertificate { path: path.to_owned() };
    content.map(|content| Content::Image(Box::new(content))).ok_or_else(damaged)
}

fn image_content(file: &FileContent, used: bool) -> Option<ImageContent> {
    let FileContent::Image { format, slot, address, family } = file else { return None };
    let image = slot.image()?;
    let all = |anchors: &[&[u8]]| anchors.iter().map(|der| certificate(der)).collect::<Option<Vec<_>>>();
    let hex = |number: u32| format!("{number:#010x}");
    Some(ImageContent {
        format: format.name(),
        address: address.map(hex),
        uf2_family: family.map(hex),
        uf2_family_name: family.and_then(Uf2Family::new).and_then(Uf2Family::name),
        used,
        device_id: image.device_id.to_string(),
        key: match image.key {
            PrivateKey::P256(_) if key_fits(file, image.certificate) => "in the image (not shown)".to_owned(),
            PrivateKey::P256(_) => "in the image (not shown), NOT that of the certificate".to_owned(),
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

/// Whether the private key in an image is that of its certificate.
fn key_fits(file: &FileContent, certificate: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    P256PublicKey::from_spki(certificate.public_key()).is_ok_and(|public| file.key_of(&public).is_some())
}

fn certificate(der: &[u8]) -> Option<CertificateContent> {
    let Ok(([], parsed)) = X509Certificate::from_der(der) else { return None };
    let names = parsed.subject_alternative_name().ok().flatten();
    Some(CertificateContent {
        subject: Printable(parsed.subject()).to_string(),
        issuer: Printable(parsed.issuer()).to_string(),
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
    let outline = csr::outline(der)?;
    Some(RequestContent {
        subject: Printable(&outline.subject).to_string(),
        spki_sha256: Sha256::of(&outline.spki),
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
        issuer: Printable(parsed.issuer()).to_string(),
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
        GeneralName::DNSName(name) => Printable(name).to_string(),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            ip.map_or_else(|_| Hex(bytes).to_string(), |ip| ip.to_string())
        }
        other => Printable(other).to_string(),
    }
}

/// A serial number in hex: the DER content octets without a leading zero octet.
fn serial(raw: &[u8]) -> String {
    Hex(raw.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(raw)).to_string()
}
