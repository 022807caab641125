//! What a device checks of the certificate that answers its request.
//!
//! The transport proves nothing: whoever may publish on the device's topics can answer. So everything is judged by what
//! the device has itself: the key that it made, its id, and the CAs in its image.

use device_identity::image::{Image, PrivateKey};
use device_identity::renewal::Issued;
use device_identity::{DeviceId, SubjectError};

use crate::ecdsa::PublicKey;
use crate::x509::{Certificate, CertificateError, UsageError};

/// Which certificate of an answer a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The device's own.
    Device,
    /// That of the CA which issued it.
    IssuingCa,
}

/// Why a certificate is not the one that was asked for. Whatever it is, it changes nothing: the device goes on waiting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuedError {
    /// It is for another key: the answer to another request, or somebody else's.
    #[error("the certificate is for another key than the one that was made for it")]
    OtherKey,
    /// A certificate is malformed or not of the profile.
    #[error("{which}: {source}")]
    Certificate {
        /// Which.
        which: Answered,
        /// Why.
        source: CertificateError,
    },
    /// The certificate names no device.
    #[error("the certificate names no device: {0}")]
    Subject(#[from] SubjectError),
    /// The certificate names another device.
    #[error("the certificate is for {named}, and not for this device")]
    NotThisDevices {
        /// The device it names.
        named: DeviceId,
    },
    /// A certificate is not for this use.
    #[error("{which}: {source}")]
    Usage {
        /// Which.
        which: Answered,
        /// Why.
        source: UsageError,
    },
    /// The issuer is not the CA that came with it, or none of the image's.
    #[error("{which}: its issuer is none of the device CAs in the image")]
    UnknownIssuer {
        /// Whose issuer.
        which: Answered,
    },
    /// The issuer of that name has not signed it.
    #[error("{which}: the signature is not its issuer's")]
    Signature {
        /// Which.
        which: Answered,
    },
}

impl core::fmt::Display for Answered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Device => "the device certificate",
            Self::IssuingCa => "the certificate of the issuing CA",
        })
    }
}

/// The image with which a device goes on: what `current` says, with the certificate in `issued` and the key that was
/// made for it.
///
/// `point` is the public key of that key. When the certificates hold is not looked at: the broker judges that, by a better
/// clock, and a device whose time floor was raised too far must not be kept from what brings it back.
///
/// # Errors
/// The certificate is for another key or another device, is no client's, or was not issued below one of `current`'s device
/// anchors. Nothing is to be done about it but to wait for another answer.
pub fn accept<'i>(
    issued: &Issued<'i>,
    current: &Image<'i>,
    key: PrivateKey<'i>,
    point: PublicKey<'_>,
) -> Result<Image<'i>, IssuedError> {
    let certificate = read(issued.certificate(), Answered::Device)?;
    // First: the commonest answer to be ignored is one that comes twice, and it costs no signature.
    if certificate.public_key() != point {
        return Err(IssuedError::OtherKey);
    }
    let named = certificate.subject().device_id()?;
    if named != current.device_id {
        return Err(IssuedError::NotThisDevices { named });
    }
    certificate.may_be_a_client().map_err(usage(Answered::Device))?;

    let issuing_ca = read(issued.issuing_ca(), Answered::IssuingCa)?;
    if certificate.issuer() != issuing_ca.subject() {
        return Err(IssuedError::UnknownIssuer { which: Answered::Device });
    }
    issuing_ca.may_issue_clients(0).map_err(usage(Answered::IssuingCa))?;
    check_anchored(&issuing_ca, issued.issuing_ca(), current)?;
    check_signed(&certificate, Answered::Device, issuing_ca.public_key())?;
    Ok(Image { key, certificate: issued.certificate(), ..current.clone() })
}

/// Is the issuing CA an anchor itself, or issued by one? An image has two anchors at most, so two signatures are checked.
fn check_anchored(issuing_ca: &Certificate<'_>, der: &[u8], current: &Image<'_>) -> Result<(), IssuedError> {
    let mut refusal = IssuedError::UnknownIssuer { which: Answered::IssuingCa };
    for anchor_der in &current.device_anchors {
        if *anchor_der == der {
            return Ok(());
        }
        let Ok(anchor) = Certificate::read(anchor_der) else { continue };
        if anchor.may_issue_clients(1).is_err() || anchor.subject() != issuing_ca.issuer() {
            continue;
        }
        match check_signed(issuing_ca, Answered::IssuingCa, anchor.public_key()) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn read(der: &[u8], which: Answered) -> Result<Certificate<'_>, IssuedError> {
    Certificate::read(der).map_err(|source| IssuedError::Certificate { which, source })
}

const fn usage(which: Answered) -> impl Fn(UsageError) -> IssuedError {
    move |source| IssuedError::Usage { which, source }
}

fn check_signed(
    certificate: &Certificate<'_>,
    which: Answered,
    key: PublicKey<'_>,
) -> Result<(), IssuedError> {
    if certificate.is_signed_by(key) { Ok(()) } else { Err(IssuedError::Signature { which }) }
}
