//! Writing certificates: a specification becomes DER, signed by an issuer. No other module writes certificates.
//!
//! rcgen, left to itself, copies what a signing request asks for (to be a CA, for instance), has defaults of its own
//! (validity from 1975 to 4096), and derives the serial number from the key, so that revoking a certificate revokes its
//! successor. Hence no signing request reaches rcgen, every field is set here, and the result is an
//! [`UnverifiedCertificate`] until `verify` has read it again.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, SanType,
    SerialNumber as RcgenSerial, string::PrintableString,
};

use crate::authority::Authority;
use crate::broker::Host;
use crate::certificate_spec::{CaNames, CertificateSpec};
use crate::certificate_subject::CertificateSubject;
use crate::digest::{Hex, Sha256};
use crate::key::CaKey;
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

/// The key usage of a root (RFC 5280 §4.2.1.3): it signs certificates and CRLs.
const ROOT_USAGES: [KeyUsagePurpose; 2] = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];

/// The key usage of an issuing CA: as a root, and digitalSignature, which the IoT profile recommends so that the CA may
/// sign OCSP answers itself. No handshake accepts it as a peer: it is a CA, and names no purpose.
const ISSUING_USAGES: [KeyUsagePurpose; 3] =
    [KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];

/// id-ce-basicConstraints (RFC 5280 §4.2.1.9).
const BASIC_CONSTRAINTS: [u64; 4] = [2, 5, 29, 19];

/// BasicConstraints with cA at its default, FALSE: an empty SEQUENCE.
const NO_CA: [u8; 2] = [0x30, 0];

/// The key usage of an end entity: it signs TLS handshakes, which is all that ECDSA keys need (RFC 8446 §4.4.2.2).
const END_ENTITY_USAGES: [KeyUsagePurpose; 1] = [KeyUsagePurpose::DigitalSignature];

/// A self-signed root certificate.
pub(crate) fn root(
    authority: Authority,
    names: &CaNames<'_>,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
) -> Result<UnverifiedCertificate, CertificateError> {
    let mut params = ca_params(authority, "Root", names, key, validity, serial)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(ROOT_PATH_LENGTH));
    params.key_usages = ROOT_USAGES.to_vec();
    let certificate = params.self_signed(key).map_err(CertificateError::Sign)?;
    Ok(UnverifiedCertificate(certificate.der().to_vec()))
}

/// An issuing CA certificate for `key`, signed by a root.
pub(crate) fn issuing(
    authority: Authority,
    names: &CaNames<'_>,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
    root: &Issuer<'_, CaKey>,
) -> Result<UnverifiedCertificate, CertificateError> {
    let mut params = ca_params(authority, "Issuing", names, key, validity, serial)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(ISSUING_PATH_LENGTH));
    params.key_usages = ISSUING_USAGES.to_vec();
    let certificate = params.signed_by(key.public(), root).map_err(CertificateError::Sign)?;
    Ok(UnverifiedCertificate(certificate.der().to_vec()))
}

/// An end-entity certificate that says what `spec` says, signed by an issuing CA.
pub(crate) fn end_entity(
    spec: &CertificateSpec,
    issuer: &Issuer<'_, CaKey>,
) -> Result<UnverifiedCertificate, CertificateError> {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, spec.organization.as_str());
    name.push(DnType::CommonName, spec.subject.common_name());
    let mut params = params(name, spec.validity, spec.serial);
    // CA:FALSE is written although it is the default of X.509: some TLS stacks require it. By hand, because rcgen adds a
    // subject key identifier to it, which the IoT profile forbids in end-entity certificates: a device would carry and
    // send it, and no path is built through it.
    params.is_ca = IsCa::NoCa;
    let mut no_ca = CustomExtension::from_oid_content(&BASIC_CONSTRAINTS, NO_CA.to_vec());
    no_ca.set_criticality(true);
    params.custom_extensions = vec![no_ca];
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
    names: &CaNames<'_>,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
) -> Result<CertificateParams, CertificateError> {
    // The tag makes CA names unique among the fleets of an organization: software that finds an issuer by name, as
    // OpenSSL does for CRLs, would confuse two CAs of the same name.
    let digest = Sha256::of(&key.public().spki());
    let tag = digest.as_bytes().first_chunk::<4>().map(|tag| Hex(tag).to_string()).unwrap_or_default();
    let common_name = format!("{} {role} CA {tag}", authority.title());
    let mut name = DistinguishedName::new();
    if let Some(country) = names.country {
        // Two letters are always printable, which is the form that X.520 wants of C.
        let country = PrintableString::try_from(country.to_string())
            .map_err(|_| CertificateError::Name { name: country.to_string() })?;
        name.push(DnType::CountryName, DnValue::PrintableString(country));
    }
    name.push(DnType::OrganizationName, names.organization.as_str());
    name.push(DnType::CommonName, common_name);
    Ok(params(name, validity, serial))
}

fn params(
    distinguished_name: DistinguishedName,
    validity: Validity,
    serial: SerialNumber,
) -> CertificateParams {
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
