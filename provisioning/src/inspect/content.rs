//! What was found in a file, for JSON and for people.

use std::fmt;

use serde::Serialize;

use crate::digest::Sha256;
use crate::timestamp::Timestamp;

/// What was found in a file.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// A credential image.
    Image(Box<ImageContent>),
    /// One certificate or more, in the order of the file.
    Certificates {
        /// The certificates.
        certificates: Vec<CertificateContent>,
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
pub struct ImageContent {
    /// What the device is called.
    pub device_id: String,
    /// Where its key is; never the key.
    pub key: String,
    /// The broker's host and port.
    pub broker_host: String,
    /// The broker's port.
    pub broker_port: u16,
    /// The name the broker's certificate must carry.
    pub server_name: String,
    /// The device has existed since then.
    pub time_floor: Timestamp,
    /// Its certificate.
    pub certificate: CertificateContent,
    /// What it knows its broker by.
    pub broker_anchors: Vec<CertificateContent>,
    /// Its own CA.
    pub device_anchors: Vec<CertificateContent>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateContent {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Its serial number: DER content octets without a leading sign zero.
    pub serial: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Whether it is a CA's.
    pub ca: bool,
    /// DNS names and IP addresses it is for.
    pub alternative_names: Vec<String>,
    /// Its digest.
    pub fingerprint_sha256: Sha256,
    /// The digest of its public key.
    pub spki_sha256: Sha256,
}

/// A signing request.
#[derive(Clone, Debug, Serialize)]
pub struct RequestContent {
    /// Whom it claims to be for.
    pub subject: String,
    /// The digest of its public key.
    pub spki_sha256: Sha256,
    /// Why it would be refused, if it would.
    pub refusal: Option<String>,
}

/// A CRL.
#[derive(Clone, Debug, Serialize)]
pub struct CrlContent {
    /// Who signed it.
    pub issuer: String,
    /// Its number.
    pub crl_number: Option<String>,
    /// When it was signed.
    pub this_update: Timestamp,
    /// Until when it counts.
    pub next_update: Option<Timestamp>,
    /// What it lists.
    pub revoked: Vec<RevokedContent>,
}

/// A line of a CRL.
#[derive(Clone, Debug, Serialize)]
pub struct RevokedContent {
    /// Which certificate.
    pub serial: String,
    /// Since when.
    pub revoked_at: Timestamp,
    /// Why, by the names of RFC 5280; `unspecified` if it does not say.
    pub revocation_reason: String,
}

/// How many lines of a CRL are printed for people; JSON has them all.
const SHOWN_ENTRIES: usize = 20;

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => image.fmt(f),
            Self::Certificates { certificates } => {
                certificates.iter().try_for_each(|certificate| write!(f, "certificate\n{certificate}"))
            }
            Self::SigningRequest(request) => request.fmt(f),
            Self::Crls { crls } => crls.iter().try_for_each(|crl| crl.fmt(f)),
        }
    }
}

impl fmt::Display for ImageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "credential image of {}", self.device_id)?;
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
        writeln!(f, "  subject      {}{}", self.subject, if self.ca { " (CA)" } else { "" })?;
        writeln!(f, "  issuer       {}", self.issuer)?;
        if !self.alternative_names.is_empty() {
            writeln!(f, "  names        {}", self.alternative_names.join(", "))?;
        }
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  valid        {} to {}", self.not_before, self.not_after)?;
        writeln!(f, "  sha256       {}", self.fingerprint_sha256)?;
        writeln!(f, "  key sha256   {}", self.spki_sha256)
    }
}

impl fmt::Display for RequestContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signing request")?;
        writeln!(f, "  subject      {}", self.subject)?;
        writeln!(f, "  key sha256   {}", self.spki_sha256)?;
        match &self.refusal {
            None => writeln!(f, "  possession   proven"),
            Some(refusal) => writeln!(f, "  refused      {refusal}"),
        }
    }
}

impl fmt::Display for CrlContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "CRL\n  issuer       {}", self.issuer)?;
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
