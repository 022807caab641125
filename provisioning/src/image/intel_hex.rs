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

/// What one upper half of an address reaches, in bytes. No record crosses its end: where the rest of one would go is read
/// differently by different tools.
const SEGMENT_LEN: usize = 0x1_0000;

/// `bytes` at `address`, as Intel HEX with 32-bit addresses.
pub(super) fn encode(bytes: &[u8], address: u32) -> Zeroizing<Vec<u8>> {
    // Sized once, so that growing leaves no copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3 + 256));
    let (mut upper, mut at, mut rest) = (None, address, bytes);
    while !rest.is_empty() {
        let [high1, high0, low1, low0] = at.to_be_bytes();
        if upper != Some([high1, high0]) {
            record(&mut text, EXTENDED_LINEAR_ADDRESS, [0, 0], &[high1, high0]);
            upper = Some([high1, high0]);
        }
        let room = SEGMENT_LEN - usize::from(u16::from_be_bytes([low1, low0]));
        let chunk;
        (chunk, rest) = rest.split_at(RECORD_LEN.min(room).min(rest.len()));
        record(&mut text, DATA, [low1, low0], chunk);
        // At most RECORD_LEN; beyond the last byte of 32 bits nothing is left.
        at = at.wrapping_add(chunk.len() as u32);
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

/// What is wrong with an Intel HEX file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub(crate) struct HexFault {
    /// The line, from 1.
    line: usize,
    /// What is wrong.
    cause: HexCause,
}

/// What is wrong with a record of an Intel HEX file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum HexCause {
    #[error("a record begins with a colon")]
    NoColon,
    #[error("character {column} is no hexadecimal digit")]
    NoDigit { column: usize },
    #[error("the record ends within a byte")]
    HalfByte,
    #[error("the record is too short")]
    Short,
    #[error("the record says it has {said} bytes of data, and has {found}")]
    Length { said: usize, found: usize },
    #[error("the checksum of the record is {stored:02x}, its content has {computed:02x}")]
    Checksum { stored: u8, computed: u8 },
    #[error("records of type {kind:02x} with {length} bytes of data are unknown")]
    Kind { kind: u8, length: usize },
    #[error("the data go to {found:#010x}, and those before end at {expected:#010x}")]
    Gap { expected: u64, found: u64 },
    #[error("the data go past 0xffffffff")]
    Address,
    #[error("the record follows the end-of-file record")]
    AfterEnd,
    #[error("the file ends without an end-of-file record")]
    NoEnd,
    #[error("the end-of-file record follows no data")]
    NoData,
}

/// The bytes of an Intel HEX file and their address. Gaps are no part of a slot.
pub(super) fn decode(text: &[u8]) -> Result<(u32, Zeroizing<Vec<u8>>), HexFault> {
    // Sized once: two digits are a byte.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let (mut base, mut start, mut ended, mut last) = (0_u32, None, false, 1);
    for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        let fault = |cause| Err(HexFault { line: number, cause });
        let record = match parse_record(line) {
            Ok(record) => record,
            Err(cause) => return fault(cause),
        };
        last = number;
        if ended {
            return fault(HexCause::AfterEnd);
        }
        let [_length, address1, address0, kind, rest @ ..] = record.as_slice() else {
            return fault(HexCause::Short);
        };
        let Some((_checksum, data)) = rest.split_last() else { return fault(HexCause::Short) };
        match (*kind, data) {
            (DATA, data) => {
                let offset = u16::from_be_bytes([*address1, *address0]);
                let at = u64::from(base) + u64::from(offset);
                let begin = *start.get_or_insert(at);
                let expected = begin + bytes.len() as u64;
                if expected != at {
                    return fault(HexCause::Gap { expected, found: at });
                }
                if at + data.len() as u64 > 1 << 32 {
                    return fault(HexCause::Address);
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
            // Where a program would start: of no meaning to a slot.
            (START_SEGMENT_ADDRESS | START_LINEAR_ADDRESS, [_, _, _, _]) => {}
            (kind, data) => return fault(HexCause::Kind { kind, length: data.len() }),
        }
    }
    if !ended {
        return Err(HexFault { line: last, cause: HexCause::NoEnd });
    }
    match start.and_then(|start| u32::try_from(start).ok()) {
        Some(start) => Ok((start, bytes)),
        None => Err(HexFault { line: last, cause: HexCause::NoData }),
    }
}

/// The bytes of a record, whose length and checksum are right.
fn parse_record(line: &[u8]) -> Result<Zeroizing<Vec<u8>>, HexCause> {
    let digits = line.strip_prefix(b":").ok_or(HexCause::NoColon)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for (pair, index) in digits.chunks(2).zip(0..) {
        let digit = |digit: u8, column: usize| {
            let value = char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            // The colon is character 1.
            value.ok_or(HexCause::NoDigit { column: column + 2 })
        };
        match *pair {
            [high, low] => bytes.push((digit(high, 2 * index)? << 4) | digit(low, 2 * index + 1)?),
            [half] => return Err(digit(half, 2 * index).err().unwrap_or(HexCause::HalfByte)),
            _ => {}
        }
    }
    let [length, _, _, _, content @ ..] = bytes.as_slice() else { return Err(HexCause::Short) };
    let Some((&stored, data)) = content.split_last() else { return Err(HexCause::Short) };
    if usize::from(*length) != data.len() {
        return Err(HexCause::Length { said: usize::from(*length), found: data.len() });
    }
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if sum != 0 {
        return Err(HexCause::Checksum { stored, computed: stored.wrapping_sub(sum) });
    }
    Ok(bytes)
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
            assert!(decode(&damaged).is_err(), "{index}");
        }
        for length in (0..text.len() - 1).step_by(101) {
            assert!(decode(&text.as_bytes()[..length]).is_err(), "cut at {length}");
        }
    }
    #[test]
    fn no_record_crosses_the_end_of_a_segment_wherever_the_slot_begins() {
        let bytes: Vec<u8> = (0..4096_u32).map(|index| index.to_le_bytes()[1]).collect();
        for address in (0x0807_f000..0x0808_0100).step_by(4).chain([0xffff_f000]) {
            let text = encode(&bytes, address);
            for record in text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b":10")) {
                let low = u32::from_str_radix(std::str::from_utf8(&record[3..7]).unwrap(), 16).unwrap();
                assert!(low + 16 <= 0x1_0000 || record[7..9] != *b"00", "{address:#x}");
            }
            assert_eq!(decode(&text), Ok((address, Zeroizing::new(bytes.clone()))));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_line() {
        let good = String::from_utf8(encode(&[0x5a; 40], 0x1000).to_vec()).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let with = |number: usize, line: &str| {
            let mut lines = lines.clone();
            lines[number - 1] = line;
            lines.join("\r\n").into_bytes()
        };
        for (text, words) in [
            (with(2, "10100000"), "line 2: a record begins with a colon"),
            (with(2, ":1010G000"), "line 2: character 6 is no hexadecimal digit"),
            (with(3, &lines[2][..42]), "line 3: the record ends within a byte"),
            (with(3, ":1010"), "line 3: the record is too short"),
            (with(3, &lines[2][..41]), "line 3: the record says it has 16 bytes of data, and has 15"),
            (with(2, &lines[1].replacen("5A5A", "5A5B", 1)), "line 2: the checksum of the record is 40, its"),
            (with(4, ":00000006FA"), "line 4: records of type 06 with 0 bytes of data are unknown"),
            (with(2, ""), "line 5: the end"),
            (with(3, ""), "line 4: the data go to 0x00001020, and those before end at 0x00001010"),
            (with(4, ":00000001FF"), "line 5: the record follows the end-of-file record"),
            (with(5, ""), "line 4: the file ends without an end-of-file record"),
            (b":00000001FF".to_vec(), "line 1: the end-of-file record follows no data"),
            (with(1, ":02000004FFFFFC"), ""),
        ] {
            let found = decode(&text).map_err(|fault| fault.to_string());
            match (&found, words) {
                (Ok((address, _)), "") => assert_eq!(*address, 0xffff_1000),
                (Err(fault), words) if !words.is_empty() && fault.starts_with(words) => {}
                // Without its first data the slot begins later, which the length of the slot shows.
                (Ok((0x1010, _)), "line 5: the end") => {}
                _ => panic!("{words}: {found:?}"),
            }
        }
        let past = b":02000004FFFFFC\n:04FFFE000000000000\n";
        assert!(decode(past).is_err());
    }
}
