//! Certificates taken apart, changed where no library would, and signed again.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::pki::Certified;

/// An element of DER, with the shortest length there is.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let header = match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => vec![tag, short],
        Ok(long) => vec![tag, 0x81, long],
        Err(_) => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    [&header, content].concat()
}

/// ecdsa-with-SHA256.
pub const ALGORITHM: [u8; 12] = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// A certificate in its parts, each a whole element. Broken parts are signed like good ones.
#[derive(Clone)]
pub struct Parts {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub validity: Vec<u8>,
    pub subject: Vec<u8>,
    pub key: Vec<u8>,
    pub unique_ids: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
    pub after_extensions: Vec<u8>,
    pub outer_algorithm: Vec<u8>,
}

impl Parts {
    /// The parts of a good certificate.
    pub fn of(der: &[u8]) -> Self {
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        let tbs = &certificate.tbs_certificate;
        let time = |time: x509_parser::time::ASN1Time| {
            let time = time.to_datetime();
            let (date, clock) = (time.date(), time.time());
            let text = format!(
                "{:02}{:02}{:02}{:02}{:02}{:02}Z",
                date.year() % 100,
                u8::from(date.month()),
                date.day(),
                clock.hour(),
                clock.minute(),
                clock.second()
            );
            tlv(0x17, text.as_bytes())
        };
        let extensions = tbs.extensions().iter().map(|extension| {
            let critical = if extension.critical { vec![1, 1, 0xff] } else { vec![] };
            let id = tlv(6, extension.oid.as_bytes());
            tlv(0x30, &[id, critical, tlv(4, extension.value)].concat())
        });
        Self {
            version: vec![0xa0, 3, 2, 1, 2],
            serial: tlv(2, tbs.raw_serial()),
            algorithm: ALGORITHM.to_vec(),
            issuer: tbs.issuer.as_raw().to_vec(),
            validity: tlv(0x30, &[time(tbs.validity.not_before), time(tbs.validity.not_after)].concat()),
            subject: tbs.subject.as_raw().to_vec(),
            key: tbs.subject_pki.raw.to_vec(),
            unique_ids: Vec::new(),
            extensions: extensions.collect(),
            after_extensions: Vec::new(),
            outer_algorithm: ALGORITHM.to_vec(),
        }
    }

    /// What is signed.
    pub fn tbs(&self) -> Vec<u8> {
        let list = tlv(0x30, &self.extensions.concat());
        let fields = [
            &self.version,
            &self.serial,
            &self.algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.key,
            &self.unique_ids,
            &tlv(0xa3, &list),
            &self.after_extensions,
        ];
        tlv(0x30, &fields.map(|field| field.as_slice()).concat())
    }

    /// A certificate of these parts, signed by `issuer`.
    pub fn sign(&self, issuer: &Certified) -> Vec<u8> {
        assemble(&self.tbs(), &self.outer_algorithm, issuer)
    }
}

/// A certificate around a TBSCertificate, signed.
pub fn assemble(tbs: &[u8], algorithm: &[u8], issuer: &Certified) -> Vec<u8> {
    let signature = signature(&issuer.scalar(), tbs);
    tlv(0x30, &[tbs, algorithm, &tlv(3, &[&[0], signature.as_bytes()].concat())].concat())
}

/// ECDSA with SHA-256, and the nonce of RFC 6979.
pub fn signature(scalar: &[u8; 32], message: &[u8]) -> DerSignature {
    SigningKey::from_slice(scalar).unwrap().sign(message)
}
