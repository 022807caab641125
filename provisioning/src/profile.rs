//! What certificates of a fleet look like: named constants with reasons.
//!
//! Everything is P-256 with ecdsa-with-SHA256: what every TLS stack a device may use has, and what hardware helps.

use crate::authority::Authority;
use crate::timestamp::{DAY, Timestamp};

/// How long a root lives, in days: about thirty years. It is pinned in the flash of devices, outlives every issuing
/// CA under it, and replacing it means touching every device.
pub const ROOT_DAYS: u32 = 30 * 365;

/// How long an issuing CA lives, in days: about twenty-five years. It must outlive the last device it certifies, and
/// so leaves fifteen years of issuing devices with the default lifetime.
pub const ISSUING_DAYS: u32 = 25 * 365;

/// How long a device certificate lives unless told otherwise, in days: about ten years. A device may lie on a shelf
/// for years and has to get online once to renew; what ends a device early is revocation, not expiry.
pub const DEVICE_DAYS: u32 = 10 * 365;

/// How long a service certificate lives, in days. A service runs on a host where renewing is a cron job.
pub const SERVICE_DAYS: u32 = 365;

/// How long a broker certificate lives, in days. Devices check no CRL, so a stolen broker key ends with its
/// certificate.
pub const BROKER_DAYS: u32 = 90;

/// How far `notBefore` lies in the past, in seconds: one hour, more than the clocks of a factory station, a broker
/// and a device with a trusted clock should ever differ.
pub const NOT_BEFORE_CUSHION: u64 = 60 * 60;

/// The path length of a root: one issuing CA below it, and nothing below that.
pub const ROOT_PATH_LENGTH: u8 = 1;

/// The path length of an issuing CA: only end entities below it.
pub const ISSUING_PATH_LENGTH: u8 = 0;

/// How long a CRL lives unless told otherwise, in days. A week outlasts a holiday weekend without anyone at the
/// factory; the broker's grace comes on top.
pub const CRL_DAYS: u32 = 7;

/// How long an end-entity certificate of an authority lives unless told otherwise, in days.
pub fn default_days(authority: Authority) -> u32 {
    match authority {
        Authority::Device => DEVICE_DAYS,
        Authority::Service => SERVICE_DAYS,
        Authority::Broker => BROKER_DAYS,
    }
}

/// From when to when a certificate is valid; it does not outlive its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why a certificate cannot live that long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// It would be valid for no time at all.
    #[error("a certificate must be valid for at least one day")]
    NoTime,
    /// It would outlive its issuer.
    #[error("{days} days from now is after {issuer_not_after}, when the issuing CA ends")]
    BeyondIssuer {
        /// What was asked for.
        days: u32,
        /// When the issuer ends.
        issuer_not_after: Timestamp,
        /// The longest possible time, in whole days.
        longest: u64,
    },
}

impl Validity {
    /// From a little before `now` until `days` after it, under an issuer that ends at `issuer_not_after`.
    pub fn new(now: Timestamp, days: u32, issuer_not_after: Timestamp) -> Result<Self, ValidityError> {
        if days == 0 {
            return Err(ValidityError::NoTime);
        }
        let not_after = now.after(u64::from(days) * DAY);
        if not_after > issuer_not_after {
            let longest = issuer_not_after.unix().saturating_sub(now.unix()) / DAY;
            return Err(ValidityError::BeyondIssuer { days, issuer_not_after, longest });
        }
        Ok(Self { not_before: now.before(NOT_BEFORE_CUSHION), not_after })
    }

    /// The validity of a certificate that exists.
    pub fn of_existing(not_before: Timestamp, not_after: Timestamp) -> Self {
        Self { not_before, not_after }
    }

    /// The first second of validity.
    pub fn not_before(self) -> Timestamp {
        self.not_before
    }

    /// The last second of validity.
    pub fn not_after(self) -> Timestamp {
        self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_certificate_outlives_its_issuer_by_even_a_second() {
        let now = Timestamp::from_unix(1_800_000_000);
        assert!(Validity::new(now, 10, now.after(10 * DAY)).is_ok());
        assert_eq!(
            Validity::new(now, 10, now.after(10 * DAY - 1)),
            Err(ValidityError::BeyondIssuer {
                days: 10,
                issuer_not_after: now.after(10 * DAY - 1),
                longest: 9
            })
        );
        assert_eq!(Validity::new(now, 0, Timestamp::MAX), Err(ValidityError::NoTime));
    }
}
