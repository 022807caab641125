//! Fields of packets (MQTT 5 §1.5): read from a slice, written to a slice.

use core::fmt;
use core::num::NonZeroU16;

use super::PacketId;
use super::error::{Overflow, PacketError};

/// The longest fixed header: a type and a length (§2.1).
pub(super) const HEADER_LEN: usize = 5;

/// What is left of a packet.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Nothing may be left.
    pub(super) const fn end(self) -> Result<(), PacketError> {
        if self.0.is_empty() { Ok(()) } else { Err(PacketError::Trailing) }
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], PacketError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(PacketError::Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PacketError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(PacketError::Truncated)?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, PacketError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, PacketError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, PacketError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, PacketError> {
        NonZeroU16::new(self.u16()?).ok_or(PacketError::PacketId)
    }

    /// Variable byte integer (§1.5.5), in as few bytes as it needs.
    pub(super) fn variable(&mut self) -> Result<u32, PacketError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(value) } else { Err(PacketError::VariableByteInteger) };
            }
        }
        Err(PacketError::VariableByteInteger)
    }

    /// Binary data (§1.5.6).
    pub(super) fn binary(&mut self) -> Result<&'a [u8], PacketError> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }

    /// UTF-8 string (§1.5.4).
    pub(super) fn text(&mut self) -> Result<&'a str, PacketError> {
        let text = core::str::from_utf8(self.binary()?).map_err(|_| PacketError::Text)?;
        if text.contains('\0') { Err(PacketError::Text) } else { Ok(text) }
    }
}

/// A packet in the making. What does not fit is noticed at the end.
pub(super) struct Writer<'b> {
    buffer: &'b mut [u8],
    /// Behind the last byte written; the header's place is kept free in front.
    at: usize,
    overflow: bool,
}

impl<'b> Writer<'b> {
    pub(super) const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, at: HEADER_LEN, overflow: false }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at.saturating_add(bytes.len());
        match self.buffer.get_mut(self.at..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.at = end;
            }
            None => self.overflow = true,
        }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn variable(&mut self, value: u32) {
        let (bytes, length) = variable(value);
        self.bytes(bytes.get(..length).unwrap_or_default());
    }

    /// Binary data: its length, and it.
    pub(super) fn binary(&mut self, bytes: &[u8]) {
        match u16::try_from(bytes.len()) {
            Ok(length) => self.u16(length),
            Err(_) => self.overflow = true,
        }
        self.bytes(bytes);
    }

    /// A UTF-8 string as `text` prints itself.
    pub(super) fn text(&mut self, text: &impl fmt::Display) {
        let start = self.at;
        self.u16(0);
        // Its only error is overflow, which is noted.
        let _ = fmt::Write::write_fmt(self, format_args!("{text}"));
        let length = self.at.saturating_sub(start).saturating_sub(2);
        match (u16::try_from(length), self.buffer.get_mut(start..start + 2)) {
            (Ok(length), Some(place)) => place.copy_from_slice(&length.to_be_bytes()),
            _ => self.overflow = true,
        }
    }

    /// Puts the fixed header in front: `first`, and the length of what is written and of `more` bytes that follow.
    pub(super) fn finish(self, first: u8, more: usize) -> Result<&'b [u8], Overflow> {
        let Self { buffer, at, overflow } = self;
        if overflow || buffer.len() < HEADER_LEN {
            return Err(Overflow);
        }
        let length = at.saturating_sub(HEADER_LEN).saturating_add(more);
        let length = u32::try_from(length).ok().filter(|length| *length < 1 << 28).ok_or(Overflow)?;
        let (bytes, count) = variable(length);
        let start = HEADER_LEN - 1 - count;
        let packet = buffer.get_mut(start..at).ok_or(Overflow)?;
        let (type_byte, rest) = packet.split_first_mut().ok_or(Overflow)?;
        *type_byte = first;
        let length_field = rest.get_mut(..count).ok_or(Overflow)?;
        length_field.copy_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(packet)
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// A variable byte integer, and how many bytes it has.
fn variable(value: u32) -> ([u8; 4], usize) {
    let group = |shift: u32| (value >> shift & 0x7F) as u8;
    let groups = [group(0), group(7), group(14), group(21)];
    let count = match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    };
    let mut bytes = groups;
    for byte in bytes.iter_mut().take(count - 1) {
        *byte |= 0x80;
    }
    (bytes, count)
}
