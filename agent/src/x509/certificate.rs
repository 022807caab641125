//! One certificate of the one profile (RFC 5280 §4.1): X.509 v3, a P-256 key, signed with ECDSA and SHA-256.

use super::der::{Reader, tag};
use super::extensions::{Extensions, Purposes};
use super::max_len::MAX_LEN;
use super::name::Name;
use super::subject_alt_name::ServerName;
use super::validity::Validity;
use super::{CertificateError, oid};
use crate::ecdsa::{self, PublicKey};

/// The longest serial number, in content octets without a leading sign zero (RFC 5280 §4.1.2.2).
const MAX_SERIAL_LEN: usize = 20;

/// A certificate that could be parsed. Nothing about it is verified: a peer can send any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    tbs: &'a [u8],
    signature: &'a [u8],
    issuer: Name<'a>,
    subject: Name<'a>,
    validity: Validity,
    public_key: PublicKey<'a>,
    extensions: Extensions<'a>,
}

impl<'a> Certificate<'a> {
    /// Reads one DER certificate and nothing after it, at most [`MAX_LEN`] bytes.
    pub fn read(der: &'a [u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_LEN {
            return Err(CertificateError::TooLong { length: der.len() });
        }
        let mut outside = Reader::new(der);
        let mut certificate = outside.sequence()?;
        outside.end()?;

        let tbs = certificate.expect(tag::SEQUENCE)?;
        let outer_algorithm = certificate.expect(tag::SEQUENCE)?;
        let signature = certificate.bytes()?;
        certificate.end()?;

        let mut fields = Reader::new(tbs.content);
        read_version(&mut fields)?;
        read_serial(&mut fields)?;
        let algorithm = fields.expect(tag::SEQUENCE)?;
        if algorithm.content != outer_algorithm.content {
            return Err(CertificateError::AlgorithmMismatch);
        }
        let mut algorithm = Reader::new(algorithm.content);
        if algorithm.object_identifier()? != oid::ECDSA_WITH_SHA256 || !algorithm.is_empty() {
            return Err(CertificateError::SignatureAlgorithm);
        }
        let issuer = Name::read(&mut fields)?;
        if issuer.is_empty() {
            return Err(CertificateError::NoIssuer);
        }
        let validity = Validity::read(&mut fields)?;
        let subject = Name::read(&mut fields)?;
        let public_key = read_public_key(&mut fields)?;
        // issuerUniqueID [1] and subjectUniqueID [2] are refused as the wrong tag (RFC 5280 §4.1.2.8).
        let mut explicit = Reader::new(fields.expect(0xa3)?.content);
        fields.end()?;
        let extensions = Extensions::read(explicit.sequence()?)?;
        explicit.end()?;

        Ok(Self { tbs: tbs.whole, signature, issuer, subject, validity, public_key, extensions })
    }

    /// The serial number, in content octets without a leading sign zero; 1 to 20 of them.
    pub fn serial(&self) -> &'a [u8] {
        // Read anew: anchors are certificates that live as long as the agent, and nobody asks for their serial numbers.
        let mut fields = Reader::new(self.tbs).sequence().unwrap_or(Reader::new(&[]));
        read_version(&mut fields).and_then(|()| read_serial(&mut fields)).unwrap_or_default()
    }

    /// The issuer it names.
    pub const fn issuer(&self) -> Name<'a> {
        self.issuer
    }

    /// The subject it names.
    pub const fn subject(&self) -> Name<'a> {
        self.subject
    }

    /// When it holds.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The public key in it.
    pub const fn public_key(&self) -> PublicKey<'a> {
        self.public_key
    }

    /// Is `issuer_key` the key that signed it?
    pub fn is_signed_by(&self, issuer_key: PublicKey<'_>) -> bool {
        ecdsa::verify(issuer_key, self.tbs, self.signature).is_ok()
    }

    /// May it issue certificates of servers, with `between` more CA certificates between it and the end-entity?
    ///
    /// basicConstraints critical with CA:TRUE, keyUsage with keyCertSign, pathLen, and an extendedKeyUsage that,
    /// if there is one, includes serverAuth.
    pub(crate) fn may_issue(&self, between: u8) -> Result<(), UsageError> {
        self.may_be_a_ca(between)?;
        match self.extensions.purposes {
            Some(Purposes { server_auth: false, .. }) => Err(UsageError::NotForServers),
            _ => Ok(()),
        }
    }

    /// The same for certificates of clients: clientAuth.
    pub(crate) fn may_issue_clients(&self, between: u8) -> Result<(), UsageError> {
        self.may_be_a_ca(between)?;
        match self.extensions.purposes {
            Some(Purposes { client_auth: false, .. }) => Err(UsageError::NotForClients),
            _ => Ok(()),
        }
    }

    fn may_be_a_ca(&self, between: u8) -> Result<(), UsageError> {
        match self.extensions.constraints {
            Some(found) if found.ca && !found.critical => return Err(UsageError::ConstraintsNotCritical),
            Some(found) if found.ca => {
                if let Some(allowed) = found.path_len.filter(|&allowed| allowed < between) {
                    return Err(UsageError::PathTooLong { allowed });
                }
            }
            _ => return Err(UsageError::NotACa),
        }
        match self.extensions.key_usage {
            Some(usage) if usage.key_cert_sign() => Ok(()),
            _ => Err(UsageError::MayNotSignCertificates),
        }
    }

    /// May it stand for a server of this name in TLS 1.3?
    ///
    /// An end-entity with digitalSignature and serverAuth, and the name among its SANs. RFC 5280 lets a
    /// certificate without extendedKeyUsage serve any purpose; here it must say serverAuth, which a device
    /// certificate never does.
    pub(crate) fn may_serve(&self, name: &ServerName<'_>) -> Result<(), UsageError> {
        self.may_be_an_end_entity()?;
        if !self.extensions.purposes.is_some_and(|purposes| purposes.server_auth) {
            return Err(UsageError::NotForServers);
        }
        match &self.extensions.subject_alt_name {
            Some(names) if names.contains(name) => Ok(()),
            _ => Err(UsageError::OtherName),
        }
    }

    /// May it stand for a client in TLS 1.3? An end-entity with digitalSignature and clientAuth.
    pub(crate) fn may_be_a_client(&self) -> Result<(), UsageError> {
        self.may_be_an_end_entity()?;
        match self.extensions.purposes {
            Some(Purposes { client_auth: true, .. }) => Ok(()),
            _ => Err(UsageError::NotForClients),
        }
    }

    fn may_be_an_end_entity(&self) -> Result<(), UsageError> {
        if self.extensions.constraints.is_some_and(|found| found.ca) {
            return Err(UsageError::IsACa);
        }
        match self.extensions.key_usage {
            Some(usage) if usage.key_cert_sign() => Err(UsageError::IsACa),
            Some(usage) if usage.digital_signature() => Ok(()),
            _ => Err(UsageError::MayNotSignHandshakes),
        }
    }
}

/// Why a certificate that could be read is not for this use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// basicConstraints are missing or say CA:FALSE, where a CA must be.
    #[error("it is no CA certificate: basicConstraints do not say CA:TRUE")]
    NotACa,
    /// basicConstraints of a CA must be critical.
    #[error("its basicConstraints are not critical")]
    ConstraintsNotCritical,
    /// pathLenConstraint allows fewer CA certificates below this one.
    #[error("its pathLenConstraint allows {allowed} CA certificates below it, and there are more")]
    PathTooLong {
        /// How many are allowed.
        allowed: u8,
    },
    /// keyUsage of a CA without keyCertSign, or none.
    #[error("its keyUsage does not include keyCertSign")]
    MayNotSignCertificates,
    /// A CA certificate, where an end-entity must be.
    #[error("it is a CA certificate, and no end-entity's")]
    IsACa,
    /// keyUsage of an end-entity without digitalSignature, or none.
    #[error("its keyUsage does not include digitalSignature")]
    MayNotSignHandshakes,
    /// extendedKeyUsage without serverAuth; or none, in an end-entity.
    #[error("its extendedKeyUsage does not include serverAuth")]
    NotForServers,
    /// extendedKeyUsage without clientAuth; or none, in an end-entity.
    #[error("its extendedKeyUsage does not include clientAuth")]
    NotForClients,
    /// No SAN is the expected name. The common name is never looked at.
    #[error("its subjectAltName does not contain the expected server name")]
    OtherName,
}

fn read_version(fields: &mut Reader<'_>) -> Result<(), CertificateError> {
    let mut version = Reader::new(fields.expect(0xa0)?.content);
    if version.unsigned()? != [2] {
        return Err(CertificateError::Version);
    }
    Ok(version.end()?)
}

fn read_serial<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8], CertificateError> {
    let serial = fields.unsigned()?;
    let magnitude = serial.strip_prefix(&[0]).unwrap_or(serial);
    if magnitude.is_empty() || magnitude.len() > MAX_SERIAL_LEN {
        return Err(CertificateError::SerialNumber { length: magnitude.len() });
    }
    Ok(magnitude)
}

fn read_public_key<'a>(fields: &mut Reader<'a>) -> Result<PublicKey<'a>, CertificateError> {
    let mut info = fields.sequence()?;
    let mut algorithm = info.sequence()?;
    let (kind, curve) = (algorithm.object_identifier()?, algorithm.element()?);
    algorithm.end()?;
    let is_p256 =
        kind == oid::EC_PUBLIC_KEY && curve.tag == tag::OBJECT_IDENTIFIER && curve.content == oid::PRIME256V1;
    if !is_p256 {
        return Err(CertificateError::KeyAlgorithm);
    }
    let point = info.bytes()?;
    info.end()?;
    PublicKey::new(point).ok_or(CertificateError::Point)
}
