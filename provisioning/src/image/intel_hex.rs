//! Intel HEX. Encoded here rather than by a library because the text holds a key and must be zeroized.

use std::fmt::Write as _;

use zeroize::Zeroizing;

/// The data bytes of one record: as many as every tool reads.
const RECORD_LEN: usize = 16;

const DATA: u8 = 0;
const END_OF_FILE: u8 = 1;
const EXTENDED_LINEAR_ADDRESS: u8 = 4;

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
    }
}
