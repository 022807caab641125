//! What a revocation list says about itself; its entries are read elsewhere.
//!
//! The parser's own type for a CRL holds every entry as a tree: a million entries take 600 MB. So the frame is walked
//! here, element by element, and the entries are skipped.

use rustls_pki_types::UnixTime;
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::DistinguishedName;
use super::fields::unix_time;

/// The frame of a CRL (RFC 5280 §5.1).
#[derive(Debug)]
pub(crate) struct RevocationListFrame<'a> {
    /// What is signed.
    pub(crate) signed: &'a [u8],
    /// The signature algorithm: the contents of its AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) issuer: DistinguishedName,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    /// The cRLNumber, big-endian.
    pub(crate) number: Option<Vec<u8>>,
    /// The key identifier of the authority key identifier.
    pub(crate) authority_key_id: Option<Box<[u8]>>,
    /// Whether an issuing distribution point (§5.2.5) narrows down which certificates it speaks of.
    pub(crate) is_partial: bool,
}

/// A CRL whose frame cannot be read: what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BrokenFrame(pub(crate) &'static str);

impl<'a> RevocationListFrame<'a> {
    /// Reads the frame of the CRL in `der`.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, BrokenFrame> {
        let (outer, rest) = element(der, Tag::Sequence, "a CertificateList")?;
        if !rest.is_empty() {
            return Err(BrokenFrame("nothing after the CertificateList"));
        }
        let (tbs, rest) = element(outer.contents, Tag::Sequence, "a TBSCertList")?;
        let (algorithm, rest) = element(rest, Tag::Sequence, "a signature algorithm")?;
        let (signature, _) = element(rest, Tag::BitString, "a signature")?;
        // A signature is a whole number of octets: no unused bits.
        let Some((0, signature)) = signature.contents.split_first() else {
            return Err(BrokenFrame("a signature of whole octets"));
        };

        let (_, rest) = element(tbs.contents, Tag::Integer, "a version")?;
        let (_, rest) = element(rest, Tag::Sequence, "the signature algorithm")?;
        let (issuer, rest) = element(rest, Tag::Sequence, "an issuer")?;
        let (_, issuer_name) = X509Name::from_der(issuer.whole).map_err(|_| BrokenFrame("an issuer"))?;
        let (rest, this_update) = ASN1Time::from_der(rest).map_err(|_| BrokenFrame("thisUpdate"))?;
        let (rest, next_update) = ASN1Time::from_der(rest).map_err(|_| BrokenFrame("nextUpdate"))?;
        let rest = match element(rest, Tag::Sequence, "the entries") {
            Ok((_, rest)) => rest,
            // A CRL without entries has no list of them (§5.1.2.6).
            Err(_) => rest,
        };
        let mut frame = Self {
            signed: tbs.whole,
            algorithm: algorithm.contents,
            signature,
            issuer: DistinguishedName::read(&issuer_name),
            this_update: unix_time(this_update),
            next_update: unix_time(next_update),
            number: None,
            authority_key_id: None,
            is_partial: false,
        };
        if !rest.is_empty() {
            frame.read_extensions(rest)?;
        }
        Ok(frame)
    }

    fn read_extensions(&mut self, explicit: &'a [u8]) -> Result<(), BrokenFrame> {
        const EXPECTED: BrokenFrame = BrokenFrame("extensions");
        let (_, tagged) = Any::from_der(explicit).map_err(|_| EXPECTED)?;
        if tagged.class() != Class::ContextSpecific || tagged.tag() != Tag(0) {
            return Err(EXPECTED);
        }
        let (mut list, _) = element_contents(tagged.data, Tag::Sequence, EXPECTED)?;
        while !list.is_empty() {
            let (rest, extension) = X509Extension::from_der(list).map_err(|_| EXPECTED)?;
            list = rest;
            match extension.parsed_extension() {
                ParsedExtension::CRLNumber(number) => self.number = Some(number.to_bytes_be()),
                ParsedExtension::AuthorityKeyIdentifier(key) => {
                    self.authority_key_id = key.key_identifier.as_ref().map(|id| id.0.into());
                }
                ParsedExtension::IssuingDistributionPoint(_) => self.is_partial = true,
                ParsedExtension::ParseError { .. } => return Err(BrokenFrame("extensions that can be read")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// One DER element: with and without its header.
struct Element<'a> {
    whole: &'a [u8],
    contents: &'a [u8],
}

/// The element at the start of `input`, which must be of `tag`, and what follows it.
fn element<'a>(
    input: &'a [u8],
    tag: Tag,
    expected: &'static str,
) -> Result<(Element<'a>, &'a [u8]), BrokenFrame> {
    let (contents, rest) = element_contents(input, tag, BrokenFrame(expected))?;
    let length = input.len() - rest.len();
    let whole = input.get(..length).ok_or(BrokenFrame(expected))?;
    Ok((Element { whole, contents }, rest))
}

fn element_contents(input: &[u8], tag: Tag, expected: BrokenFrame) -> Result<(&[u8], &[u8]), BrokenFrame> {
    let (rest, any) = Any::from_der(input).map_err(|_| expected)?;
    if any.class() != Class::Universal || any.tag() != tag {
        return Err(expected);
    }
    Ok((any.data, rest))
}
