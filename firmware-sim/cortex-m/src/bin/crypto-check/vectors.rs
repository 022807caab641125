//! RFC 6979 A.2.5, the lines for SHA-256; and one more of the same key, for a digest that is not below n.
//!
//! The RFC reduces such a digest before it goes into the nonce (§2.3.4). p256 0.13 does not, and signs that message
//! otherwise, if as well; so the last signature is from a calculation of its own, as the RFC's text has it.

use crate::curve::{public_key, scalar};
use crate::der::Der;
use crate::tally::{Tally, Verdict};

const KEY: [u8; 32] = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
const PUBLIC_X: [u8; 32] = hex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6");
const PUBLIC_Y: [u8; 32] = hex("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");

const SIGNATURES: [(&[u8], [u8; 32], [u8; 32]); 3] = [
    (
        b"sample",
        hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"),
        hex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"),
    ),
    (
        b"test",
        hex("F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"),
        hex("019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"),
    ),
    (
        b"3610672442",
        hex("F579AF68F595CC5A042B4EABFF9E10F4454EDD25B7884D0C732208BEFE3ABEB9"),
        hex("B057DE6D7A8EF5FCDA90A45DB3F9AF274EB18C6E8E61E9990CBF6ED7DE9C7162"),
    ),
];

pub(crate) fn check(tally: &mut Tally) {
    let point = public_key(&scalar(&KEY));
    tally.expect("the public key", point[1..33] == PUBLIC_X && point[33..] == PUBLIC_Y);
    for (message, r, s) in SIGNATURES {
        let mut expected = [0; 64];
        expected[..32].copy_from_slice(&r);
        expected[32..].copy_from_slice(&s);
        tally.expect("a known signature", crate::assembler::sign(&KEY, message) == Some(expected));
        tally.verify("a known signature", Verdict::Good, &point, message, Der::new(&r, &s).as_bytes());
    }
}

/// 64 digits, as the RFC prints them.
const fn hex(digits: &str) -> [u8; 32] {
    const fn digit(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'F' => digit - b'A' + 10,
            _ => panic!("not a hexadecimal digit"),
        }
    }
    let digits = digits.as_bytes();
    assert!(digits.len() == 64);
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i] = digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]);
        i += 1;
    }
    bytes
}
