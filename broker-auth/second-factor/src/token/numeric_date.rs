//! NumericDate: seconds since 1970, and fractions of them.

use std::time::Duration;

use rustls_pki_types::UnixTime;
use serde_json::Value;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const LAST: u64 = 253_402_300_799;

/// The first whole second at or after a NumericDate (RFC 7519 §2). By clocks that count whole seconds that is the first
/// at which a token of this `exp` has expired, and one of this `nbf` begins.
///
/// `None`: it is no number, is negative, or lies after the year 9999.
pub(super) fn numeric_date(value: &Value) -> Option<UnixTime> {
    let seconds = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) => seconds,
        // In range, so it is a whole number that u64 holds.
        (None, Some(seconds)) if (0.0..=LAST as f64).contains(&seconds) => seconds.ceil() as u64,
        (None, _) => return None,
    };
    (seconds <= LAST).then(|| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_of_this_era_is_a_date() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("1764000000", Some(1_764_000_000)),
            ("1764000000.0", Some(1_764_000_000)),
            ("1764000000.001", Some(1_764_000_001)),
            ("1.764e9", Some(1_764_000_000)),
            ("0.5", Some(1)),
            ("-0", Some(0)),
            ("253402300799", Some(LAST)),
            ("253402300799.5", None),
            ("253402300800", None),
            ("1e300", None),
            ("18446744073709551615", None),
            ("18446744073709551616", None),
            ("-1", None),
            ("-0.001", None),
            ("\"1764000000\"", None),
            ("null", None),
            ("true", None),
            ("[1764000000]", None),
            ("{}", None),
        ] {
            let value: Value = serde_json::from_str(text).expect(text);
            assert_eq!(numeric_date(&value).map(|date| date.as_secs()), seconds, "{text}");
        }
    }
}
