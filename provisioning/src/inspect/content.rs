//! [`Content`]: what a file holds, as JSON and as text.

use std::fmt;

use device_identity::Printable;
use serde::Serialize;

use crate::digest::Sha256;
use crate::timestamp::Timestamp;

/// What a file holds.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Content {
    /// A credential image.
    Image(Box<ImageContent>),
    /// One certificate or more, in the order of the file.
    Certificates {
        /// The certificates.
        certificates: Vec<CertificateContent>,
        /// The private keys beside them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        private_keys: Vec<KeyContent>,
    },
    /// One private key or more, which are not shown.
    PrivateKeys {
        /// The keys.
        private_keys: Vec<KeyContent>,
    },
    /// A signing request.
    SigningRequest(RequestContent),
    /// One CRL or more.
    Crls {
        /// The CRLs.
        crls: Vec<CrlContent>,
    },
}

/// A credential image, without its key.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImageContent {
    /// The file format.
    pub(crate) format: &'static str,
    /// Where the file puts the slot, in hex, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// The UF2 family, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uf2_family: Option<String>,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uf2_family_name: Option<&'static str>,
    /// Whether a device has used the slot, and its state is in it: such a file is not to be flashed.
    pub(crate) used: bool,
    /// The device id.
    pub(crate) device_id: String,
    /// Where the private key is, in words.
    pub(crate) key: String,
    /// The broker's host name.
    pub(crate) broker_host: String,
    /// The broker's port.
    pub(crate) broker_port: u16,
    /// The name that the broker's certificate must have.
    pub(crate) server_name: String,
    /// The time floor: the device refuses a certificate whose `notAfter` is earlier.
    pub(crate) time_floor: Timestamp,
    /// The device's certificate.
    pub(crate) certificate: CertificateContent,
    /// The trust anchors for the broker's certificate.
    pub(crate) broker_anchors: Vec<CertificateContent>,
    /// The trust anchors for the device's next certificate.
    pub(crate) device_anchors: Vec<CertificateContent>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CertificateContent {
    /// The subject.
    pub(crate) subject: String,
    /// The issuer.
    pub(crate) issuer: String,
    /// The serial number: the DER content octets in hex, without a leading zero octet.
    pub(crate) serial: String,
    /// The first second of validity.
    pub(crate) not_before: Timestamp,
    /// The last second of validity.
    pub(crate) not_after: Timestamp,
    /// Whether it is a CA certificate.
    pub(crate) ca: bool,
    /// The subject alternative names.
    pub(crate) alternative_names: Vec<String>,
    /// The SHA-256 digest of the DER certificate.
    pub(crate) fingerprint_sha256: Sha256,
    /// The SHA-256 digest of the SubjectPublicKeyInfo.
    pub(crate) spki_sha256: Sha256,
}

/// A private key, which is not shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KeyContent {
    /// What kind of key it is; of an encrypted one that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) algorithm: Option<String>,
    /// How it is encrypted, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<String>,
    /// The SHA-256 digest of the SubjectPublicKeyInfo, if the file has the public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spki_sha256: Option<Sha256>,
}

/// A signing request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RequestContent {
    /// The subject it asks for.
    pub(crate) subject: String,
    /// The SHA-256 digest of the SubjectPublicKeyInfo.
    pub(crate) spki_sha256: Sha256,
    /// Why `sign` would refuse it; `None` if it would not.
    pub(crate) refusal: Option<String>,
}

/// A CRL.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CrlContent {
    /// The issuer.
    pub(crate) issuer: String,
    /// The CRL number.
    pub(crate) crl_number: Option<String>,
    /// `thisUpdate`.
    pub(crate) this_update: Timestamp,
    /// `nextUpdate`.
    pub(crate) next_update: Option<Timestamp>,
    /// The entries.
    pub(crate) revoked: Vec<RevokedContent>,
}

/// An entry of a CRL.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RevokedContent {
    /// The certificate's serial number.
    pub(crate) serial: String,
    /// The time of the revocation.
    pub(crate) revoked_at: Timestamp,
    /// The reason by its name in RFC 5280; `unspecified` if there is none.
    pub(crate) revocation_reason: String,
}

/// How many entries of a CRL are printed as text; JSON has them all.
const SHOWN_ENTRIES: usize = 20;

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => image.fmt(f),
            Self::Certificates { certificates, private_keys } => {
                certificates.iter().try_for_each(|certificate| write!(f, "certificate\n{certificate}"))?;
                private_keys.iter().try_for_each(|key| key.fmt(f))
            }
            Self::PrivateKeys { private_keys } => private_keys.iter().try_for_each(|key| key.fmt(f)),
            Self::SigningRequest(request) => request.fmt(f),
            Self::Crls { crls } => crls.iter().try_for_each(|crl| crl.fmt(f)),
        }
    }
}

impl fmt::Display for ImageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "credential image of {}", Printable(&self.device_id))?;
        write!(f, "  format       {}", self.format)?;
        if let Some(address) = &self.address {
            write!(f, " at {address}")?;
        }
        match (&self.uf2_family, self.uf2_family_name) {
            (Some(family), Some(name)) => write!(f, ", family {name} ({family})")?,
            (Some(family), None) => write!(f, ", family {family}")?,
            (None, _) => {}
        }
        writeln!(f, "{}", if self.used { ", read back from a device that used it" } else { "" })?;
        writeln!(f, "  private key  {}", self.key)?;
        writeln!(
            f,
            "  broker       {}:{}, known as {}",
            self.broker_host, self.broker_port, self.server_name
        )?;
        writeln!(f, "  time floor   {}", self.time_floor)?;
        write!(f, "certificate\n{}", self.certificate)?;
        for anchor in &self.broker_anchors {
            write!(f, "broker anchor\n{anchor}")?;
        }
        self.device_anchors.iter().try_for_each(|anchor| write!(f, "device anchor\n{anchor}"))
    }
}

impl fmt::Display for CertificateContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  subject      {}{}", Printable(&self.subject), if self.ca { " (CA)" } else { "" })?;
        writeln!(f, "  issuer       {}", Printable(&self.issuer))?;
        if !self.alternative_names.is_empty() {
            writeln!(f, "  names        {}", Printable(self.alternative_names.join(", ")))?;
        }
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  valid        {} to {}", self.not_before, self.not_after)?;
        writeln!(f, "  sha256       {}", self.fingerprint_sha256)?;
        writeln!(f, "  key sha256   {}", self.spki_sha256)
    }
}

impl fmt::Display for KeyContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "private key (not shown)")?;
        if let Some(algorithm) = &self.algorithm {
            writeln!(f, "  algorithm    {algorithm}")?;
        }
        match &self.encryption {
            Some(encryption) => writeln!(f, "  encrypted    {encryption}"),
            None => writeln!(f, "  encrypted    no"),
        }?;
        match (&self.spki_sha256, &self.encryption) {
            (Some(digest), _) => writeln!(f, "  key sha256   {digest}"),
            (None, Some(_)) => Ok(()),
            (None, None) => writeln!(f, "  key sha256   unknown: the file has no P-256 public key"),
        }
    }
}

impl fmt::Display for RequestContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signing request")?;
        writeln!(f, "  subject      {}", Printable(&self.subject))?;
        writeln!(f, "  key sha256   {}", self.spki_sha256)?;
        match &self.refusal {
            None => writeln!(f, "  possession   proven"),
            Some(refusal) => writeln!(f, "  refused      {refusal}"),
        }
    }
}

impl fmt::Display for CrlContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "CRL\n  issuer       {}", Printable(&self.issuer))?;
        writeln!(f, "  number       {}", self.crl_number.as_deref().unwrap_or("none"))?;
        writeln!(f, "  this update  {}", self.this_update)?;
        match &self.next_update {
            Some(next) => writeln!(f, "  next update  {next}")?,
            None => writeln!(f, "  next update  none")?,
        }
        writeln!(f, "  entries      {}", self.revoked.len())?;
        for entry in self.revoked.iter().take(SHOWN_ENTRIES) {
            writeln!(f, "    {} since {} ({})", entry.serial, entry.revoked_at, entry.revocation_reason)?;
        }
        match self.revoked.len().checked_sub(SHOWN_ENTRIES) {
            Some(more @ 1..) => writeln!(f, "    and {more} more (--json has them all)"),
            _ => Ok(()),
        }
    }
}
