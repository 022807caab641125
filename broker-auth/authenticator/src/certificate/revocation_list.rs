//! What a revocation list says: its frame, read whole, and its entries, one after the other.
//!
//! The parser's own type for a CRL holds every entry as a tree: a million entries take 600 MB. webpki's takes no version 1
//! and no list without extensions. So the list is walked here, element by element, as strictly as webpki does it.

use rustls_pki_types::UnixTime;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::DistinguishedName;
use super::der::{
    BIT_STRING, BOOLEAN, ENUMERATED, Elements, Expected, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    constructed, context, non_negative,
};
use super::distribution_point::{DistributionPointFault, IssuingDistributionPoint};

/// Object identifiers of the arc id-ce, 2.5.29 (RFC 5280 §5.2, §5.3).
const ID_CE: [u8; 2] = [0x55, 0x1d];
const CRL_NUMBER: u8 = 20;
const REASON_CODE: u8 = 21;
const INVALIDITY_DATE: u8 = 24;
const DELTA_CRL_INDICATOR: u8 = 27;
const ISSUING_DISTRIBUTION_POINT: u8 = 28;
const CERTIFICATE_ISSUER: u8 = 29;
const AUTHORITY_KEY_IDENTIFIER: u8 = 35;

/// A CRL number of more octets is not to be used (RFC 5280 §5.2.3).
const MAX_NUMBER_LEN: usize = 20;

/// An entry, or another part that is not the list of them, is shorter.
const MAX_PART_LEN: usize = 0xffff;

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
    pub(crate) next_update: Option<UnixTime>,
    /// The cRLNumber, big-endian.
    pub(crate) number: Option<&'a [u8]>,
    /// The key identifier of the authority key identifier.
    pub(crate) authority_key_id: Option<&'a [u8]>,
    /// What narrows down which certificates it speaks of (§5.2.5).
    pub(crate) distribution_point: Option<IssuingDistributionPoint>,
    version: Version,
    entries: Elements<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// Without extensions, of the list and of entries.
    One,
    Two,
}

/// Why a CRL cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListFault {
    /// It is no CRL in DER: what was expected.
    Malformed(Expected),
    /// It has an extension, or an entry with one, that must be understood and is not (§5.2, §5.3): its type, dotted.
    UnknownCritical(String),
    /// It lists only what changed since another one (§5.2.4), whose number this is, big-endian.
    Delta(Vec<u8>),
    /// An entry is about a certificate of another CA (§5.3.3).
    CertificateIssuer,
    /// Its issuing distribution point cannot be judged.
    DistributionPoint(DistributionPointFault),
}

impl From<Expected> for ListFault {
    fn from(expected: Expected) -> Self {
        Self::Malformed(expected)
    }
}

impl<'a> RevocationListFrame<'a> {
    /// Reads the frame of the CRL in `der`. Its entries are still to be read.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, ListFault> {
        let mut file = Elements::of(der);
        let mut list = file.inside(SEQUENCE, "a CertificateList")?;
        file.end("nothing after the CertificateList")?;
        let signed = list.next(SEQUENCE, "a TBSCertList")?;
        let algorithm = part(&mut list, SEQUENCE, "a signature algorithm")?;
        let signature = part(&mut list, BIT_STRING, "a signature")?;
        list.end("nothing after the signature")?;
        // A signature is a whole number of octets: no unused bits.
        let Some((0, signature)) = signature.contents.split_first() else {
            return Err(Expected("a signature of whole octets").into());
        };

        let mut tbs = Elements::of(signed.contents);
        let version = match tbs.optional(INTEGER, "a version")?.map(|version| version.contents) {
            None => Version::One,
            Some([1]) => Version::Two,
            Some(_) => return Err(Expected("version 1 or 2").into()),
        };
        let inner = part(&mut tbs, SEQUENCE, "the signature algorithm")?;
        if inner.contents != algorithm.contents {
            return Err(Expected("the same signature algorithm inside and outside").into());
        }
        let issuer = part(&mut tbs, SEQUENCE, "an issuer")?;
        let (_, issuer) = X509Name::from_der(issuer.whole).map_err(|_| Expected("an issuer"))?;
        let this_update = tbs.time("thisUpdate")?;
        let next_update = match tbs.tag() {
            Some(super::der::UTC_TIME | super::der::GENERALIZED_TIME) => Some(tbs.time("nextUpdate")?),
            _ => None,
        };
        let entries = match tbs.optional(SEQUENCE, "the entries")? {
            Some(entries) => Elements::of(entries.contents),
            // A CRL without entries has no list of them (§5.1.2.6).
            None => Elements::of(&[]),
        };
        let mut frame = Self {
            signed: signed.whole,
            algorithm: algorithm.contents,
            signature,
            issuer: DistinguishedName::read(&issuer),
            this_update,
            next_update,
            number: None,
            authority_key_id: None,
            distribution_point: None,
            version,
            entries,
        };
        if !tbs.is_empty() {
            if version == Version::One {
                return Err(Expected("no extension in a list of version 1").into());
            }
            let mut tagged = Elements::of(part(&mut tbs, constructed(0), "extensions")?.contents);
            tbs.end("nothing after the extensions")?;
            let extensions = tagged.inside(SEQUENCE, "extensions")?;
            tagged.end("nothing after the extensions")?;
            frame.read_extensions(extensions)?;
        }
        Ok(frame)
    }

    fn read_extensions(&mut self, mut extensions: Elements<'a>) -> Result<(), ListFault> {
        loop {
            let extension = Extension::read(&mut extensions)?;
            let value = extension.value;
            match extension.id_ce() {
                Some(CRL_NUMBER) => {
                    let number = read_number(value).ok_or(Expected("a cRLNumber"))?;
                    once(&mut self.number, number, "one cRLNumber")?;
                }
                Some(DELTA_CRL_INDICATOR) => {
                    let base = read_number(value).ok_or(Expected("a BaseCRLNumber"))?;
                    return Err(ListFault::Delta(base.to_vec()));
                }
                Some(ISSUING_DISTRIBUTION_POINT) => {
                    let point =
                        IssuingDistributionPoint::read(value).map_err(ListFault::DistributionPoint)?;
                    once(&mut self.distribution_point, point, "one issuing distribution point")?;
                }
                Some(AUTHORITY_KEY_IDENTIFIER) => {
                    self.authority_key_id = read_key_id(value)?;
                }
                _ => extension.refuse_if_critical()?,
            }
            if extensions.is_empty() {
                return Ok(());
            }
        }
    }

    /// Its entries in order; after one that cannot be judged there is none.
    pub(crate) fn entries(&self) -> Entries<'a> {
        Entries { rest: self.entries, version: self.version }
    }
}

/// An entry of a CRL (RFC 5280 §5.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RevokedEntry<'a> {
    /// The contents of the serial number.
    pub(crate) serial: &'a [u8],
    /// When the CA processed the revocation.
    pub(crate) at: UnixTime,
    /// Why; without a reason code it is unspecified.
    pub(crate) reason: RevocationReason,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum RevocationReason {
    #[default]
    /// No reason was given.
    Unspecified = 0,
    /// Its key has fallen into other hands, or may have.
    KeyCompromise = 1,
    /// The key of its CA has.
    CaCompromise = 2,
    /// What it says of its subject is no longer so.
    AffiliationChanged = 3,
    /// Another one has taken its place.
    Superseded = 4,
    /// It is no longer needed.
    CessationOfOperation = 5,
    /// It is on hold, and may come back.
    CertificateHold = 6,
    /// It was on hold, and is no longer.
    RemoveFromCrl = 8,
    /// Its subject has lost a privilege.
    PrivilegeWithdrawn = 9,
    /// The key of an attribute authority has fallen into other hands.
    AaCompromise = 10,
}

impl RevocationReason {
    /// The reason with this code.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }

    /// Its name in RFC 5280.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

/// The entries of a CRL, read while they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a> {
    rest: Elements<'a>,
    version: Version,
}

impl Entries<'_> {
    /// How many elements there are, readable or not.
    pub(crate) fn count_elements(&self) -> usize {
        let mut rest = self.rest;
        std::iter::from_fn(|| rest.any()).count()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<RevokedEntry<'a>, ListFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.rest = Elements::of(&[]);
        }
        Some(entry)
    }
}

impl<'a> Entries<'a> {
    fn read(&mut self) -> Result<RevokedEntry<'a>, ListFault> {
        let mut fields = Elements::of(part(&mut self.rest, SEQUENCE, "an entry")?.contents);
        let serial = fields.next(INTEGER, "a serial number")?.contents;
        let at = fields.time("a revocation date")?;
        let mut entry = RevokedEntry { serial, at, reason: RevocationReason::default() };
        if fields.is_empty() {
            return Ok(entry);
        }
        if self.version == Version::One {
            return Err(Expected("no entry extension in a list of version 1").into());
        }
        let mut extensions = fields.inside(SEQUENCE, "entry extensions")?;
        fields.end("nothing after the entry extensions")?;
        let (mut reason, mut invalidity_date) = (None, None);
        // Some CAs write an empty list where there should be none.
        while !extensions.is_empty() {
            let extension = Extension::read(&mut extensions)?;
            let mut value = Elements::of(extension.value);
            match extension.id_ce() {
                Some(REASON_CODE) => {
                    let code = value.next(ENUMERATED, "a reason code")?;
                    value.end("a reason code")?;
                    let [code] = code.contents else { return Err(Expected("a reason code").into()) };
                    let code = RevocationReason::of_code(*code).ok_or(Expected("a known reason code"))?;
                    once(&mut reason, code, "one reason code")?;
                }
                Some(INVALIDITY_DATE) => {
                    let date = value.time("an invalidity date")?;
                    value.end("an invalidity date")?;
                    once(&mut invalidity_date, date, "one invalidity date")?;
                }
                Some(CERTIFICATE_ISSUER) => return Err(ListFault::CertificateIssuer),
                _ => extension.refuse_if_critical()?,
            }
        }
        entry.reason = reason.unwrap_or_default();
        Ok(entry)
    }
}

/// An extension of a list or an entry.
struct Extension<'a> {
    id: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    fn read(list: &mut Elements<'a>) -> Result<Self, Expected> {
        let mut fields = Elements::of(part(list, SEQUENCE, "an extension")?.contents);
        let id = fields.next(OBJECT_IDENTIFIER, "the type of an extension")?.contents;
        let critical = match fields.optional(BOOLEAN, "a BOOLEAN")?.map(|critical| critical.contents) {
            // The default is not to be written, and some do.
            None | Some([0x00]) => false,
            Some([0xff]) => true,
            Some(_) => return Err(Expected("a BOOLEAN")),
        };
        let value = fields.next(OCTET_STRING, "the value of an extension")?.contents;
        fields.end("nothing after the value of an extension")?;
        Ok(Self { id, critical, value })
    }

    /// Its number in the arc id-ce.
    fn id_ce(&self) -> Option<u8> {
        match self.id.strip_prefix(&ID_CE)? {
            [number] => Some(*number),
            _ => None,
        }
    }

    fn refuse_if_critical(&self) -> Result<(), ListFault> {
        if !self.critical {
            return Ok(());
        }
        let id = x509_parser::oid_registry::Oid::new(self.id.into()).to_id_string();
        Err(ListFault::UnknownCritical(id))
    }
}

/// The next element, which must have this tag and is none of the long ones.
fn part<'a>(
    elements: &mut Elements<'a>,
    tag: u8,
    expected: &'static str,
) -> Result<super::der::Element<'a>, Expected> {
    let element = elements.next(tag, expected)?;
    if element.contents.len() < MAX_PART_LEN { Ok(element) } else { Err(Expected(expected)) }
}

fn once<T>(place: &mut Option<T>, value: T, expected: &'static str) -> Result<(), Expected> {
    if place.is_some() {
        return Err(Expected(expected));
    }
    *place = Some(value);
    Ok(())
}

/// The octets of a CRLNumber, without its sign octet.
fn read_number(value: &[u8]) -> Option<&[u8]> {
    let mut value = Elements::of(value);
    let number = value.next(INTEGER, "").ok()?;
    value.end("").ok()?;
    non_negative(number.contents).filter(|octets| octets.len() <= MAX_NUMBER_LEN)
}

/// The key identifier of an AuthorityKeyIdentifier (RFC 5280 §4.2.1.1).
fn read_key_id(value: &[u8]) -> Result<Option<&[u8]>, Expected> {
    const EXPECTED: &str = "an authority key identifier";
    let mut value = Elements::of(value);
    let mut fields = value.inside(SEQUENCE, EXPECTED)?;
    value.end(EXPECTED)?;
    Ok(fields.optional(context(0), EXPECTED)?.map(|id| id.contents))
}

#[cfg(test)]
mod tests;
