//! A notation of DER in which every byte string stands for something, and lengths need not be right: they are not said.
//!
//! A fuzzer that changes a byte of DER mostly breaks the lengths around it, and is refused at the first of them. Here
//! it may insert and delete anywhere, and what it gets is DER still, unless it writes bytes that are none.
//!
//! ```text
//! F8 tag    opens an element
//! FB tag    opens one with a length that is a byte longer than it need be
//! F9        closes it; what is open at the end is closed there
//! FA byte   the byte, whatever it is
//! byte      any other byte
//! ```

use adversary::forge::tlv;

const OPEN: u8 = 0xf8;
const CLOSE: u8 = 0xf9;
const BYTE: u8 = 0xfa;
const OPEN_LONGER: u8 = 0xfb;

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
            OPEN | OPEN_LONGER if open.len() < MAX_DEPTH => {
                let Some(tag) = rest.next() else { break };
                let write = if byte == OPEN { tlv } else { longer_tlv };
                open.push(Open { tag, write, before: std::mem::take(&mut content) });
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

/// An element that is open.
struct Open {
    tag: u8,
    write: fn(u8, &[u8]) -> Vec<u8>,
    /// What stands before it in the element around it.
    before: Vec<u8>,
}

fn close(open: &mut Vec<Open>, content: &mut Vec<u8>) {
    if let Some(Open { tag, write, before }) = open.pop() {
        let element = write(tag, content);
        *content = before;
        content.extend(element);
    }
}

fn longer_tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let element = tlv(tag, content);
    let longer = match &element[1..element.len() - content.len()] {
        [count @ 0x81..=0xff, length @ ..] => [&[count + 1, 0], length].concat(),
        length => [&[0x81], length].concat(),
    };
    [&[tag], longer.as_slice(), content].concat()
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
        if matches!(*byte, OPEN | CLOSE | BYTE | OPEN_LONGER) {
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
    #[test]
    fn a_length_may_be_longer_than_it_need_be() {
        assert_eq!(der(&[OPEN, 0x30, OPEN_LONGER, 4, 7]), [0x30, 4, 4, 0x81, 1, 7]);
        let long = der(&[&[OPEN_LONGER, 4][..], &[7; 200]].concat());
        assert_eq!(long[..5], [4, 0x82, 0, 200, 7]);
        let longest = der(&[&[OPEN_LONGER, 4][..], &[7; 300]].concat());
        assert_eq!(longest[..6], [4, 0x83, 0, 1, 44, 7]);
    }
}
