//! [`OwnCertificate`]: what the broker's own certificate says, judged as its clients judge it.

use std::fmt;
use std::time::Duration;

use certificate_path::{AlternativeName, Certificate, EndEntityFault, KeyKind, Malformed, Purpose};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::fields::CertificateError;
use super::{Fingerprint, PeerCertificate, timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The certificate that the broker presents to its clients.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    leaf: PeerCertificate,
    /// The same, read by the rules that agents judge it by.
    judged: Result<Certificate, Malformed>,
}

/// Why clients refuse the broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnCertificateFault {
    /// It cannot be read by the rules of RFC 5280.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It begins later.
    #[error("it begins only at {}", timestamp(*.0))]
    NotYetValid(UnixTime),
    /// It has ended.
    #[error("it ended at {}", timestamp(*.0))]
    Expired(UnixTime),
    /// It is for other purposes than to authenticate a server.
    #[error("its extended key usage does not name server authentication")]
    NotForServers,
    /// By what it says itself, agents refuse it; other clients may accept it.
    #[error(transparent)]
    Unfit(#[from] EndEntityFault),
    /// Clients compare the name that they connect to with the subjectAltName alone (RFC 9525 §6.3).
    #[error(
        "it has neither a DNS name nor an IP address as a subjectAltName, and clients look at no other name"
    )]
    NoName,
}

/// How near the end of a certificate is. Each is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// More than 30 days.
    Far,
    /// At most 30 days.
    Month,
    /// At most 14 days.
    Fortnight,
    /// At most 3 days.
    ThreeDays,
    /// At most one day.
    Day,
    /// It has ended.
    Over,
}

impl OwnCertificateFault {
    /// Whether no client at all accepts it.
    pub fn is_refused_by_all(&self) -> bool {
        match self {
            Self::NotYetValid(_) | Self::Expired(_) | Self::NotForServers => true,
            Self::Malformed(_) | Self::Unfit(_) | Self::NoName => false,
        }
    }
}

impl OwnCertificate {
    /// Parses one DER certificate and nothing after it.
    ///
    /// # Errors
    /// It is no certificate.
    pub fn parse(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        Ok(Self { leaf: PeerCertificate::parse(der)?, judged: Certificate::parse(der) })
    }

    /// SHA-256 of its DER encoding.
    pub fn fingerprint_sha256(&self) -> Fingerprint {
        self.leaf.fingerprint_sha256()
    }

    /// The first second that it is valid.
    pub fn not_before(&self) -> UnixTime {
        self.leaf.not_before()
    }

    /// The last second that it is valid.
    pub fn not_after(&self) -> UnixTime {
        self.leaf.not_after()
    }

    /// What clients may call the broker: DNS names and IP addresses.
    pub fn names(&self) -> Vec<String> {
        let names = self.leaf.alternative_names().iter();
        names
            .filter_map(|name| match name {
                AlternativeName::Dns(name) => Some(name.to_string()),
                AlternativeName::Ip(address) => Some(address.to_string()),
                _ => None,
            })
            .collect()
    }

    /// The kind of its key, `None` if the certificate is malformed.
    pub fn key(&self) -> Option<&KeyKind> {
        self.judged.as_ref().ok().map(|certificate| certificate.public_key().kind())
    }

    /// Why clients refuse it at `now`: all faults.
    pub fn faults(&self, now: UnixTime) -> Vec<OwnCertificateFault> {
        let mut faults = Vec::new();
        if now < self.not_before() {
            faults.push(OwnCertificateFault::NotYetValid(self.not_before()));
        }
        if now > self.not_after() {
            faults.push(OwnCertificateFault::Expired(self.not_after()));
        }
        match &self.judged {
            Ok(certificate) => {
                faults.extend(certificate.refuse_unfit_end_entity(Purpose::Server).err().map(|fault| {
                    match fault {
                        // Absent, it is for any purpose to most clients (RFC 5280 §4.2.1.12).
                        EndEntityFault::NotForPurpose(_) if certificate.has_extended_key_usage() => {
                            OwnCertificateFault::NotForServers
                        }
                        fault => fault.into(),
                    }
                }));
                faults.extend(certificate.refuse_claim_to_issue().err().map(Into::into));
            }
            Err(malformed) => faults.push(malformed.clone().into()),
        }
        if self.names().is_empty() {
            faults.push(OwnCertificateFault::NoName);
        }
        faults
    }

    /// How near its end is at `now`.
    pub fn ending(&self, now: UnixTime) -> Ending {
        if now > self.not_after() {
            return Ending::Over;
        }
        let left = self.not_after().as_secs().saturating_sub(now.as_secs());
        let within = |days: u32| left <= (DAY * days).as_secs();
        [(1, Ending::Day), (3, Ending::ThreeDays), (14, Ending::Fortnight), (30, Ending::Month)]
            .into_iter()
            .find_map(|(days, ending)| within(days).then_some(ending))
            .unwrap_or(Ending::Far)
    }
}

impl fmt::Display for OwnCertificate {
    /// What it is called, by which key, from when until when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        let names = if names.is_empty() { "no name".to_owned() } else { names.join(" ") };
        let key = self.key().map_or_else(|| "malformed".to_owned(), ToString::to_string);
        let (begin, end) = (timestamp(self.not_before()), timestamp(self.not_after()));
        write!(f, "{names} ({key}), {begin} to {end}")
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose as Eku, IsCa, KeyPair,
        KeyUsagePurpose as Usage, PKCS_ECDSA_P256_SHA256, SanType,
    };

    use super::*;

    const BEGIN: i64 = 1_700_000_000;
    const END: i64 = BEGIN + 90 * 86_400;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).expect("after 1970")))
    }

    fn params() -> CertificateParams {
        let mut params = CertificateParams::new(vec!["broker.test".to_owned()]).expect("a name");
        params.subject_alt_names.push(SanType::IpAddress([192, 0, 2, 1].into()));
        params.not_before = time::OffsetDateTime::from_unix_timestamp(BEGIN).expect("a time");
        params.not_after = time::OffsetDateTime::from_unix_timestamp(END).expect("a time");
        params.key_usages = vec![Usage::DigitalSignature];
        params.extended_key_usages = vec![Eku::ServerAuth];
        params
    }

    fn own(params: &CertificateParams) -> OwnCertificate {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        OwnCertificate::parse(params.self_signed(&key).expect("a certificate").der()).expect("it is one")
    }

    #[test]
    fn a_good_one_has_no_fault_and_says_what_it_is() {
        let own = own(&params());
        assert_eq!(own.faults(at(BEGIN)), []);
        assert_eq!(own.faults(at(END)), []);
        assert_eq!(
            own.to_string(),
            "broker.test 192.0.2.1 (P-256), 2023-11-14T22:13:20Z to 2024-02-12T22:13:20Z"
        );
    }

    type Change = fn(&mut CertificateParams);

    #[test]
    fn every_fault_that_agents_refuse_is_named() {
        let cases: [(Change, &str); 8] = [
            (|params| params.extended_key_usages.clear(), "does not name server authentication"),
            (
                |params| params.extended_key_usages = vec![Eku::ClientAuth],
                "does not name server authentication",
            ),
            (|params| params.key_usages = vec![Usage::KeyAgreement], "does not allow digital signatures"),
            (|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained), "a CA certificate"),
            (|params| params.key_usages.push(Usage::KeyCertSign), "the key usage keyCertSign"),
            (|params| params.subject_alt_names.clear(), "neither a DNS name nor an IP address"),
            (
                |params| {
                    params.subject_alt_names.clear();
                    params.distinguished_name.push(DnType::CommonName, "broker.test");
                },
                "neither a DNS name nor an IP address",
            ),
            (
                |params| {
                    let mut extension =
                        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999], vec![5, 0]);
                    extension.set_criticality(true);
                    params.custom_extensions.push(extension);
                },
                "critical extension 1.3.6.1.4.1.99999",
            ),
        ];
        for (change, fault) in cases {
            let mut changed = params();
            change(&mut changed);
            let faults = own(&changed).faults(at(BEGIN));
            assert!(faults.iter().any(|found| found.to_string().contains(fault)), "{fault}: {faults:?}");
            let by_all = faults.iter().any(OwnCertificateFault::is_refused_by_all);
            assert_eq!(by_all, changed.extended_key_usages == [Eku::ClientAuth], "{fault}");
        }
    }

    #[test]
    fn before_its_begin_and_after_its_end_it_is_refused() {
        let own = own(&params());
        assert_eq!(own.faults(at(BEGIN - 1)), [OwnCertificateFault::NotYetValid(at(BEGIN))]);
        assert_eq!(own.faults(at(END + 1)), [OwnCertificateFault::Expired(at(END))]);
        for time in [BEGIN - 1, END + 1] {
            assert!(own.faults(at(time)).iter().all(OwnCertificateFault::is_refused_by_all));
        }
    }

    #[test]
    fn the_end_comes_nearer_in_steps() {
        let own = own(&params());
        let steps = [
            (30 * 86_400 + 1, Ending::Far),
            (30 * 86_400, Ending::Month),
            (14 * 86_400 + 1, Ending::Month),
            (14 * 86_400, Ending::Fortnight),
            (3 * 86_400, Ending::ThreeDays),
            (86_400, Ending::Day),
            (0, Ending::Day),
            (-1, Ending::Over),
        ];
        for (left, ending) in steps {
            assert_eq!(own.ending(at(END - left)), ending, "{left} s before its end");
        }
    }
}
