//! A strict, zero-copy reader of DER (ITU-T X.690 §10): no allocation, no index, no recursion.
//!
//! What BER allows and DER forbids is refused: indefinite and non-minimal lengths, tag numbers above 30, content
//! left over. So the bytes of a certificate have one reading, here and in every other strict parser.

/// Why bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The bytes end inside an element.
    #[error("the DER ends early")]
    Truncated,
    /// Another tag than the one that must stand there.
    #[error("DER tag {found:#04x} stands where {expected:#04x} must")]
    Tag {
        /// The tag that must stand there.
        expected: u8,
        /// The tag that does.
        found: u8,
    },
    /// A tag number above 30, which nothing in a certificate uses.
    #[error("DER tag of several bytes")]
    LongTag,
    /// A length that is indefinite, not the shortest form, or above 65535.
    #[error("DER length that is not minimal, or too long")]
    Length,
    /// Bytes follow where the element must end.
    #[error("bytes follow the end of the DER")]
    Trailing,
    /// A BOOLEAN of another length than one byte, or neither 0x00 nor 0xFF.
    #[error("DER BOOLEAN is neither 0x00 nor 0xff")]
    Boolean,
    /// An INTEGER that is empty, not minimal, negative, or too large.
    #[error("DER INTEGER is empty, not minimal, negative or too large")]
    Integer,
    /// A BIT STRING with unused bits where whole bytes must be, or with unused bits that are set.
    #[error("DER BIT STRING with unused bits")]
    BitString,
    /// An OBJECT IDENTIFIER that is empty or not minimal.
    #[error("DER OBJECT IDENTIFIER is empty or not minimal")]
    ObjectIdentifier,
}

/// Identifier octets (X.690 §8.1.2).
pub(super) mod tag {
    pub(in crate::x509) const BOOLEAN: u8 = 0x01;
    pub(in crate::x509) const INTEGER: u8 = 0x02;
    pub(in crate::x509) const BIT_STRING: u8 = 0x03;
    pub(in crate::x509) const OCTET_STRING: u8 = 0x04;
    pub(in crate::x509) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(in crate::x509) const UTF8_STRING: u8 = 0x0c;
    pub(in crate::x509) const PRINTABLE_STRING: u8 = 0x13;
    pub(in crate::x509) const UTC_TIME: u8 = 0x17;
    pub(in crate::x509) const GENERALIZED_TIME: u8 = 0x18;
    pub(in crate::x509) const SEQUENCE: u8 = 0x30;
    pub(in crate::x509) const SET: u8 = 0x31;
}

/// One element: its identifier octet and its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Identifier, length and content.
    pub(super) whole: &'a [u8],
}

/// What is left to read of some content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(content: &'a [u8]) -> Self {
        Self { rest: content }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Nothing may be left.
    pub(super) const fn end(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }

    /// The next element, whatever it is.
    pub(super) fn element(&mut self) -> Result<Element<'a>, DerError> {
        let start = self.rest;
        let tag = self.byte()?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::LongTag);
        }
        let length = self.length()?;
        let (content, rest) = self.rest.split_at_checked(length).ok_or(DerError::Truncated)?;
        let whole = start.get(..start.len() - rest.len()).ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Element { tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, expected: u8) -> Result<Element<'a>, DerError> {
        let element = self.element()?;
        if element.tag == expected {
            Ok(element)
        } else {
            Err(DerError::Tag { expected, found: element.tag })
        }
    }

    /// The next element if it has this tag; nothing is consumed otherwise.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.rest.first() == Some(&tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// The content of the next element, which must be a SEQUENCE.
    pub(super) fn sequence(&mut self) -> Result<Self, DerError> {
        Ok(Self::new(self.expect(tag::SEQUENCE)?.content))
    }

    /// `BOOLEAN DEFAULT FALSE`. An explicit FALSE is let pass: DER forbids it, and issuers write it all the same.
    pub(super) fn boolean_or_false(&mut self) -> Result<bool, DerError> {
        match self.optional(tag::BOOLEAN)?.map(|element| element.content) {
            None | Some([0x00]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(DerError::Boolean),
        }
    }

    /// The content octets of an INTEGER that is minimal and not negative.
    pub(super) fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        let content = self.expect(tag::INTEGER)?.content;
        match content {
            [] | [0x80..=0xff, ..] | [0x00, 0x00..=0x7f, ..] => Err(DerError::Integer),
            _ => Ok(content),
        }
    }

    /// An OBJECT IDENTIFIER, as its content octets.
    pub(super) fn object_identifier(&mut self) -> Result<&'a [u8], DerError> {
        let content = self.expect(tag::OBJECT_IDENTIFIER)?.content;
        let ends = content.last().is_some_and(|last| last & 0x80 == 0);
        // A component never starts with a digit of value zero (X.690 §8.19.2).
        let starts = |before: u8| before & 0x80 == 0;
        let padded = content.first() == Some(&0x80)
            || content
                .iter()
                .zip(content.iter().skip(1))
                .any(|(&before, &byte)| starts(before) && byte == 0x80);
        if ends && !padded { Ok(content) } else { Err(DerError::ObjectIdentifier) }
    }

    /// A BIT STRING of whole bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(tag::BIT_STRING)?.content {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(DerError::BitString),
        }
    }

    /// The first eight bits of a BIT STRING of named bits, bit 0 the most significant. Unused bits must be zero,
    /// and trailing zero bits must have been removed (X.690 §11.2).
    pub(super) fn named_bits(&mut self) -> Result<u8, DerError> {
        match self.expect(tag::BIT_STRING)?.content {
            [0] => Ok(0),
            [unused @ 0..=7, bits @ ..] => match (bits.first(), bits.last()) {
                (Some(&first), Some(&last)) if last.trailing_zeros() == u32::from(*unused) => Ok(first),
                _ => Err(DerError::BitString),
            },
            _ => Err(DerError::BitString),
        }
    }

    fn length(&mut self) -> Result<usize, DerError> {
        match self.byte()? {
            short @ 0..=0x7f => Ok(usize::from(short)),
            0x81 => match self.byte()? {
                0..=0x7f => Err(DerError::Length),
                length => Ok(usize::from(length)),
            },
            0x82 => match u16::from_be_bytes([self.byte()?, self.byte()?]) {
                0..=0xff => Err(DerError::Length),
                length => Ok(usize::from(length)),
            },
            _ => Err(DerError::Length),
        }
    }

    fn byte(&mut self) -> Result<u8, DerError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }
}
