//! A CA, devices of it, and rules in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use authenticator::evidence::FactorEvidence;
use authenticator::factor::FactorKind;
use authenticator::for_test::{self, MemoryFiles};
use authenticator::identity::{Client, IdentityTemplate};
use authenticator::policy::{ClientIdRule, DeniedPublish, Permit, Policies, Policy, VerdictMatch, Verdicts};
use authenticator::ruleset::{AccessRules, Mode, Ruleset};
use authenticator::trust::{
    CrlCheck, LegacyLeaf, Namespace, OcspMode, Pins, Role, StaleCrl, TrustConfig, TrustLoad, TrustName,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

use super::super::Rules;
use crate::callbacks::Login;

/// The time of these tests, in Unix seconds.
pub(super) const NOW: u64 = 1_800_000_000;

/// The last second of the certificates.
pub(super) const END: u64 = NOW + 1000;

const LONG: u64 = 1_000_000;

pub(super) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds.try_into().unwrap()).unwrap()
}

type Ca = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str, end: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date(NOW - LONG), date(end));
    params
}

fn ca() -> Ca {
    let mut params = params("Device CA", NOW + LONG);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn device(ca: &Ca, name: &str, serial: u64) -> CertificateDer<'static> {
    let mut params = params(name, END);
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.signed_by(&KeyPair::generate().unwrap(), ca).unwrap().der().clone()
}

/// A policy for devices, which have their own topics.
fn devices(client_id: ClientIdRule) -> Policy {
    let topics = ["devices/{device-id}/#"];
    for_test::policy(client_id, &topics, &topics)
}

/// A CA, and two devices of it.
pub(super) struct Fleet {
    ca: Ca,
    devices: BTreeMap<&'static str, (u64, CertificateDer<'static>)>,
}

impl Fleet {
    pub(super) fn new() -> Self {
        let ca = ca();
        let devices = [("dev-1", 1), ("dev-2", 2)];
        let devices = devices.map(|(name, serial)| (name, (serial, device(&ca, name, serial)))).into();
        Self { ca, devices }
    }

    pub(super) fn client(&self, name: &str) -> CertificateDer<'static> {
        self.devices[name].1.clone()
    }

    /// A certificate of somebody else's CA, of the same name.
    pub(super) fn stranger(&self) -> CertificateDer<'static> {
        device(&ca(), "dev-1", 1)
    }

    /// Rules by which these devices are revoked.
    pub(super) fn rules(&self, mode: Mode, client_id: ClientIdRule, revoked: &[&str]) -> Ruleset {
        self.made(mode, devices(client_id), revoked)
    }

    /// Rules by which this happens to whoever publishes elsewhere.
    pub(super) fn rules_with(&self, denied_publish: DeniedPublish) -> Ruleset {
        let devices = Policy { denied_publish, ..devices(ClientIdRule::MustEqual) };
        self.made(Mode::Enforce, devices, &[])
    }

    /// Rules by which devices are asked for this beside their certificates.
    pub(super) fn rules_asking_for(&self, kind: FactorKind, revoked: &[&str]) -> Ruleset {
        let devices = Policy { second_factor: Some(kind), ..devices(ClientIdRule::MustEqual) };
        self.made(Mode::Enforce, devices, revoked)
    }

    fn made(&self, mode: Mode, devices: Policy, revoked: &[&str]) -> Ruleset {
        let mut visitors = for_test::policy(ClientIdRule::Free, &["lobby"], &["lobby"]);
        visitors.matches.verdicts = Verdicts::new(vec![VerdictMatch::None, VerdictMatch::AnyFailure]);
        let policies = Policies::new(vec![devices, visitors]);
        let access = AccessRules { identity: IdentityTemplate::default(), policies };
        let mut files = MemoryFiles::default();
        let config = TrustConfig {
            name: TrustName::new("device-ca"),
            namespace: Namespace::new("device-ca").unwrap(),
            role: Role::Device,
            anchors: vec![files.write("ca.pem", self.ca.pem())],
            intermediates: Vec::new(),
            crl: vec![files.write("ca.crl", self.crl(revoked)).into()],
            crl_idp: Vec::new(),
            crl_check: CrlCheck::Leaf,
            stale_crl: StaleCrl::DenyNew,
            stale_grace: Duration::ZERO,
            legacy_leaf: LegacyLeaf::Refuse,
            ocsp: OcspMode::Off,
            ocsp_allow: Vec::new(),
            pins: Pins::default(),
            issuers: Vec::new(),
            depth: None,
        };
        let trust = TrustLoad::read(&config, None, &files, at(NOW)).and_then(TrustLoad::complete).unwrap();
        Ruleset::new(mode, vec![trust], Arc::new(access)).unwrap()
    }

    fn crl(&self, revoked: &[&str]) -> String {
        let revoked = revoked.iter().map(|name| RevokedCertParams {
            serial_number: SerialNumber::from(self.devices[name].0),
            revocation_time: date(NOW - 10),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date(NOW - 10),
            next_update: date(NOW + LONG),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.ca).unwrap().pem().unwrap()
    }
}

/// Rules that a test replaces.
pub(super) struct RulesInMemory {
    in_force: RefCell<Arc<Ruleset>>,
    pub(super) looks: Cell<usize>,
    pub(super) reloads: Cell<usize>,
    /// What is found when somebody is asked for a second factor.
    pub(super) found: RefCell<FactorEvidence>,
    /// How often that was.
    pub(super) asked: Cell<usize>,
    /// How many changes there were of what second factors are verified by: what was shown before counts no more.
    pub(super) factor_changes: Cell<u64>,
}

impl RulesInMemory {
    pub(super) fn new(rules: Ruleset) -> Self {
        Self {
            in_force: RefCell::new(Arc::new(rules)),
            looks: Cell::new(0),
            reloads: Cell::new(0),
            found: RefCell::default(),
            asked: Cell::new(0),
            factor_changes: Cell::new(0),
        }
    }

    pub(super) fn replace(&self, rules: Ruleset) {
        self.in_force.replace(Arc::new(rules));
    }
}

impl Rules for Rc<RulesInMemory> {
    fn in_force(&self) -> Arc<Ruleset> {
        Arc::clone(&self.in_force.borrow())
    }

    fn generation(&self) -> u64 {
        self.factor_changes.get()
    }

    fn verify_factor(&self, _: FactorKind, _: &Client, _: &Login<'_>, _: UnixTime) -> FactorEvidence {
        self.asked.set(self.asked.get() + 1);
        self.found.borrow().clone()
    }

    fn factor_of_session(&self, permit: &Permit) -> FactorEvidence {
        match permit.factor() {
            Some(factor) if self.factor_changes.get() == 0 => FactorEvidence::Shown(factor.clone()),
            Some(_) => FactorEvidence::Refused("it counts no more".to_owned()),
            None => FactorEvidence::NotAsked,
        }
    }

    fn look(&self, _: UnixTime) {
        self.looks.set(self.looks.get() + 1);
    }

    fn reload(&self, _: UnixTime) {
        self.reloads.set(self.reloads.get() + 1);
    }
}
