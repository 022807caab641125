//! [`lint`]: reads files, and checks what is in them.

use std::io;
use std::path::{Path, PathBuf};

use device_identity::Printable;
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::Zeroizing;

use super::certificate::{self, Role};
use super::clause::Linted;
use super::{list, request};
use crate::fleet::{ReadError, read_named};
use crate::image::{FileContent, FileFault, Format};
use crate::pem;

/// The longest file that is read, in bytes: a CRL of a million entries has 66 MB in PEM.
const MAX_FILE_LEN: usize = 128 * 1024 * 1024;

/// Why a file cannot be checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LintError {
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
    /// It is a damaged credential image.
    #[error("{path}: {fault}", path = .path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// It holds no certificate, request or list, or a damaged one.
    #[error("{path}: section {number} is no certificate, signing request or CRL", path = .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Which part of it, from 1.
        number: usize,
    },
    /// It holds nothing at all that can be checked.
    #[error("{path} holds no certificate, signing request or CRL", path = .path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
    },
}

/// Checks everything in these files. CA certificates among them are looked for the issuers of the rest.
pub(crate) fn lint(paths: &[PathBuf]) -> Result<Vec<Linted>, LintError> {
    let mut encoded = Vec::new();
    for path in paths {
        encoded.extend(sections(path)?.into_iter().map(|der| (path, der)));
    }
    let mut parsed = Vec::new();
    let mut number = 0;
    for (index, (path, der)) in encoded.iter().enumerate() {
        let is_next_of_file = index.checked_sub(1).and_then(|before| encoded.get(before));
        number = if is_next_of_file.is_some_and(|(before, _)| before == path) { number + 1 } else { 1 };
        let unknown = || LintError::Unknown { path: (*path).clone(), number };
        parsed.push((*path, der, Parsed::read(der).ok_or_else(unknown)?));
    }
    let issuers: Vec<X509Certificate<'_>> = parsed
        .iter()
        .filter_map(|(_, _, parsed)| match parsed {
            Parsed::Certificate(certificate) if certificate.is_ca() => Some((**certificate).clone()),
            _ => None,
        })
        .collect();
    Ok(parsed.iter().map(|(path, der, parsed)| parsed.lint(path, der, &issuers)).collect())
}

/// What a section of a file holds.
enum Parsed<'a> {
    Certificate(Box<X509Certificate<'a>>),
    Request(Box<X509CertificationRequest<'a>>),
    List(Box<CertificateRevocationList<'a>>),
}

impl<'a> Parsed<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        if let Ok(([], certificate)) = X509Certificate::from_der(der) {
            return Some(Self::Certificate(Box::new(certificate)));
        }
        if let Ok(([], request)) = X509CertificationRequest::from_der(der) {
            return Some(Self::Request(Box::new(request)));
        }
        match CertificateRevocationList::from_der(der) {
            Ok(([], list)) => Some(Self::List(Box::new(list))),
            _ => None,
        }
    }

    fn lint(&self, file: &Path, der: &[u8], issuers: &[X509Certificate<'_>]) -> Linted {
        let (kind, subject, clauses) = match self {
            Self::Certificate(one) => {
                (Role::of(one).name(), one.subject(), certificate::clauses(one, issuers))
            }
            Self::Request(one) => {
                ("signing request", &one.certification_request_info.subject, request::clauses(der, one))
            }
            Self::List(one) => ("CRL", one.issuer(), list::clauses(one, issuers)),
        };
        Linted { file: file.to_owned(), kind, subject: Printable(subject).to_string(), clauses }
    }
}

/// The certificates, requests and lists in a file, DER. Private keys beside them are passed over.
fn sections(path: &Path) -> Result<Vec<Zeroizing<Vec<u8>>>, LintError> {
    let bytes = read(path)?;
    if let Some(format) = Format::detect(&bytes) {
        let nothing = || LintError::Nothing { path: path.to_owned() };
        let read = FileContent::read_back(format, &bytes);
        let (file, _) = read.map_err(|fault| LintError::Image { path: path.to_owned(), fault })?;
        let image = file.image().ok_or_else(nothing)?;
        let certificates = [image.certificate].into_iter();
        let certificates = certificates.chain(image.broker_anchors.iter().copied());
        let certificates = certificates.chain(image.device_anchors.iter().copied());
        return Ok(certificates.map(|der| Zeroizing::new(der.to_vec())).collect());
    }
    if !pem::is_pem(&bytes) {
        return Ok(vec![bytes]);
    }
    let nothing = || LintError::Nothing { path: path.to_owned() };
    let sections = pem::decode(&bytes).map_err(|_| nothing())?;
    let public = sections.into_iter().filter(|section| !section.label.is_private_key());
    let found: Vec<_> = public.map(|section| section.der).collect();
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

/// The content of a file, which may be a pipe.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, LintError> {
    read_named(path, MAX_FILE_LEN).map_err(|error| match error {
        ReadError::TooLong { .. } => LintError::TooLong { path: path.to_owned() },
        other => LintError::Read { path: path.to_owned(), source: other.into() },
    })
}
