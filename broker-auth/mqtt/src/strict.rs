//! What the codec lets pass and MQTT does not.

use crate::Version;

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;

/// The flags of a PUBLISH that tell of DUP and QoS (MQTT 5 §3.3.1), and DUP alone.
const DUP_AND_QOS: u8 = 0x0E;
const DUP: u8 = 0x08;

/// Bits of the Connect Flags (MQTT 5 §3.1.2.3).
const WILL: u8 = 0x04;
const WILL_QOS_AND_RETAIN: u8 = 0x38;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;

/// Whether a whole packet breaks a rule that the codec does not check. What it does check may be broken, too.
pub(super) fn breaks_a_rule(frame: &[u8], version: Version) -> bool {
    let Some((first, rest)) = frame.split_first() else { return false };
    let Some(length_len) = rest.iter().position(|byte| byte & 0x80 == 0) else { return false };
    let body = rest.get(length_len + 1..).unwrap_or_default();
    match first >> 4 {
        CONNECT => connect_flags(body).is_some_and(|flags| contradict_themselves(flags, version)),
        // A message without acknowledgement is never repeated (MQTT-3.3.1-2).
        PUBLISH => first & DUP_AND_QOS == DUP,
        // In MQTT 5 there are options in these bits, which the codec knows.
        SUBSCRIBE if version == Version::V3 => has_reserved_bits(body),
        _ => false,
    }
}

/// The Connect Flags, which stand behind the protocol's name and level.
fn connect_flags(body: &[u8]) -> Option<u8> {
    let (_name, rest) = text(body)?;
    rest.get(1).copied()
}

/// A will's QoS without a will (3.1.1 §3.1.2.6, MQTT 5 §3.1.2.6), or a password without a user name, which 3.1.1 does
/// not have (§3.1.2.9).
fn contradict_themselves(flags: u8, version: Version) -> bool {
    let no_will = flags & WILL == 0 && flags & WILL_QOS_AND_RETAIN != 0;
    let no_user = version == Version::V3 && flags & USER_NAME == 0 && flags & PASSWORD != 0;
    no_will || no_user
}

/// Whether a filter comes with more than its QoS (3.1.1 §3.8.3).
fn has_reserved_bits(body: &[u8]) -> bool {
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some((_filter, after)) = text(rest) {
        let Some((options, after)) = after.split_first() else { return false };
        if options & 0xFC != 0 {
            return true;
        }
        rest = after;
    }
    false
}

/// A text with its length in front, and what follows.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn connect_flags_that_contradict_themselves_are_found() {
        let connect =
            |level: u8, flags: u8| [b"\x10\x10\x00\x04MQTT", &[level, flags][..], b"\x00\x3c"].concat();
        for (flags, in_3, in_5) in [
            (0x02, false, false),
            (0x0A, true, true),
            (0x22, true, true),
            (0x2E, false, false),
            (0x42, true, false),
            (0xC2, false, false),
        ] {
            assert_eq!(breaks_a_rule(&connect(4, flags), Version::V3), in_3, "{flags:#x}");
            assert_eq!(breaks_a_rule(&connect(5, flags), Version::V5), in_5, "{flags:#x}");
        }
    }

    #[test]
    fn a_subscription_of_3_1_1_has_a_qos_and_nothing_else() {
        assert!(!breaks_a_rule(b"\x82\x0a\x00\x01\x00\x01a\x02\x00\x01b\x01", Version::V3));
        assert!(breaks_a_rule(b"\x82\x0a\x00\x01\x00\x01a\x02\x00\x01b\x04", Version::V3));
        assert!(!breaks_a_rule(b"\x82\x07\x00\x01\x00\x00\x01a\x04", Version::V5));
    }

    #[test]
    fn a_message_that_nobody_acknowledges_is_not_repeated() {
        for version in [Version::V3, Version::V5] {
            let broken: Vec<u8> =
                (0x30..=0x3F).filter(|first| breaks_a_rule(&[*first, 4, 0, 1, b'a', 0], version)).collect();
            assert_eq!(broken, [0x38, 0x39]);
        }
    }

    proptest! {
        #[test]
        fn no_frame_panics(frame in proptest::collection::vec(any::<u8>(), 0..60), v5 in any::<bool>()) {
            let version = if v5 { Version::V5 } else { Version::V3 };
            for first in [0x10, 0x38, 0x82] {
                let _ = breaks_a_rule(&[&[first], &frame[..]].concat(), version);
            }
        }
    }
}
