//! UF2, the format of drag-and-drop bootloaders (<https://github.com/microsoft/uf2>).

use zeroize::Zeroizing;

const MAGIC_START: [u32; 2] = [0x0a32_4655, 0x9e5d_5157];
const MAGIC_END: u32 = 0x0ab1_6f30;

/// The flag that says the field `fileSize/familyID` holds a family id.
const FLAG_FAMILY: u32 = 0x0000_2000;

/// The content of a block in bytes: as much as every bootloader accepts.
const PAYLOAD_LEN: u16 = 256;

/// What precedes the data field of a block, in bytes.
const HEADER_LEN: usize = 32;

/// The data field of a block in bytes.
const DATA_LEN: usize = 476;

/// The length of a block in bytes.
const BLOCK_LEN: usize = 512;

/// `bytes` at `address`, for bootloaders with this family id.
pub(super) fn encode(bytes: &[u8], address: u32, family: Option<u32>) -> Zeroizing<Vec<u8>> {
    let chunks = bytes.chunks(usize::from(PAYLOAD_LEN));
    let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    let mut file = Zeroizing::new(Vec::with_capacity(chunks.len() * BLOCK_LEN));
    for (chunk, number) in chunks.zip(0_u32..) {
        let header = [
            if family.is_some() { FLAG_FAMILY } else { 0 },
            address.saturating_add(number * u32::from(PAYLOAD_LEN)),
            u32::from(PAYLOAD_LEN),
            number,
            count,
            family.unwrap_or(0),
        ];
        for word in MAGIC_START.into_iter().chain(header) {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(chunk);
        let padded = file.len() + DATA_LEN - chunk.len();
        file.resize(padded, 0);
        file.extend_from_slice(&MAGIC_END.to_le_bytes());
    }
    file
}

/// What is wrong with a UF2 file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block {block}: {cause}")]
pub(crate) struct Uf2Fault {
    /// The block, from 0, as the file itself counts.
    block: u32,
    /// What is wrong.
    cause: Uf2Cause,
}

/// What is wrong with a block of a UF2 file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Uf2Cause {
    #[error("it has {found} bytes, and a block has {BLOCK_LEN}")]
    Short { found: usize },
    #[error("at byte {offset} of it stands {found:#010x} in place of {expected:#010x}")]
    Magic { offset: usize, found: u32, expected: u32 },
    #[error(
        "its flags are {found:#010x}, and {FLAG_FAMILY:#010x} (it has a family) is the only one of a slot"
    )]
    Flags { found: u32 },
    #[error("it says that its number is {found}")]
    Number { found: u32 },
    #[error("it says that the file has {said} blocks, and the file has {found}")]
    Count { said: u32, found: u32 },
    #[error("it says that it has {said} bytes of data, and has room for {DATA_LEN}")]
    Length { said: u32 },
    #[error("its data go to {found:#010x}, and those before end at {expected:#010x}")]
    Gap { expected: u64, found: u32 },
    #[error("its data go past 0xffffffff")]
    Address,
    #[error("its family is not that of the blocks before it")]
    Family,
}

/// A block of a UF2 file.
struct Block<'a> {
    address: u32,
    family: Option<u32>,
    data: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads the block of this number, in a file of `count` blocks.
    fn read(block: &'a [u8], number: u32, count: u32) -> Result<Self, Uf2Cause> {
        let short = || Uf2Cause::Short { found: block.len() };
        let (words, data) = block.split_at_checked(HEADER_LEN).ok_or_else(short)?;
        let (data, end) = data.split_at_checked(DATA_LEN).ok_or_else(short)?;
        let mut words = words.chunks(4).filter_map(little_endian);
        let mut next = || words.next().ok_or_else(short);
        let [start1, start2] = MAGIC_START;
        for (offset, expected, found) in [
            (0, start1, next()?),
            (4, start2, next()?),
            (508, MAGIC_END, little_endian(end).ok_or_else(short)?),
        ] {
            if found != expected {
                return Err(Uf2Cause::Magic { offset, found, expected });
            }
        }
        let (flags, address, length, found, said, family) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        if flags & !FLAG_FAMILY != 0 {
            return Err(Uf2Cause::Flags { found: flags });
        }
        if found != number {
            return Err(Uf2Cause::Number { found });
        }
        if said != count {
            return Err(Uf2Cause::Count { said, found: count });
        }
        let data = usize::try_from(length).ok().and_then(|length| data.get(..length));
        let data = data.ok_or(Uf2Cause::Length { said: length })?;
        if u64::from(address) + data.len() as u64 > 1 << 32 {
            return Err(Uf2Cause::Address);
        }
        Ok(Self { address, family: (flags & FLAG_FAMILY != 0).then_some(family), data })
    }
}

fn little_endian(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// What a UF2 file holds: its address, its family, and its bytes.
type Contents = (u32, Option<u32>, Zeroizing<Vec<u8>>);

/// Reads a UF2 file. Gaps are no part of a slot.
pub(super) fn decode(file: &[u8]) -> Result<Contents, Uf2Fault> {
    let blocks = file.chunks(BLOCK_LEN);
    let count = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len() / 2));
    let mut first = None;
    for (block, number) in blocks.zip(0..) {
        let fault = |cause| Uf2Fault { block: number, cause };
        let block = Block::read(block, number, count).map_err(fault)?;
        let (start, family) = *first.get_or_insert((block.address, block.family));
        let expected = u64::from(start) + bytes.len() as u64;
        if block.family != family {
            return Err(fault(Uf2Cause::Family));
        }
        if u64::from(block.address) != expected {
            return Err(fault(Uf2Cause::Gap { expected, found: block.address }));
        }
        bytes.extend_from_slice(block.data);
    }
    let (address, family) = first.ok_or(Uf2Fault { block: 0, cause: Uf2Cause::Short { found: 0 } })?;
    Ok((address, family, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_sixteen_blocks_of_512_bytes_that_say_where_they_go() {
        let file = encode(&[0xaa; 4096], 0x1008_0000, Some(0xe48b_ff56));
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!(file.len(), 16 * 512);
        for (number, block) in (0..16_u32).zip((0..file.len()).step_by(512)) {
            assert_eq!(&file[block..block + 4], b"UF2\n");
            assert_eq!(word(block + 12), 0x1008_0000 + 256 * number);
            assert_eq!((word(block + 16), word(block + 20), word(block + 24)), (256, number, 16));
            assert_eq!((word(block + 8), word(block + 28)), (FLAG_FAMILY, 0xe48b_ff56));
            assert_eq!(word(block + 508), MAGIC_END);
        }
        let (address, family, bytes) = decode(&file).unwrap();
        assert_eq!((address, family, &*bytes), (0x1008_0000, Some(0xe48b_ff56), &vec![0xaa; 4096]));
        for length in [0, 511, 512, 512 * 15, 512 * 16 - 1] {
            assert!(decode(&file[..length]).is_err(), "cut at {length}");
        }
    }
    #[test]
    fn what_is_wrong_is_said_with_the_block() {
        let good = encode(&[0xaa; 4096], 0x1008_0000, Some(0xe48b_ff56));
        let with = |at: usize, word: u32| {
            let mut file = good.to_vec();
            file[at..at + 4].copy_from_slice(&word.to_le_bytes());
            file
        };
        let block = |number: usize| number * BLOCK_LEN;
        for (file, words) in [
            (Vec::new(), "block 0: it has 0 bytes, and a block has 512"),
            (with(block(3), 0), "block 3: at byte 0 of it stands 0x00000000 in place of 0x0a324655"),
            (with(block(4) + 4, 1), "block 4: at byte 4 of it"),
            (with(block(5) + 508, 2), "block 5: at byte 508 of it stands 0x00000002 in place of 0x0ab16f30"),
            // What is not for the main flash is not written by a bootloader.
            (with(block(6) + 8, 0x2001), "block 6: its flags are 0x00002001"),
            (with(block(7) + 8, 0), "block 7: its family is not that"),
            (with(block(7) + 28, 1), "block 7: its family is not that"),
            (
                with(block(8) + 12, 0x1008_0900),
                "block 8: its data go to 0x10080900, and those before end at 0x10080800",
            ),
            (with(block(8) + 12, 0xffff_ff80), "block 8: its data go past"),
            (
                with(block(9) + 16, 477),
                "block 9: it says that it has 477 bytes of data, and has room for 476",
            ),
            (with(block(9) + 16, u32::MAX), "block 9: it says that it has 4294967295 bytes"),
            (with(block(10) + 20, 11), "block 10: it says that its number is 11"),
            (with(block(11) + 24, 17), "block 11: it says that the file has 17 blocks, and the file has 16"),
            (good[..block(15)].to_vec(), "block 0: it says that the file has 16 blocks, and the file has 15"),
        ] {
            let fault = decode(&file).unwrap_err().to_string();
            assert!(fault.starts_with(words), "{words}: {fault}");
        }
    }
}
