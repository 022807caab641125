//! Where a list is published, as it says itself, and as certificates say of the list they are on.

use super::der::{Elements, Expected, SEQUENCE, constructed, context};

const EXPECTED: &str = "an issuing distribution point";

/// The issuing distribution point of a CRL (RFC 5280 §5.2.5), of those kinds that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuingDistributionPoint {
    /// The URIs of its distribution point. With one, it speaks of the certificates that name it; without, of all.
    pub(crate) uris: Vec<String>,
    /// It says nothing about certificates of CAs.
    pub(crate) only_user_certificates: bool,
}

/// Why an issuing distribution point cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DistributionPointFault {
    /// It is no IssuingDistributionPoint: what was expected.
    Malformed(Expected),
    /// `onlySomeReasons`
    SomeReasons,
    /// `onlyContainsCACerts`
    CaCertificates,
    /// `onlyContainsAttributeCerts`
    AttributeCertificates,
    /// `indirectCRL`
    Indirect,
    /// `nameRelativeToCRLIssuer`
    RelativeName,
    /// Its names are none that a configuration could have.
    NoUri,
}

impl From<Expected> for DistributionPointFault {
    fn from(expected: Expected) -> Self {
        Self::Malformed(expected)
    }
}

impl IssuingDistributionPoint {
    /// Reads the value of the extension.
    pub(super) fn read(value: &[u8]) -> Result<Self, DistributionPointFault> {
        let mut value = Elements::of(value);
        let mut fields = value.inside(SEQUENCE, EXPECTED)?;
        value.end(EXPECTED)?;
        let point = fields.optional(constructed(0), EXPECTED)?;
        let (only_user_certificates, only_cas) = (flag(&mut fields, 1)?, flag(&mut fields, 2)?);
        let some_reasons = fields.optional(context(3), EXPECTED)?.is_some();
        let (indirect, only_attributes) = (flag(&mut fields, 4)?, flag(&mut fields, 5)?);
        fields.end(EXPECTED)?;
        for (is_so, fault) in [
            (indirect, DistributionPointFault::Indirect),
            (some_reasons, DistributionPointFault::SomeReasons),
            (only_attributes, DistributionPointFault::AttributeCertificates),
            (only_cas, DistributionPointFault::CaCertificates),
        ] {
            if is_so {
                return Err(fault);
            }
        }
        let uris = match point {
            Some(point) => read_point(point.contents)?,
            // It says nothing, which §5.2.5 forbids, whether it is empty or says so field by field.
            None if !only_user_certificates => return Err(Expected(EXPECTED).into()),
            None => Vec::new(),
        };
        Ok(Self { uris, only_user_certificates })
    }
}

/// A BOOLEAN that is false by default. The default is not to be written, and some do.
fn flag(fields: &mut Elements<'_>, number: u8) -> Result<bool, Expected> {
    match fields.optional(context(number), EXPECTED)?.map(|flag| flag.contents) {
        None | Some([0x00]) => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(Expected(EXPECTED)),
    }
}

/// The URIs of a DistributionPointName.
fn read_point(name: &[u8]) -> Result<Vec<String>, DistributionPointFault> {
    const EXPECTED: Expected = Expected("a distribution point");
    const FULL_NAME: u8 = constructed(0);
    const RELATIVE_NAME: u8 = constructed(1);
    let mut name = Elements::of(name);
    let choice = name.any().ok_or(EXPECTED)?;
    name.end(EXPECTED.0)?;
    match choice.tag {
        RELATIVE_NAME => return Err(DistributionPointFault::RelativeName),
        FULL_NAME => {}
        _ => return Err(EXPECTED.into()),
    }
    let mut names = Elements::of(choice.contents);
    let mut uris = Vec::new();
    while !names.is_empty() {
        let name = names.any().ok_or(EXPECTED)?;
        // uniformResourceIdentifier: an IA5String.
        if name.tag == context(6) {
            let uri = std::str::from_utf8(name.contents).ok().filter(|uri| uri.is_ascii());
            uris.push(uri.ok_or(EXPECTED)?.to_owned());
        }
    }
    if uris.is_empty() { Err(DistributionPointFault::NoUri) } else { Ok(uris) }
}
