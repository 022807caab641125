//! The sixteen bytes in front of the body: magic, version, length, checksum.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use super::{ImageError, MAX_LEN};

/// The first bytes of every image.
const MAGIC: [u8; 4] = *b"CSGN";

/// The only version there is. A device refuses every other.
const VERSION: u16 = 1;

/// The length of the header in bytes.
pub(super) const LEN: usize = 16;

/// One 1 KiB table: an image is checked at every boot, a table of 16 KiB would not pay for itself.
const CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// Splits an image into its checked body and what follows it.
pub(super) fn read(slot: &[u8]) -> Result<(&[u8], &[u8]), ImageError> {
    let short = |needed| ImageError::Short { length: slot.len(), needed };
    let Some((header, rest)) = slot.split_first_chunk::<LEN>() else {
        // A region too small for a header that does not start with the magic is no image at all: the better answer.
        return Err(if slot.starts_with(&MAGIC) { short(LEN) } else { ImageError::Magic });
    };
    let &[m0, m1, m2, m3, v0, v1, r0, r1, l0, l1, l2, l3, c0, c1, c2, c3] = header;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(ImageError::Magic);
    }
    let version = u16::from_le_bytes([v0, v1]);
    if version != VERSION {
        return Err(ImageError::Version { found: version });
    }
    let reserved = u16::from_le_bytes([r0, r1]);
    if reserved != 0 {
        return Err(ImageError::Reserved { found: reserved });
    }
    let declared = u32::from_le_bytes([l0, l1, l2, l3]);
    let too_long = || ImageError::TooLong { length: declared as usize };
    let body_length = usize::try_from(declared).map_err(|_| too_long())?;
    let needed = body_length.checked_add(LEN).ok_or_else(too_long)?;
    if needed > MAX_LEN {
        return Err(ImageError::TooLong { length: needed });
    }
    let Some((body, after)) = rest.split_at_checked(body_length) else {
        return Err(short(needed));
    };
    let stored = u32::from_le_bytes([c0, c1, c2, c3]);
    // All that stands before the checksum has been found to be what is written for this body.
    let [.., c0, c1, c2, c3] = write(body);
    let computed = u32::from_le_bytes([c0, c1, c2, c3]);
    if stored != computed {
        return Err(ImageError::Checksum { stored, computed });
    }
    Ok((body, after))
}

/// The checksum while it is being computed.
pub(super) type Digest<'c> = crc::Digest<'c, u32, Table<1>>;

/// The header of a body of `body_len` bytes, which `digest_body` gives to the checksum.
pub(super) fn of_body(body_len: usize, digest_body: impl FnOnce(&mut Digest<'_>)) -> [u8; LEN] {
    let mut header = [0; LEN];
    let (covered, checksum_field) = header.split_at_mut(12);
    // A body longer than 32 bits can say does not fit a slot, and was refused before.
    let length = u32::try_from(body_len).unwrap_or(u32::MAX);
    let fields = MAGIC.into_iter().chain(VERSION.to_le_bytes()).chain([0, 0]).chain(length.to_le_bytes());
    for (byte, field) in covered.iter_mut().zip(fields) {
        *byte = field;
    }
    let mut digest = CRC.digest();
    digest.update(covered);
    digest_body(&mut digest);
    checksum_field.copy_from_slice(&digest.finalize().to_le_bytes());
    header
}

/// The header of `body`.
pub(super) fn write(body: &[u8]) -> [u8; LEN] {
    of_body(body.len(), |digest| digest.update(body))
}

/// CRC-32/ISO-HDLC of `bytes`: whether flash still holds what was written to it. No protection against people.
pub fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}
