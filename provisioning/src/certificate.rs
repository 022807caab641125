//! Certificates: a grant becomes DER, signed by an issuer. The only file that writes certificates.
//!
//! rcgen copies what a signing request asks for (a CA certificate, say), takes defaults from nowhere (valid from 1975
//! to 4096) and numbers a certificate by its key, so that revoking one revokes its successor. So: no request reaches
//! it, every field is set here, and what comes out is [`Unverified`] until `verify` has read it again.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, SanType, SerialNumber as RcgenSerial,
};

use crate::authority::Authority;
use crate::broker::Host;
use crate::digest::{Hex, Sha256};
use crate::grant::Grant;
use crate::holder::Holder;
use crate::key::CaKey;
use crate::organization::Organization;
use crate::profile::{ISSUING_PATH_LENGTH, ROOT_PATH_LENGTH, Validity};
use crate::serial::SerialNumber;

/// A certificate nobody has checked yet. It cannot be written anywhere.
pub struct Unverified(Vec<u8>);

impl Unverified {
    /// The DER bytes, for `verify`.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

/// Why no certificate was written.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A name that does not fit a certificate.
    #[error("{name:?} cannot be written into a certificate")]
    Name {
        /// That name.
        name: String,
    },
    /// Signing failed.
    #[error("signing failed: {0}")]
    Sign(rcgen::Error),
}

/// What a CA may do (RFC 5280 §4.2.1.3): sign certificates and CRLs, and nothing that a handshake would accept.
const CA_USAGES: [KeyUsagePurpose; 2] = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];

/// What an end entity may do: sign a TLS handshake. ECDSA keys need nothing else (RFC 8446 §4.4.2.2).
const END_ENTITY_USAGES: [KeyUsagePurpose; 1] = [KeyUsagePurpose::DigitalSignature];

/// A self-signed root certificate.
pub fn root(
    authority: Authority,
    organization: &Organization,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
) -> Result<Unverified, CertificateError> {
    let params = ca_params(authority, "Root", organization, key, ROOT_PATH_LENGTH, validity, serial);
    let certificate = params.self_signed(key).map_err(CertificateError::Sign)?;
    Ok(Unverified(certificate.der().to_vec()))
}

/// An issuing CA certificate for `key`, signed by a root.
pub fn issuing(
    authority: Authority,
    organization: &Organization,
    key: &CaKey,
    validity: Validity,
    serial: SerialNumber,
    root: &Issuer<'_, CaKey>,
) -> Result<Unverified, CertificateError> {
    let params = ca_params(authority, "Issuing", organization, key, ISSUING_PATH_LENGTH, validity, serial);
    let certificate = params.signed_by(key.public(), root).map_err(CertificateError::Sign)?;
    Ok(Unverified(certificate.der().to_vec()))
}

/// An end-entity certificate that says what `grant` says, signed by an issuing CA.
pub fn end_entity(grant: &Grant, issuer: &Issuer<'_, CaKey>) -> Result<Unverified, CertificateError> {
    let mut params = params(&grant.organization, grant.holder.common_name(), grant.validity, grant.serial);
    // Written out although it is the default: SKI is only written with it, and some stacks want to see it.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = END_ENTITY_USAGES.to_vec();
    match &grant.holder {
        // No CRL distribution point: a broker is given its CRLs, it must not go and fetch what a peer names.
        Holder::Device(_) | Holder::Service(_) => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        Holder::Broker(hosts) => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names = hosts.iter().map(alternative_name).collect::<Result<_, _>>()?;
        }
    }
    let certificate = params.signed_by(&grant.public_key, issuer).map_err(CertificateError::Sign)?;
    Ok(Unverified(certificate.der().to_vec()))
}

fn ca_params(
    authority: Authority,
    rank: &str,
    organization: &Organization,
    key: &CaKey,
    path_length: u8,
    validity: Validity,
    serial: SerialNumber,
) -> CertificateParams {
    // Two fleets of one organization must not have CAs of the same name: who looks an issuer up by name, as OpenSSL
    // does with CRLs, would take one for the other.
    let digest = Sha256::of(&key.public().spki());
    let tag = digest.as_bytes().first_chunk::<4>().map(|tag| Hex(tag).to_string()).unwrap_or_default();
    let common_name = format!("{} {rank} CA {tag}", authority.title());
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
    // rcgen's type cannot be built without its defaults; every field that reaches the certificate is set here or by
    // the caller, and `verify` would refuse one that was forgotten.
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
