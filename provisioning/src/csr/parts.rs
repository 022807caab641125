//! The parts of a PKCS#10 request, by their places: what is not used need not be understood.

use crate::der::{BIT_STRING, Element, INTEGER, OID, SEQUENCE, tagged};

/// The tag of `attributes`.
const ATTRIBUTES: u8 = 0xa0;

/// The parts of a request that are used.
pub(super) struct Parts<'a> {
    /// `certificationRequestInfo`, which is what is signed.
    pub(super) info: &'a [u8],
    /// `subject`.
    pub(super) subject: &'a [u8],
    /// `subjectPKInfo`.
    pub(super) spki: &'a [u8],
    /// The OID in `signatureAlgorithm`, its content octets.
    pub(super) algorithm: &'a [u8],
    /// `signature`.
    pub(super) signature: &'a [u8],
}

/// The parts of a request, and how many octets follow it. Absent and empty attributes are the same, as OpenSSL has it;
/// the version is not looked at.
pub(super) fn parts(der: &[u8]) -> Option<(Parts<'_>, usize)> {
    let (request, after) = tagged(der, SEQUENCE)?;
    let (info, rest) = tagged(request.content, SEQUENCE)?;
    let (algorithm, rest) = tagged(rest, SEQUENCE)?;
    let (signature, rest) = tagged(rest, BIT_STRING)?;
    let (algorithm, _) = tagged(algorithm.content, OID)?;
    let (&unused, signature) = signature.content.split_first()?;
    let (_, in_info) = tagged(info.content, INTEGER)?;
    let (subject, in_info) = tagged(in_info, SEQUENCE)?;
    let (spki, in_info) = tagged(in_info, SEQUENCE)?;
    let attributes_end = in_info.is_empty() || tagged(in_info, ATTRIBUTES)?.1.is_empty();
    let parts = Parts {
        info: info.whole,
        subject: subject.whole,
        spki: spki.whole,
        algorithm: algorithm.content,
        signature,
    };
    (rest.is_empty() && unused == 0 && attributes_end).then_some((parts, after.len()))
}

/// Whether a signature is a SEQUENCE of two positive INTEGERs in DER, as ECDSA has it in X.509.
pub(super) fn is_ecdsa_signature(signature: &[u8]) -> bool {
    let Some((sequence, [])) = tagged(signature, SEQUENCE) else { return false };
    let after_r = after_integer(sequence.content);
    is_short(sequence) && after_r.and_then(after_integer).is_some_and(<[u8]>::is_empty)
}

/// What follows a positive INTEGER in DER.
fn after_integer(input: &[u8]) -> Option<&[u8]> {
    let (integer, rest) = tagged(input, INTEGER)?;
    let is_shortest = match integer.content {
        [0x00, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
        [] => false,
    };
    (is_shortest && is_short(integer)).then_some(rest)
}

/// Whether the length of an element has one octet, as all lengths in a signature by P-256 have.
fn is_short(element: Element<'_>) -> bool {
    element.whole.len() == element.content.len() + 2
}
