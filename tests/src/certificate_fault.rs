//! [`CertificateFault`]: what can be wrong with a client's certificate, and [`FaultyIssuer`], who issues such.

use std::cell::RefCell;
use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa};

use crate::credential::Credential;
use crate::fleet::Fleet;
use crate::pki::{Crl, DAY, Forger, certificate_pem, now};

/// What is wrong with a certificate, by its name in the matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CertificateFault {
    Expired,
    NotYetValid,
    Revoked,
    /// It is on hold.
    Suspended,
    OfAStranger,
    /// By somebody who bears the name of the fleet's CA.
    SignedByAnotherKey,
    ForServers,
    OfACa,
    /// Its common name cannot be a device id.
    NameIsNoId,
    /// A BIT STRING of its key usage has more unused bits than it has bits.
    CannotBeRead,
    /// It comes with nine CA certificates.
    TooManySentAlong,
    /// The client does not hold its key, either.
    ExpiredAndAnothersKey,
}

impl CertificateFault {
    /// All, with their names in the matrices.
    pub const NAMED: [(&str, Self); 12] = [
        ("expired", Self::Expired),
        ("not yet valid", Self::NotYetValid),
        ("revoked", Self::Revoked),
        ("suspended", Self::Suspended),
        ("of a stranger", Self::OfAStranger),
        ("signed by another key", Self::SignedByAnotherKey),
        ("for servers", Self::ForServers),
        ("of a CA", Self::OfACa),
        ("with a name that is no id", Self::NameIsNoId),
        ("cannot be read", Self::CannotBeRead),
        ("nine CAs too many", Self::TooManySentAlong),
        ("expired, and another's key", Self::ExpiredAndAnothersKey),
    ];

    /// The one of this name.
    pub fn called(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find_map(|(known, fault)| (known == name).then_some(fault))
    }
}

/// Whoever issues faulty certificates: with the key of a fleet's device CA, with another under its name, and with a name of
/// its own.
pub struct FaultyIssuer {
    insider: Forger,
    namesake: Forger,
    stranger: Forger,
    stranger_ca: String,
    issuing_ca: String,
    list: RefCell<Crl>,
}

impl FaultyIssuer {
    /// The one of the device CA of `fleet`.
    pub fn new(fleet: &Fleet) -> Self {
        let (stranger, stranger_ca) = Forger::authority(fleet, |_| {});
        Self {
            insider: Forger::with_key_of(fleet, "device-ca"),
            namesake: Forger::named_like(fleet, "device-ca"),
            stranger,
            stranger_ca,
            issuing_ca: fs::read_to_string(fleet.file("device-ca/issuing.pem")).expect("a certificate"),
            list: RefCell::new(Crl::fresh()),
        }
    }

    /// The CA certificate of the stranger, in PEM.
    pub fn stranger_ca(&self) -> &str {
        &self.stranger_ca
    }

    /// One without a fault.
    pub fn faultless(&self, name: &str) -> Credential {
        self.insider.certificate(name)
    }

    /// One with this fault for `name`. Who is revoked or suspended is so once [`Self::publish_list`] has said so.
    pub fn credential(&self, fault: CertificateFault, name: &str) -> Credential {
        let insider = &self.insider;
        match fault {
            CertificateFault::Expired => insider.altered(name, end_yesterday),
            CertificateFault::NotYetValid => insider.altered(name, |params| params.not_before = now() + DAY),
            CertificateFault::Revoked => {
                let credential = insider.certificate(name);
                self.list.borrow_mut().revoked.push(credential.serial());
                credential
            }
            CertificateFault::Suspended => {
                let credential = insider.certificate(name);
                self.list.borrow_mut().held.push(credential.serial());
                credential
            }
            CertificateFault::OfAStranger => self.stranger.certificate(name),
            CertificateFault::SignedByAnotherKey => self.namesake.certificate(name),
            CertificateFault::ForServers => insider.altered(name, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
            CertificateFault::OfACa => {
                insider.altered(name, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
            }
            CertificateFault::NameIsNoId => insider.certificate("no id"),
            CertificateFault::CannotBeRead => insider.altered(name, |params| {
                let key_usage = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 7, 0x80]);
                params.custom_extensions = vec![key_usage];
            }),
            CertificateFault::TooManySentAlong => {
                let credential = insider.certificate(name);
                let chain = certificate_pem(&credential.chain()[0]) + &self.issuing_ca.repeat(9);
                fs::write(&credential.certificate, chain).expect("a file can be written");
                credential
            }
            CertificateFault::ExpiredAndAnothersKey => {
                let key = insider.certificate(name).key;
                Credential { key, ..insider.altered(name, end_yesterday) }
            }
        }
    }

    /// Puts a revocation list into `fleet` that has whoever is revoked or suspended.
    pub fn publish_list(&self, fleet: &Fleet) {
        fleet.replace("crl/device-ca.crl", self.insider.crl(&self.list.borrow()).as_bytes());
    }
}

fn end_yesterday(params: &mut CertificateParams) {
    params.not_before = now() - 30 * DAY;
    params.not_after = now() - DAY;
}
