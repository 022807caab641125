//! Writing certificates: a specification becomes DER, signed by an issuer. No other module writes certificates.
//!
//! rcgen, left to itself, copies what a signing request asks for (to be a CA, for instance), has defaults of its own
//! (validity from 1975 to 4096), and derives the serial number from the key, so that revoking a certificate revokes its
//! successor. Hence no signing request reaches rcgen, every field is set here, and the result is an
//! [`UnverifiedCertificate`] until `verify` has read it again.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, SanType, SerialNumber as RcgenSerial,
};

use crate::authority::Authority;
use crate::broker::Host;
use crate::certificate_spec::CertificateSpec;
use crate::certificate_subject::CertificateSubject;
use crate::digest::{Hex, Sha256};
use crate::key::CaKey;
use crate::organization::Organization;
use crate::profile::{ISSUING_PATH_LENGTH, ROOT_PATH_LENGTH, Validity};
use crate::serial::SerialNumber;

/// A signed certificate that was not checked yet. Files, images and the registry do not accept it.
pub(crate) struct UnverifiedCertificate(Vec<u8>);

impl UnverifiedCertificate {
    /// The DER encoding, for `verify`.
    pub(crate) fn der(&self) -> &[u8] {
        &self.0
    }
}

/// Why no certificate was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// A name that a certificate cannot hold.
    #[error("{name:?} cannot be written into a certificate")]
    Name {
        /// The name.
        name: String,
    },
    /// Signing failed.
    #[error("signing failed: {0}")]
    Sign(rcgen::Error),
}

/// The key usage of a CA (RFC 5280 §4.2.1.3): it signs certificates and CRLs, and cannot be used in a handshake.
const CA_USAGES: [KeyUsagePurpose; 2] = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];

/// The key usage of an end entity: it signs TLS handshakes, which is all that ECDSA keys need (RFC 8446 §4.4.2.2).
const END_ENTITY_USAGES: [KeyUsagePurpose; 1] = [KeyUsagePurpose::DigitalSignature];

/// A self-signed root certificate.
pub(crate) fn root(
    authority: Authority,
    organization: &Organization,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
) -> Result<UnverifiedCertificate, CertificateError> {
    let params = ca_params(authority, "Root", organization, key, ROOT_PATH_LENGTH, validity, serial);
    let certificate = params.self_signed(key).map_err(CertificateError::Sign)?;
    Ok(UnverifiedCertificate(certificate.der().to_vec()))
}

/// An issuing CA certificate for `key`, signed by a root.
pub(crate) fn issuing(
    authority: Authority,
    organization: &Organization,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
    root: &Issuer<'_, CaKey>,
) -> Result<UnverifiedCertificate, CertificateError> {
    let params = ca_params(authority, "Issuing", organization, key, ISSUING_PATH_LENGTH, validity, serial);
    let certificate = params.signed_by(key.public(), root).map_err(CertificateError::Sign)?;
    Ok(UnverifiedCertificate(certificate.der().to_vec()))
}

/// An end-entity certificate that says what `spec` says, signed by an issuing CA.
pub(crate) fn end_entity(
    spec: &CertificateSpec,
    issuer: &Issuer<'_, CaKey>,
) -> Result<UnverifiedCertificate, CertificateError> {
    let mut params = params(&spec.organization, spec.subject.common_name(), spec.validity, spec.serial);
    // Explicit although it is the default of X.509: rcgen writes the subject key identifier only with it, and some TLS
    // stacks require it.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = END_ENTITY_USAGES.to_vec();
    match &spec.subject {
        // No CRL distribution point: a broker has its CRLs in files, and must not fetch an address that a peer names.
        CertificateSubject::Device(_) | CertificateSubject::Service(_) => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        CertificateSubject::Broker(hosts) => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names = hosts.iter().map(alternative_name).collect::<Result<_, _>>()?;
        }
    }
    let certificate = params.signed_by(&spec.public_key, issuer).map_err(CertificateError::Sign)?;
    Ok(UnverifiedCertificate(certificate.der().to_vec()))
}

fn ca_params(
    authority: Authority,
    role: &str,
    organization: &Organization,
    key: &CaKey,
    path_length: u8,
    validity: Validity,
    serial: SerialNumber,
) -> CertificateParams {
    // The tag makes CA names unique among the fleets of an organization: software that finds an issuer by name, as
    // OpenSSL does for CRLs, would confuse two CAs of the same name.
    let digest = Sha256::of(&key.public().spki());
    let tag = digest.as_bytes().first_chunk::<4>().map(|tag| Hex(tag).to_string()).unwrap_or_default();
    let common_name = format!("{} {role} CA {tag}", authority.title());
    let mut params = params(organization, &common_name, validity, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = CA_USAGES.to_vec();
    params
}

fn params(
    organization: &Organization,
    common_name: &str,
    validity: Validity,
    serial: SerialNumber,
) -> CertificateParams {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::OrganizationName, organization.as_str());
    distinguished_name.push(DnType::CommonName, common_name);
    // rcgen's type cannot be built without its defaults. Every field that reaches the certificate is set here or by the
    // caller; `verify` refuses a certificate in which one was forgotten.
    let mut params = CertificateParams::default();
    params.not_before = validity.not_before().date_time();
    params.not_after = validity.not_after().date_time();
    params.serial_number = Some(RcgenSerial::from_slice(serial.as_bytes()));
    params.distinguished_name = distinguished_name;
    params.use_authority_key_identifier_extension = true;
    params.key_identifier_method = KeyIdMethod::Sha256;
    params
}

fn alternative_name(host: &Host) -> Result<SanType, CertificateError> {
    match host {
        Host::Ip(ip) => Ok(SanType::IpAddress(*ip)),
        Host::Name(name) => {
            let name = name.as_ref();
            let unwritable = |_| CertificateError::Name { name: name.to_owned() };
            Ok(SanType::DnsName(name.try_into().map_err(unwritable)?))
        }
    }
}
