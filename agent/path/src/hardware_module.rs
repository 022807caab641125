//! [`HardwareModuleName`]: the name of a hardware module (RFC 4108 §5), as device certificates of IEEE 802.1AR have it.

use x509_parser::oid_registry::Oid;

use crate::der;
use crate::distinguished_name::dotted;

/// `id-on-hardwareModuleName`, 1.3.6.1.5.5.7.8.4.
pub(crate) const HARDWARE_MODULE_NAME: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 4];

const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
/// `[0] EXPLICIT`: the value of an otherName (RFC 5280 §4.2.1.6).
const VALUE: u8 = 0xa0;

/// The name of a hardware module: its type, which one manufacturer has for it, and its serial number among those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareModuleName {
    /// `hwType`, dotted.
    pub kind: Box<str>,
    /// `hwSerialNum`; octets of any kind.
    pub serial: Box<[u8]>,
}

impl HardwareModuleName {
    /// Reads what follows the type of an otherName. `None`: it is not whole, or not in DER.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let mut fields = der::only(der::only(value, VALUE)?.content, der::SEQUENCE)?.content;
        let kind = der::expect(&mut fields, OBJECT_IDENTIFIER)?.content;
        let serial = der::only(fields, OCTET_STRING)?.content;
        // The last octet of an arc has no continuation bit (X.690 §8.19.2).
        let is_whole = kind.last().is_some_and(|last| last & 0x80 == 0);
        (is_whole && !serial.is_empty())
            .then(|| Self { kind: dotted(&Oid::new(kind.into())).into(), serial: serial.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4108 §5 by hand: hwType 1.3.6.1.4.1.4128.7, hwSerialNum 53 4e 31.
    const NAME: [u8; 20] =
        [0xa0, 18, 0x30, 16, 0x06, 9, 0x2b, 6, 1, 4, 1, 0xa0, 0x20, 7, 1, 0x04, 3, 0x53, 0x4e, 0x31];

    #[test]
    fn a_module_has_a_type_and_a_serial_number() {
        let name = HardwareModuleName::read(&NAME).unwrap();
        assert_eq!((&*name.kind, &*name.serial), ("1.3.6.1.4.1.4128.7.1", &b"SN1"[..]));
    }

    #[test]
    fn what_is_cut_longer_or_of_another_kind_is_none() {
        for length in 0..NAME.len() {
            assert_eq!(HardwareModuleName::read(&NAME[..length]), None, "{length}");
        }
        assert_eq!(HardwareModuleName::read(&[&NAME[..], &[0]].concat()), None);
        for (at, octet) in [(0, 0x80), (2, 0x31), (4, 0x0d), (14, 0x81), (15, 0x0c)] {
            let mut name = NAME;
            name[at] = octet;
            assert_eq!(HardwareModuleName::read(&name), None, "octet {at}");
        }
        // An empty serial number is every module's.
        assert_eq!(HardwareModuleName::read(&[0xa0, 7, 0x30, 5, 0x06, 1, 0x2b, 0x04, 0]), None);
    }
}
