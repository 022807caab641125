//! Revocation lists that a CA library would not write: built by hand, and properly signed.

use rcgen::SigningKey;

use crate::pki::{Ca, DAY, TODAY, date};

/// What is in the list. Everything is optional, so that anything can be missing.
pub(crate) struct UnusualCrl {
    pub(crate) number: Option<u64>,
    pub(crate) this_update: u64,
    pub(crate) next_update: Option<u64>,
    /// Version 2 says so; version 1 says nothing.
    pub(crate) is_version_2: bool,
    /// Content octets of the serial numbers, and the DER of entry extensions.
    pub(crate) entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// The DER of further list extensions.
    pub(crate) extensions: Vec<u8>,
}

impl Default for UnusualCrl {
    fn default() -> Self {
        Self {
            number: Some(11),
            this_update: TODAY,
            next_update: Some(TODAY + 7 * DAY),
            is_version_2: true,
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

/// One DER element.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match contents.len() {
        short @ 0..=127 => der.push(short as u8),
        long => {
            let octets = long.to_be_bytes();
            let octets: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            der.push(0x80 | octets.len() as u8);
            der.extend(octets);
        }
    }
    der.extend(contents);
    der
}

/// An extension, by the contents of its type.
pub(crate) fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![0x01, 0x01, 0xff] } else { Vec::new() };
    element(0x30, &[element(0x06, oid), critical, element(0x04, value)].concat())
}

/// The issuing distribution point with these fields.
pub(crate) fn idp(fields: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1d, 0x1c], true, &element(0x30, fields))
}

/// The distribution point with this URL.
pub(crate) fn at(url: &str) -> Vec<u8> {
    element(0xa0, &element(0xa0, &element(0x86, url.as_bytes())))
}

fn generalized_time(seconds: u64) -> Vec<u8> {
    let time = date(seconds);
    let text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    element(0x18, text.as_bytes())
}

impl UnusualCrl {
    pub(crate) fn signed_by(&self, ca: &Ca) -> Vec<u8> {
        // ecdsa-with-SHA256
        let algorithm = element(0x30, &element(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
        let entries = self.entries.iter().flat_map(|(serial, extensions)| {
            let extensions = if extensions.is_empty() { Vec::new() } else { element(0x30, extensions) };
            element(0x30, &[element(0x02, serial), generalized_time(TODAY - DAY), extensions].concat())
        });
        let entries: Vec<u8> = entries.collect();
        let entries = if entries.is_empty() { entries } else { element(0x30, &entries) };
        let number = self.number.map(|number| {
            let octets = [&[0][..], &number.to_be_bytes()].concat();
            let zeros = octets.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
            extension(&[0x55, 0x1d, 0x14], false, &element(0x02, &octets[zeros..]))
        });
        let extensions = [number.unwrap_or_default(), self.extensions.clone()].concat();
        let extensions =
            if extensions.is_empty() { extensions } else { element(0xa0, &element(0x30, &extensions)) };
        let subject = ca.certificate.der().as_ref();
        let list = [
            if self.is_version_2 { element(0x02, &[1]) } else { Vec::new() },
            algorithm.clone(),
            subject_of(subject),
            generalized_time(self.this_update),
            self.next_update.map(generalized_time).unwrap_or_default(),
            entries,
            extensions,
        ];
        let list = element(0x30, &list.concat());
        let signature = ca.key.sign(&list).expect("signature");
        assert_eq!(ca.key.algorithm(), &rcgen::PKCS_ECDSA_P256_SHA256);
        element(0x30, &[list, algorithm, element(0x03, &[vec![0], signature].concat())].concat())
    }
}

/// The subject of a certificate, as DER.
fn subject_of(certificate: &[u8]) -> Vec<u8> {
    use x509_parser::prelude::FromDer;
    let (_, certificate) =
        x509_parser::certificate::X509Certificate::from_der(certificate).expect("certificate");
    certificate.subject().as_raw().to_vec()
}
