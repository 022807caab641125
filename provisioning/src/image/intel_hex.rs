//! Intel HEX. Encoded here rather than by a library because the text holds a key and must be zeroized.

use std::fmt::Write as _;

use zeroize::Zeroizing;

/// The data bytes of one record: as many as every tool reads.
const RECORD_LEN: usize = 16;

const DATA: u8 = 0;
const END_OF_FILE: u8 = 1;
const EXTENDED_SEGMENT_ADDRESS: u8 = 2;
const START_SEGMENT_ADDRESS: u8 = 3;
const EXTENDED_LINEAR_ADDRESS: u8 = 4;
const START_LINEAR_ADDRESS: u8 = 5;

/// `bytes` at `address`, as Intel HEX with 32-bit addresses.
pub(super) fn encode(bytes: &[u8], address: u32) -> Zeroizing<Vec<u8>> {
    // Sized once, so that growing leaves no copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3 + 256));
    let mut upper = None;
    for (chunk, at) in bytes.chunks(RECORD_LEN).zip((address..).step_by(RECORD_LEN)) {
        let [high1, high0, low1, low0] = at.to_be_bytes();
        if upper != Some([high1, high0]) {
            record(&mut text, EXTENDED_LINEAR_ADDRESS, [0, 0], &[high1, high0]);
            upper = Some([high1, high0]);
        }
        record(&mut text, DATA, [low1, low0], chunk);
    }
    record(&mut text, END_OF_FILE, [0, 0], &[]);
    Zeroizing::new(text.as_bytes().to_vec())
}

fn record(text: &mut String, kind: u8, [address1, address0]: [u8; 2], data: &[u8]) {
    // At most RECORD_LEN.
    let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
    let head = [length, address1, address0, kind];
    let sum = head.iter().chain(data).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    text.push(':');
    for byte in head.iter().chain(data).chain([&sum.wrapping_neg()]) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text.push('\n');
}

/// The bytes of an Intel HEX file and their address; `None` if it is damaged, or has gaps.
pub(super) fn decode(text: &[u8]) -> Option<(u32, Zeroizing<Vec<u8>>)> {
    let text = std::str::from_utf8(text).ok()?;
    // Sized once: two digits are a byte.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let (mut base, mut start, mut ended) = (0_u32, None, false);
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let record = parse_record(line)?;
        let [length, address1, address0, kind, rest @ ..] = record.as_slice() else { return None };
        let (_checksum, data) = rest.split_last()?;
        if ended || usize::from(*length) != data.len() {
            return None;
        }
        match (*kind, data) {
            (DATA, data) => {
                let at = base.checked_add(u32::from(u16::from_be_bytes([*address1, *address0])))?;
                let begin = *start.get_or_insert(at);
                if begin.checked_add(u32::try_from(bytes.len()).ok()?)? != at {
                    return None;
                }
                bytes.extend_from_slice(data);
            }
            (END_OF_FILE, []) => ended = true,
            (EXTENDED_SEGMENT_ADDRESS, [high, low]) => {
                base = u32::from(u16::from_be_bytes([*high, *low])) << 4;
            }
            (EXTENDED_LINEAR_ADDRESS, [high, low]) => {
                base = u32::from(u16::from_be_bytes([*high, *low])) << 16;
            }
            (START_SEGMENT_ADDRESS | START_LINEAR_ADDRESS, _) => {}
            _ => return None,
        }
    }
    if ended { Some((start?, bytes)) } else { None }
}

/// The bytes of a record, whose sum is zero.
fn parse_record(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = line.strip_prefix(':')?.as_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.chunks(2) {
        let [high, low] = pair else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push((digit(*high)? << 4) | digit(*low)?);
    }
    (bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ihex::{Reader, Record};

    #[test]
    fn another_reader_finds_the_same_bytes_at_the_same_address() {
        let bytes: Vec<u8> = (0..4096_u32).map(|index| index.to_le_bytes()[0]).collect();
        // Crosses a 64 KiB boundary, where the upper half of the address changes.
        let address = 0x0807_f800;
        let text = String::from_utf8(encode(&bytes, address).to_vec()).unwrap();
        let (mut upper, mut found) = (0, Vec::new());
        for record in Reader::new(&text) {
            match record.unwrap() {
                Record::ExtendedLinearAddress(value) => upper = u32::from(value) << 16,
                Record::Data { offset, value } => {
                    assert_eq!(upper + u32::from(offset), address + u32::try_from(found.len()).unwrap());
                    found.extend(value);
                }
                Record::EndOfFile => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(found, bytes);
        let (at, read) = decode(text.as_bytes()).unwrap();
        assert_eq!((at, &*read), (address, &bytes));
        // One digit changed, anywhere: the sum of its record shows it.
        for index in (0..text.len()).step_by(97).filter(|&index| text.as_bytes()[index].is_ascii_hexdigit()) {
            let mut damaged = text.clone().into_bytes();
            damaged[index] = if damaged[index] == b'0' { b'1' } else { b'0' };
            assert!(decode(&damaged).is_none(), "{index}");
        }
        for length in (0..text.len() - 1).step_by(101) {
            assert!(decode(&text.as_bytes()[..length]).is_none(), "cut at {length}");
        }
    }
}
