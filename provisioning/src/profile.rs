//! The lifetimes and path lengths of a fleet's certificates and CRLs.
//!
//! All keys are P-256 and all signatures ecdsa-with-SHA256: every TLS stack for devices has them, and many chips
//! accelerate them.

use crate::timestamp::{DAY, Timestamp, TrustedNow};

/// The lifetime of a root, in days: about thirty years. It is in the flash of devices, so replacing it means touching
/// every device, and it must outlive every issuing CA under it.
pub(crate) const ROOT_DAYS: u32 = 30 * 365;

/// The lifetime of an issuing CA, in days: about twenty-five years. It must outlive the last certificate it issues,
/// which leaves fifteen years of issuing devices with the default lifetime.
pub(crate) const ISSUING_DAYS: u32 = 25 * 365;

/// The default lifetime of a device certificate, in days: about ten years. A device may lie on a shelf for years before
/// its first connection, and needs a valid certificate to renew it; a device is excluded by revocation, not by expiry.
pub(crate) const DEVICE_DAYS: u32 = 10 * 365;

/// The default lifetime of a service certificate, in days. A service runs on a host where cron renews it.
pub(crate) const SERVICE_DAYS: u32 = 365;

/// The default lifetime of a broker certificate, in days. Devices check no CRL, so a stolen broker key is usable until
/// its certificate expires.
pub(crate) const BROKER_DAYS: u32 = 90;

/// How far `notBefore` lies before the time of issuance, in seconds: one hour, more than the clocks of a factory
/// station, a broker and a device with a trusted clock should ever differ.
pub(crate) const NOT_BEFORE_BACKDATING: u64 = 60 * 60;

/// The path length of a root: one issuing CA below it, and nothing below that.
pub(crate) const ROOT_PATH_LENGTH: u8 = 1;

/// The path length of an issuing CA: only end entities below it.
pub(crate) const ISSUING_PATH_LENGTH: u8 = 0;

/// The default lifetime of a CRL, in days. A week outlasts a holiday weekend without anyone at the factory; the
/// broker's grace for stale CRLs is added to it.
pub(crate) const CRL_DAYS: u32 = 7;

/// The validity of a certificate, which does not outlive its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why a certificate cannot have a lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValidityError {
    /// The lifetime is zero.
    #[error("a certificate must be valid for at least one day")]
    NoTime,
    /// The certificate would outlive its issuer.
    #[error("{days} days from now is after {issuer_not_after}, when the issuing CA expires")]
    BeyondIssuer {
        /// The lifetime asked for, in days.
        days: u32,
        /// `notAfter` of the issuer.
        issuer_not_after: Timestamp,
        /// The longest possible lifetime, in whole days.
        longest: u64,
    },
}

impl Validity {
    /// From [`NOT_BEFORE_BACKDATING`] before `now` until `days` after it, under an issuer that expires at
    /// `issuer_not_after`.
    pub(crate) fn new(
        now: TrustedNow,
        days: u32,
        issuer_not_after: Timestamp,
    ) -> Result<Self, ValidityError> {
        let now = now.time();
        if days == 0 {
            return Err(ValidityError::NoTime);
        }
        let not_after = now.after(u64::from(days) * DAY);
        if not_after > issuer_not_after {
            let longest = issuer_not_after.unix().saturating_sub(now.unix()) / DAY;
            return Err(ValidityError::BeyondIssuer { days, issuer_not_after, longest });
        }
        Ok(Self { not_before: now.before(NOT_BEFORE_BACKDATING), not_after })
    }

    /// The validity of an existing certificate, which was checked when it was issued.
    pub(crate) fn of_existing(not_before: Timestamp, not_after: Timestamp) -> Self {
        Self { not_before, not_after }
    }

    /// The first second of validity.
    pub(crate) fn not_before(self) -> Timestamp {
        self.not_before
    }

    /// The last second of validity.
    pub(crate) fn not_after(self) -> Timestamp {
        self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::{Compared, Witnesses};

    #[test]
    fn no_certificate_outlives_its_issuer_by_even_a_second() {
        let clock = Timestamp::from_unix(1_800_000_000);
        let witnesses = Witnesses { seen: Vec::new(), last_act: None };
        let Ok(Compared::Agrees(trusted)) = witnesses.compare(clock) else { panic!("not trusted") };
        let now = clock;
        assert!(Validity::new(trusted, 10, now.after(10 * DAY)).is_ok());
        assert_eq!(
            Validity::new(trusted, 10, now.after(10 * DAY - 1)),
            Err(ValidityError::BeyondIssuer {
                days: 10,
                issuer_not_after: now.after(10 * DAY - 1),
                longest: 9
            })
        );
        assert_eq!(Validity::new(trusted, 0, Timestamp::MAX), Err(ValidityError::NoTime));
    }
}
