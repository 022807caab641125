//! Eight bytes in flash, behind which their complement stands: what a power cut leaves of a record is none.

/// The length of a record, in bytes.
pub(crate) const LEN: usize = 16;

/// What is in a place where nothing was written.
pub(crate) const ERASED: [u8; LEN] = [0xFF; LEN];

/// The record of these bytes.
pub(crate) fn encode(content: [u8; 8]) -> [u8; LEN] {
    let [a, b, c, d, e, f, g, h] = content;
    [a, b, c, d, e, f, g, h, !a, !b, !c, !d, !e, !f, !g, !h]
}

/// The bytes of a record; `None` if it is none.
pub(crate) fn decode(record: &[u8; LEN]) -> Option<[u8; 8]> {
    let content = *record.first_chunk()?;
    (encode(content) == *record).then_some(content)
}
