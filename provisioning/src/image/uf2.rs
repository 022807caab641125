//! UF2, the format of drag-and-drop bootloaders (<https://github.com/microsoft/uf2>).

use zeroize::Zeroizing;

const MAGIC_START: [u32; 2] = [0x0a32_4655, 0x9e5d_5157];
const MAGIC_END: u32 = 0x0ab1_6f30;

/// The flag that says the field `fileSize/familyID` holds a family id.
const FLAG_FAMILY: u32 = 0x0000_2000;

/// The content of a block in bytes: as much as every bootloader accepts.
const PAYLOAD_LEN: u16 = 256;

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

/// The address of a UF2 file, its family, and its bytes; `None` if it is damaged, or has gaps.
pub(super) fn decode(file: &[u8]) -> Option<(u32, Option<u32>, Zeroizing<Vec<u8>>)> {
    let blocks = file.chunks(BLOCK_LEN);
    let count = u32::try_from(blocks.len()).ok()?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len() / 2));
    let mut first = None;
    for (block, number) in blocks.zip(0_u32..) {
        let word = |at: usize| Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?));
        let magic = [word(0)?, word(4)?] == MAGIC_START && word(BLOCK_LEN - 4)? == MAGIC_END;
        if !magic || (word(20)?, word(24)?) != (number, count) {
            return None;
        }
        let family = if word(8)? & FLAG_FAMILY == 0 { None } else { Some(word(28)?) };
        let (address, same_family) = *first.get_or_insert((word(12)?, family));
        let expected = address.checked_add(u32::try_from(bytes.len()).ok()?);
        if same_family != family || expected != Some(word(12)?) {
            return None;
        }
        let length = usize::try_from(word(16)?).ok().filter(|&length| length <= DATA_LEN)?;
        bytes.extend_from_slice(block.get(32..32 + length)?);
    }
    let (address, family) = first?;
    Some((address, family, bytes))
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
            assert!(decode(&file[..length]).is_none(), "cut at {length}");
        }
    }
}
