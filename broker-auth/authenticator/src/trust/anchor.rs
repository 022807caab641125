//! The CA certificates of a trust, loaded and checked.

use std::path::{Path, PathBuf};

use rustls_pki_types::UnixTime;

use super::config::{CrlCheck, TrustConfig};
use super::error::TrustError;
use super::pem::certificates;
use super::report::AnchorReport;
use super::source::TrustSource;
use crate::certificate::{AuthorityCertificate, timestamp};

/// An anchor, and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    pub(super) certificate: AuthorityCertificate,
    file: PathBuf,
}

impl Anchor {
    /// Loads the anchors of `trust`; each must be a CA. Its validity is judged with each path that it is part of: a broker
    /// that has been running when an anchor ended goes on, and so does one that starts.
    pub(super) fn load_all(trust: &TrustConfig, source: &dyn TrustSource) -> Result<Vec<Self>, TrustError> {
        let mut anchors = Vec::new();
        for file in &trust.anchors {
            for certificate in load_authorities(trust, file, source)? {
                anchors.push(Self::new(trust, file, certificate)?);
            }
        }
        Ok(anchors)
    }

    fn new(trust: &TrustConfig, file: &Path, certificate: AuthorityCertificate) -> Result<Self, TrustError> {
        if trust.crl_check != CrlCheck::Off && !certificate.may_sign_crls() {
            return Err(TrustError::NoCrlSign {
                trust: trust.name.clone(),
                file: file.to_owned(),
                subject: certificate.subject().to_string(),
            });
        }
        Ok(Self { certificate, file: file.to_owned() })
    }

    /// Refuses one that is not valid at `now`.
    pub(super) fn refuse_unless_current(&self, trust: &TrustConfig, now: UnixTime) -> Result<(), TrustError> {
        let (state, time) = if now < self.certificate.not_before() {
            ("begins only", self.certificate.not_before())
        } else if now > self.certificate.not_after() {
            ("expired", self.certificate.not_after())
        } else {
            return Ok(());
        };
        Err(TrustError::AnchorNotCurrent {
            trust: trust.name.clone(),
            file: self.file.clone(),
            subject: self.certificate.subject().to_string(),
            state,
            time: timestamp(time),
        })
    }

    pub(super) fn report(&self) -> AnchorReport {
        AnchorReport {
            subject: self.certificate.subject().to_string(),
            file: self.file.clone(),
            not_before: self.certificate.not_before(),
            not_after: self.certificate.not_after(),
        }
    }
}

/// Loads the configured intermediates of `trust`. Their validity is judged with each path that they are part of.
pub(super) fn load_intermediates(
    trust: &TrustConfig,
    source: &dyn TrustSource,
) -> Result<Vec<AuthorityCertificate>, TrustError> {
    let mut intermediates = Vec::new();
    for file in &trust.intermediates {
        intermediates.extend(load_authorities(trust, file, source)?);
    }
    Ok(intermediates)
}

fn load_authorities(
    trust: &TrustConfig,
    file: &Path,
    source: &dyn TrustSource,
) -> Result<Vec<AuthorityCertificate>, TrustError> {
    let bytes = source.read(file).map_err(|source| TrustError::Read {
        trust: trust.name.clone(),
        file: file.to_owned(),
        source,
    })?;
    let Some(certificates) = certificates(bytes) else {
        return Err(TrustError::Empty {
            trust: trust.name.clone(),
            file: file.to_owned(),
            what: "certificate, in PEM or DER",
        });
    };
    certificates
        .iter()
        .map(|certificate| {
            AuthorityCertificate::parse(certificate).map_err(|fault| TrustError::Authority {
                trust: trust.name.clone(),
                file: file.to_owned(),
                fault,
            })
        })
        .collect()
}
