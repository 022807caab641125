//! CRLs: the revocations in the registry, signed by the issuing CA and written where the broker reads them.
//!
//! The list that is replaced is compared with the registry first: a registry from a backup knows less than the list does.
//!
//! Full CRLs only: rustls-webpki reads neither delta nor indirect CRLs.

mod published;
mod takeover;
mod witnesses;

use std::io;
use std::path::PathBuf;

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason as RcgenReason, RevokedCertParams,
    SerialNumber as RcgenSerial,
};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::authority::Authority;
use crate::fleet::{Fleet, Replacement, Secrecy, replace};
use crate::issuer::Issuer;
use crate::pem::{self, Label, PemError};
use crate::registry::{CrlState, Registry, RegistryError, RevocationReason, RevokedEntry};
use crate::timestamp::Timestamp;
use crate::verify::Chain;

pub(crate) use published::{CrlFileFault, PublishedCrl};
pub(crate) use takeover::{SetAside, Takeover, take_over};
pub(crate) use witnesses::{WitnessError, witnesses};

/// A signed CRL that another library has read and found to be as intended.
pub(crate) struct SignedCrl {
    /// PEM: `openssl verify -CRLfile` and mosquitto's `crlfile` read it as it is.
    pub(crate) pem: String,
    /// The number and the dates.
    pub(crate) state: CrlState,
    /// The number of entries.
    pub(crate) entries: usize,
}

/// Why no CRL was published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrlError {
    /// Signing failed.
    #[error("signing the CRL failed: {0}")]
    Sign(#[from] rcgen::Error),
    /// The signed CRL differs from what was intended.
    #[error("the CRL that was made does not pass its check: {fault}")]
    Verify {
        /// What differs.
        fault: &'static str,
    },
    /// It cannot be encoded as PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Signs an authority's CRL as the registry has it now, and replaces the published one as a whole. The caller has called
/// [`take_over`] before, unless there can be no list yet.
pub(crate) fn publish(
    fleet: &Fleet,
    registry: &mut Registry,
    issuer: &Issuer,
    authority: Authority,
    days: u32,
    now: Timestamp,
) -> Result<(SignedCrl, Replacement), CrlError> {
    let (state, entries) = registry.begin_signing(authority, days, now)?;
    let crl = sign(issuer, &entries, state)?;
    let path = fleet.crl(authority);
    let replacement = replace(&path, crl.pem.as_bytes(), Secrecy::Public)
        .map_err(|source| CrlError::Write { path, source })?;
    registry.mark_published(authority, state.number)?;
    Ok((crl, replacement))
}

fn sign(issuer: &Issuer, entries: &[RevokedEntry], state: CrlState) -> Result<SignedCrl, CrlError> {
    let chain = issuer.chain();
    let params = CertificateRevocationListParams {
        this_update: state.this_update.date_time(),
        next_update: state.next_update.date_time(),
        crl_number: RcgenSerial::from(state.number),
        issuing_distribution_point: None,
        revoked_certs: entries.iter().map(revoked_cert_params).collect(),
        // Copied, not computed: OpenSSL ignores a CRL whose authority key identifier is not, byte for byte, the issuing
        // CA's subject key identifier.
        key_identifier_method: KeyIdMethod::PreSpecified(chain.key_id().to_vec()),
    };
    let crl = params.signed_by(issuer.signer())?;
    verify(crl.der(), entries, state, chain).map_err(|fault| CrlError::Verify { fault })?;
    let pem = pem::encode(Label::Crl, crl.der())?.to_string();
    Ok(SignedCrl { pem, state, entries: entries.len() })
}

fn revoked_cert_params(revoked: &RevokedEntry) -> RevokedCertParams {
    let reason = match revoked.reason {
        // RFC 5280 §5.3.1: the extension is left out rather than set to unspecified.
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(RcgenReason::KeyCompromise),
        RevocationReason::CaCompromise => Some(RcgenReason::CaCompromise),
        RevocationReason::AffiliationChanged => Some(RcgenReason::AffiliationChanged),
        RevocationReason::Superseded => Some(RcgenReason::Superseded),
        RevocationReason::CessationOfOperation => Some(RcgenReason::CessationOfOperation),
        RevocationReason::CertificateHold => Some(RcgenReason::CertificateHold),
        RevocationReason::PrivilegeWithdrawn => Some(RcgenReason::PrivilegeWithdrawn),
        RevocationReason::AaCompromise => Some(RcgenReason::AaCompromise),
    };
    RevokedCertParams {
        serial_number: RcgenSerial::from_slice(revoked.serial.content()),
        revocation_time: revoked.revoked_at.date_time(),
        reason_code: reason,
        invalidity_date: None,
    }
}

/// Checks that x509-parser reads what was intended, and that the issuing CA signed it; `Err` names what differs.
fn verify(der: &[u8], entries: &[RevokedEntry], state: CrlState, chain: &Chain) -> Result<(), &'static str> {
    let Ok(([], crl)) = CertificateRevocationList::from_der(der) else { return Err("it cannot be read") };
    let spki = chain.public_key().spki();
    let Ok(([], key)) = SubjectPublicKeyInfo::from_der(&spki) else { return Err("the issuer's key") };
    let key_id = crl.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    });
    let number = crl.crl_number().and_then(|number| u64::try_from(number).ok());
    let listed = crl.iter_revoked_certificates().map(|entry| entry.raw_serial().to_vec());
    let checks = [
        ("version", crl.version().is_some_and(|version| version.0 == 1)),
        ("signature", crl.verify_signature(&key).is_ok()),
        ("issuer", crl.issuer().as_raw() == chain.subject()),
        ("authority key identifier", key_id == Some(chain.key_id())),
        ("number", number == Some(state.number)),
        ("thisUpdate", u64::try_from(crl.last_update().timestamp()) == Ok(state.this_update.unix())),
        (
            "nextUpdate",
            crl.next_update()
                .is_some_and(|next| u64::try_from(next.timestamp()) == Ok(state.next_update.unix())),
        ),
        ("entries", listed.eq(entries.iter().map(|entry| entry.serial.content().to_vec()))),
    ];
    checks.into_iter().find(|(_, holds)| !holds).map_or(Ok(()), |(what, _)| Err(what))
}
