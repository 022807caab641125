//! [`Authorities`]: the CAs of a fleet, and the certificates that they recognize in files.

use std::path::{Path, PathBuf};

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use super::finding::{Fault, Finding};
use crate::authority::Authority;
use crate::fleet::{Fleet, ReadError, read_regular};
use crate::image::{FileContent, LONGEST_FILE};
use crate::issuer::{IssuerError, read_chain_for_revoking};
use crate::key::P256PublicKey;
use crate::pem::{self, Label};
use crate::registry::{KeyOrigin, ReadBack};
use crate::timestamp::Timestamp;
use crate::verify::Chain;

/// The CAs of a fleet whose certificates are there.
pub(crate) struct Authorities {
    chains: Vec<(Authority, Chain)>,
    missing: Vec<(PathBuf, IssuerError)>,
}

impl Authorities {
    /// Reads the certificates of the CAs.
    pub(crate) fn read(fleet: &Fleet, now: Timestamp) -> Self {
        let (mut chains, mut missing) = (Vec::new(), Vec::new());
        for authority in Authority::ALL {
            match read_chain_for_revoking(fleet, authority, now) {
                Ok((chain, _)) => chains.push((authority, chain)),
                Err(error) => missing.push((fleet.authority(authority), error)),
            }
        }
        Self { chains, missing }
    }

    /// Reads the certificates of the CAs, all of which have to be there.
    pub(crate) fn read_all(fleet: &Fleet, now: Timestamp) -> Result<Self, IssuerError> {
        let mut authorities = Self::read(fleet, now);
        if authorities.missing.is_empty() { Ok(authorities) } else { Err(authorities.missing.remove(0).1) }
    }

    /// The CAs, and their certificates.
    pub(super) fn chains(&self) -> impl Iterator<Item = (Authority, &Chain)> {
        self.chains.iter().map(|(authority, chain)| (*authority, chain))
    }

    /// The CAs whose certificates are not there.
    pub(super) fn missing(&self) -> Vec<Finding> {
        let finding = |(path, error): &(PathBuf, IssuerError)| Finding {
            path: path.clone(),
            fault: Fault::Authority(error.to_string()),
        };
        self.missing.iter().map(finding).collect()
    }

    /// The certificates in a file that a CA of this fleet signed. A file of keys, or of the CAs' own certificates, has none.
    pub(super) fn certificates_in(&self, path: &Path) -> Result<Vec<ReadBack>, Fault> {
        let bytes = read(path)?;
        if let Ok(content) = FileContent::read(&bytes) {
            return self.recognize_all(&content.certificates(), |der| origin_of_key(&content, der));
        }
        if !pem::is_pem(&bytes) {
            // An image that is none, or DER.
            let is_certificate = matches!(X509Certificate::from_der(&bytes), Ok(([], _)));
            return if is_certificate {
                self.recognize_all(&[&bytes], |_| KeyOrigin::Unknown)
            } else {
                Err(Fault::Damaged)
            };
        }
        // Certificates with something else beside them.
        let sections = pem::decode(&bytes).map_err(|_| Fault::Damaged)?;
        let certificates = sections.iter().filter(|section| section.label == Label::Certificate);
        let certificates: Vec<_> = certificates.map(|section| section.der.as_slice()).collect();
        self.recognize_all(&certificates, |_| KeyOrigin::Unknown)
    }

    fn recognize_all(
        &self,
        certificates: &[&[u8]],
        origin: impl Fn(&[u8]) -> KeyOrigin,
    ) -> Result<Vec<ReadBack>, Fault> {
        let mut found = Vec::new();
        let mut foreign = false;
        for der in certificates {
            match self.chains().find_map(|(authority, chain)| chain.recognize(authority, der)) {
                Some(certificate) => found.push(ReadBack { certificate, key_origin: origin(der) }),
                None => {
                    foreign |= !self.chains().any(|(_, chain)| [chain.root(), chain.issuing()].contains(der));
                }
            }
        }
        if found.is_empty() && foreign { Err(Fault::Foreign) } else { Ok(found) }
    }
}

/// Who made the key of a certificate, by the file it is in.
fn origin_of_key(content: &FileContent, der: &[u8]) -> KeyOrigin {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return KeyOrigin::Unknown };
    let public = P256PublicKey::from_spki(certificate.public_key());
    if content.names_key_slot() {
        KeyOrigin::Device
    } else if public.is_ok_and(|public| content.key_of(&public).is_some()) {
        // Only this program writes images, and it puts no key into one that it did not make.
        KeyOrigin::Factory
    } else {
        KeyOrigin::Unknown
    }
}

/// The content of a file, which may be a private key.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    read_regular(path, LONGEST_FILE).map_err(|error| match error {
        ReadError::Io(error) => Fault::Read(error),
        ReadError::TooLong { .. } => Fault::TooLong,
        ReadError::NotAFile { .. } | ReadError::Outside => Fault::Kind,
    })
}
