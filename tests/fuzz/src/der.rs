//! A notation of DER in which every byte string stands for something, and lengths need not be right: they are not said.
//!
//! A fuzzer that changes a byte of DER mostly breaks the lengths around it, and is refused at the first of them. Here
//! it may insert and delete anywhere, and what it gets is DER still, unless it writes bytes that are none.
//!
//! ```text
//! F8 tag    opens an element
//! F9        closes it; what is open at the end is closed there
//! FA byte   the byte, whatever it is
//! byte      any other byte
//! ```

use adversary::forge::tlv;

const OPEN: u8 = 0xf8;
const CLOSE: u8 = 0xf9;
const BYTE: u8 = 0xfa;

/// Deeper elements are written without their header.
const MAX_DEPTH: usize = 16;

const OCTET_STRING: u8 = 4;
const CONSTRUCTED: u8 = 0x20;

/// The DER of a notation.
pub(crate) fn der(notation: &[u8]) -> Vec<u8> {
    let mut open = Vec::new();
    let mut content = Vec::new();
    let mut rest = notation.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            OPEN if open.len() < MAX_DEPTH => {
                let Some(tag) = rest.next() else { break };
                open.push((tag, std::mem::take(&mut content)));
            }
            CLOSE => close(&mut open, &mut content),
            BYTE => content.extend(rest.next()),
            _ => content.push(byte),
        }
    }
    while !open.is_empty() {
        close(&mut open, &mut content);
    }
    content
}

fn close(open: &mut Vec<(u8, Vec<u8>)>, content: &mut Vec<u8>) {
    if let Some((tag, before)) = open.pop() {
        let element = tlv(tag, content);
        *content = before;
        content.extend(element);
    }
}

/// The notation of some DER, with the elements in octet strings open too.
pub(crate) fn notation(der: &[u8]) -> Vec<u8> {
    let Some(elements) = elements(der) else { return literal(der) };
    let mut notation = Vec::new();
    for (tag, content) in elements {
        notation.extend([OPEN, tag]);
        let nested = tag & CONSTRUCTED != 0 || tag == OCTET_STRING;
        notation.extend(if nested { self::notation(content) } else { literal(content) });
        notation.push(CLOSE);
    }
    notation
}

fn literal(bytes: &[u8]) -> Vec<u8> {
    let mut notation = Vec::new();
    for byte in bytes {
        if matches!(*byte, OPEN | CLOSE | BYTE) {
            notation.push(BYTE);
        }
        notation.push(*byte);
    }
    notation
}

/// Tags and contents; `None` if the bytes are anything but elements with the shortest lengths.
fn elements(mut der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut elements = Vec::new();
    while let [tag, rest @ ..] = der {
        let (length, rest) = match rest {
            [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
            [0x81, long @ 0x80..=0xff, rest @ ..] => (usize::from(*long), rest),
            [0x82, l1 @ 1..=0xff, l2, rest @ ..] => (usize::from(u16::from_be_bytes([*l1, *l2])), rest),
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        elements.push((*tag, content));
        der = rest;
    }
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::fleet;

    #[test]
    fn a_certificate_is_the_der_of_its_notation() {
        let fleet = fleet();
        for certified in [&fleet.broker, &fleet.broker_issuing, &fleet.device] {
            assert_eq!(der(&notation(&certified.der)), certified.der);
        }
    }

    #[test]
    fn lengths_follow_what_is_inserted() {
        assert_eq!(der(&[OPEN, 0x30, OPEN, 4, 1, CLOSE, 7]), [0x30, 4, 4, 1, 1, 7]);
        assert_eq!(
            der(&[OPEN, 0x30, OPEN, 4, 1, 2, BYTE, OPEN, CLOSE, CLOSE, CLOSE]),
            [0x30, 5, 4, 3, 1, 2, OPEN]
        );
    }
}
