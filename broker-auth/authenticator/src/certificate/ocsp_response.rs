//! [`OcspResponseFrame`]: who says to have signed an OCSP answer, and what exactly is signed.
//!
//! What is signed stays the octets that came: an answer that is decoded and encoded again is another one.

use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::DistinguishedName;
use super::der::{BIT_STRING, Elements, Expected, INTEGER, OCTET_STRING, SEQUENCE, constructed};

/// The frame of a BasicOCSPResponse (RFC 6960 §4.2.1). Nothing of it is proven.
#[derive(Debug)]
pub(crate) struct OcspResponseFrame<'a> {
    /// What is signed: the ResponseData, whole.
    pub(crate) signed: &'a [u8],
    /// The signature algorithm: the contents of its AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// Who signed, as it says.
    pub(crate) responder: ResponderId<'a>,
    certificates: Elements<'a>,
}

/// Whom an answer says to be by (RFC 6960 §4.2.1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ResponderId<'a> {
    /// The subject of the signer's certificate.
    Name(DistinguishedName),
    /// SHA-1 of the signer's key.
    Key(&'a [u8]),
}

impl<'a> OcspResponseFrame<'a> {
    /// Reads the frame of the BasicOCSPResponse in `der`. What it says of certificates is still to be read.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Expected> {
        let mut file = Elements::of(der);
        let mut basic = file.inside(SEQUENCE, "a BasicOCSPResponse")?;
        file.end("nothing after the BasicOCSPResponse")?;
        let signed = basic.next(SEQUENCE, "a ResponseData")?;
        let algorithm = basic.next(SEQUENCE, "a signature algorithm")?.contents;
        // A signature is a whole number of octets: no unused bits.
        let Some((0, signature)) = basic.next(BIT_STRING, "a signature")?.contents.split_first() else {
            return Err(Expected("a signature of whole octets"));
        };
        let certificates = match basic.optional(constructed(0), "the certificates")? {
            Some(tagged) => {
                let mut tagged = Elements::of(tagged.contents);
                let certificates = tagged.inside(SEQUENCE, "the certificates")?;
                tagged.end("nothing after the certificates")?;
                certificates
            }
            None => Elements::of(&[]),
        };
        basic.end("nothing after the certificates")?;
        let responder = read_responder(Elements::of(signed.contents))?;
        Ok(Self { signed: signed.whole, algorithm, signature, responder, certificates })
    }

    /// The certificates that came along, each in DER, up to the first thing that is none.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.certificates;
        std::iter::from_fn(move || rest.next(SEQUENCE, "a certificate").ok().map(|element| element.whole))
    }
}

/// The responder of a ResponseData.
fn read_responder(mut data: Elements<'_>) -> Result<ResponderId<'_>, Expected> {
    const EXPECTED: &str = "a responder";
    const NAME: u8 = constructed(1);
    const KEY: u8 = constructed(2);
    if let Some(version) = data.optional(constructed(0), "a version")? {
        let mut version = Elements::of(version.contents);
        let number = version.next(INTEGER, "a version")?.contents;
        version.end("a version")?;
        if number != [0] {
            return Err(Expected("version 1"));
        }
    }
    let choice = data.any().ok_or(Expected(EXPECTED))?;
    let mut contents = Elements::of(choice.contents);
    let responder = match choice.tag {
        NAME => {
            let name = contents.next(SEQUENCE, EXPECTED)?;
            let (_, name) = X509Name::from_der(name.whole).map_err(|_| Expected(EXPECTED))?;
            ResponderId::Name(DistinguishedName::read(&name))
        }
        KEY => ResponderId::Key(contents.next(OCTET_STRING, EXPECTED)?.contents),
        _ => return Err(Expected(EXPECTED)),
    };
    contents.end(EXPECTED)?;
    Ok(responder)
}
