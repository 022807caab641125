//! Cutting DER (X.690) into elements, where the X.509 parser keeps too little of the encoding.

/// One element: its tag, its content, and all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Takes the first element off `bytes`. `None`: there is none, or its length is not in the shortest form.
pub(crate) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Element<'a>> {
    let (&tag, rest) = bytes.split_first()?;
    // No certificate uses tags above 30 (X.690 §8.1.2.4).
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
            let is_shortest = length > 0x7f && octets.first() != Some(&0);
            (is_shortest.then_some(length)?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len() - rest.len())?;
    *bytes = rest;
    Some(Element { tag, content, whole })
}

/// Takes the first element, which must have this tag.
pub(crate) fn expect<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<Element<'a>> {
    take(bytes).filter(|element| element.tag == tag)
}

/// The one element that `bytes` consist of, which must have this tag.
pub(crate) fn only(mut bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    expect(&mut bytes, tag).filter(|_| bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_cut_off_and_the_rest_stays() {
        let mut bytes: &[u8] = &[0x04, 2, 1, 2, 0x05, 0];
        let element = take(&mut bytes).unwrap();
        assert_eq!((element.tag, element.content, element.whole), (4, &[1, 2][..], &[4, 2, 1, 2][..]));
        assert_eq!(bytes, [0x05, 0]);
    }

    #[test]
    fn lengths_that_lie_or_are_not_the_shortest_are_none() {
        for bytes in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80],
            &[4, 0x81, 5, 1, 2, 3, 4, 5],
            &[4, 0x82, 0, 0x80],
            &[4, 0x84, 0, 0, 0, 1, 1],
            &[0x1f, 0x20, 0],
        ] {
            assert_eq!(take(&mut &*bytes), None, "{bytes:?}");
        }
        let long = [&[4, 0x81, 0x80][..], &[7; 128]].concat();
        assert_eq!(take(&mut &*long).unwrap().content.len(), 128);
    }
}
