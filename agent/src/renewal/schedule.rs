//! When a certificate is to be renewed.

/// The share of a certificate's lifetime after which it is renewed, in thousandths: a range, so that a fleet that was
/// made in one night does not ask in one night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalShare {
    earliest: u16,
    latest: u16,
}

/// The range is empty, or goes beyond the lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate cannot be renewed between {earliest} and {latest} thousandths of its lifetime")]
pub struct ShareError {
    earliest: u16,
    latest: u16,
}

/// From one half to two thirds.
impl Default for RenewalShare {
    fn default() -> Self {
        Self { earliest: 500, latest: 667 }
    }
}

impl RenewalShare {
    /// From `earliest` to `latest`, in thousandths of the lifetime, both inclusive.
    pub const fn new(earliest: u16, latest: u16) -> Result<Self, ShareError> {
        if earliest > latest || latest > 1000 {
            return Err(ShareError { earliest, latest });
        }
        Ok(Self { earliest, latest })
    }
}

/// The moment from which on a certificate is to be renewed, in Unix seconds.
///
/// `not_before` and `not_after` are its ends in Unix seconds, `serial` its serial number. Where in the range it lies
/// follows from the serial number: the same at every boot, and another for every certificate.
pub fn due(not_before: u64, not_after: u64, serial: &[u8], share: RenewalShare) -> u64 {
    let lifetime = not_after.saturating_sub(not_before);
    let at = |thousandths: u16| scaled(lifetime, u64::from(thousandths), 1000);
    let (earliest, latest) = (at(share.earliest), at(share.latest));
    let spread = scaled(latest - earliest, u64::from(fraction(serial)), u64::from(u32::MAX));
    not_before.saturating_add(earliest).saturating_add(spread)
}

/// `number * numerator / denominator`, which fits if the quotient is at most 1.
fn scaled(number: u64, numerator: u64, denominator: u64) -> u64 {
    let scaled = u128::from(number) * u128::from(numerator) / u128::from(denominator);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// FNV-1a over the serial number: serials are random, but for those that a CA counts.
fn fraction(serial: &[u8]) -> u32 {
    let hash =
        serial.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    // Its low bits are the good ones; the high ones hardly depend on the last byte.
    hash ^ hash.rotate_left(16).wrapping_mul(0x9e37_79b1)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    const YEAR: u64 = 365 * 24 * 60 * 60;

    #[test]
    fn a_fleet_of_one_night_asks_over_the_whole_range() {
        // Serials that a CA counts, and random ones, are as good.
        let counted = (0..1000_u32).map(|number| number.to_be_bytes().to_vec());
        let random = (0..1000_u32).map(|number| number.wrapping_mul(0x9e37_79b1).to_be_bytes().to_vec());
        for serials in [counted.collect::<Vec<_>>(), random.collect()] {
            let mut parts = [0; 10];
            for serial in serials {
                let due = due(1000, 1000 + 2 * YEAR, &serial, RenewalShare::default());
                let (earliest, latest) = (1000 + YEAR, 1000 + 2 * YEAR * 667 / 1000);
                assert!((earliest..=latest).contains(&due), "{due}");
                parts[usize::try_from((due - earliest) * 10 / (latest - earliest + 1)).unwrap()] += 1;
            }
            assert!(parts.iter().all(|&part| (50..200).contains(&part)), "{parts:?}");
        }
    }

    #[test]
    fn the_moment_is_the_same_at_every_boot_and_within_any_lifetime() {
        let share = RenewalShare::new(0, 1000).unwrap();
        for (not_before, not_after) in [(0, 0), (5, 5), (0, u64::MAX), (u64::MAX, u64::MAX), (7, 3)] {
            let moment = due(not_before, not_after, &[1, 2, 3], share);
            assert_eq!(moment, due(not_before, not_after, &[1, 2, 3], share));
            assert!(moment >= not_before && moment <= not_after.max(not_before));
        }
        let whole = RenewalShare::new(1000, 1000).unwrap();
        assert_eq!(due(100, 200, &[9], whole), 200);
    }

    #[test]
    fn a_range_lies_within_the_lifetime() {
        assert!(RenewalShare::new(600, 500).is_err());
        assert!(RenewalShare::new(600, 1001).is_err());
    }
}
