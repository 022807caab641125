//! Cutting one whole packet out of what was received.

use bytes::BytesMut;

/// The packet types a client may send (MQTT 5 §2.1.2). The codec never sees another, and never a partial packet.
const FROM_CLIENTS: [u8; 11] = [1, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15];

/// Why what was received cannot be a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No client may send this.
    #[error("packet type {0} is not for clients to send")]
    Type(u8),
    /// The length field runs over four bytes.
    #[error("the length of a packet is malformed")]
    Length,
    /// Longer than this broker takes.
    #[error("a packet of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// As declared, in bytes, its header included (MQTT 5 §3.1.2.11.4).
        length: usize,
        /// The limit, likewise.
        limit: usize,
    },
    /// A packet that has no content came with some.
    #[error("a packet without content has {length} bytes of it")]
    Content {
        /// Its length in bytes.
        length: usize,
    },
}

/// Takes the first packet off `received`, header included; `None` until all of it is there. Nothing is reserved for
/// what has not arrived yet.
pub fn take(received: &mut BytesMut, limit: usize) -> Result<Option<BytesMut>, FrameError> {
    let Some((&first, rest)) = received.split_first() else { return Ok(None) };
    let packet_type = first >> 4;
    if !FROM_CLIENTS.contains(&packet_type) {
        return Err(FrameError::Type(packet_type));
    }
    let mut length = 0;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let whole = 2 + index + length;
            if whole > limit {
                return Err(FrameError::TooLarge { length: whole, limit });
            }
            if packet_type == 12 && length > 0 {
                return Err(FrameError::Content { length });
            }
            return Ok((received.len() >= whole).then(|| received.split_to(whole)));
        }
    }
    if rest.len() >= 4 { Err(FrameError::Length) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
        take(&mut BytesMut::from(bytes), limit).map(|frame| frame.map(|frame| frame.len()))
    }

    #[test]
    fn a_packet_is_taken_when_it_has_arrived_whole() {
        assert_eq!(taken(b"", 10), Ok(None));
        assert_eq!(taken(b"\xc0", 10), Ok(None));
        assert_eq!(taken(b"\xc0\x00", 10), Ok(Some(2)));
        assert_eq!(taken(b"\x30\x03\x00\x01", 10), Ok(None));
        assert_eq!(taken(b"\x30\x03\x00\x01a", 10), Ok(Some(5)));
        assert_eq!(taken(b"\x30\x03\x00\x01a\xc0", 10), Ok(Some(5)));
    }

    #[test]
    fn an_impossible_packet_is_refused_from_its_header() {
        for server_only in [0x00, 0x20, 0x90, 0xb0, 0xd0] {
            assert_eq!(taken(&[server_only], 10), Err(FrameError::Type(server_only >> 4)));
        }
        assert_eq!(taken(b"\x30\x08", 10), Ok(None), "eight bytes, and two before them");
        assert_eq!(taken(b"\x30\x09", 10), Err(FrameError::TooLarge { length: 11, limit: 10 }));
        assert_eq!(
            taken(b"\x30\xff\xff\xff\x7f", 10),
            Err(FrameError::TooLarge { length: 268_435_460, limit: 10 })
        );
        assert_eq!(taken(b"\x30\xff\xff\xff\xff", 10), Err(FrameError::Length));
        assert_eq!(taken(b"\xc0\x01", 10), Err(FrameError::Content { length: 1 }));
    }

    proptest! {
        #[test]
        fn a_packet_is_the_same_however_it_arrives(
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            cut in 0..300usize,
        ) {
            let mut packet = vec![0x30];
            let mut length = payload.len();
            loop {
                let byte = u8::try_from(length % 128).unwrap();
                length /= 128;
                packet.push(if length > 0 { byte | 0x80 } else { byte });
                if length == 0 { break }
            }
            packet.extend(&payload);
            let cut = cut.min(packet.len() - 1);
            let mut received = BytesMut::from(&packet[..cut]);
            prop_assert_eq!(take(&mut received, packet.len()), Ok(None));
            received.extend_from_slice(&packet[cut..]);
            prop_assert_eq!(take(&mut received, packet.len()), Ok(Some(BytesMut::from(&packet[..]))));
        }
    }
}
