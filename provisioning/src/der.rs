//! Elements of DER, by their places: for what is read without being understood as a whole.

/// The tags of elements that are looked for.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element: its tag, its content, and all its octets.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// The first element, and what follows it. Lengths are definite, and need not be the shortest.
pub(crate) fn element(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&[tag, first], mut rest) = input.split_first_chunk::<2>()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let octets = usize::from(first & 0x7f);
        if octets == 0 || octets > 4 {
            return None;
        }
        let (digits, after) = rest.split_at_checked(octets)?;
        length = digits
            .iter()
            .try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add(usize::from(*digit)))?;
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = input.get(..input.len().checked_sub(rest.len())?)?;
    Some((Element { tag, content, whole }, rest))
}

/// The first element, if it has this tag.
pub(crate) fn tagged(input: &[u8], tag: u8) -> Option<(Element<'_>, &[u8])> {
    element(input).filter(|(element, _)| element.tag == tag)
}

/// All elements of a SEQUENCE or SET.
pub(crate) fn elements(mut content: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !content.is_empty() {
        let (next, rest) = element(content)?;
        elements.push(next);
        content = rest;
    }
    Some(elements)
}
