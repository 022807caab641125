//! Permits, trusts and rules made of values, so that no test of a session, policy or engine needs a CA or a file.
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::certificate::{Fingerprint, PeerCertificate, Serial};
use crate::identity::{Client, IdentityTemplate, VerifiedClient, identify};
use crate::origin::Origin;
use crate::policy::{
    Action, Circumstances, ClientIdBinding, ClientIdRule, DeniedPublish, Match, Permit, Policies, Policy,
    Verdicts,
};
use crate::reason::Refusal;
use crate::trust::{
    CrlCheck, CrlSource, KeptCrl, LegacyLeaf, Namespace, NewestCrl, OcspMode, Pins, Role, StaleCrl,
    TrustConfig, TrustName, TrustSource, VerifiedChain,
};

/// A client called `name` whose certificate counts as proven, and never expires.
///
/// # Panics
/// `name` is no identity.
pub fn verified_client(name: &str, role: Role) -> VerifiedClient {
    let trust = match role {
        Role::Device => "device-ca",
        Role::Service => "service-ca",
    };
    client_of(trust, name, role)
}

/// The same, vouched for by `trust`, whose name is its namespace.
///
/// # Panics
/// `name` is no identity, or `trust` no namespace.
pub fn client_of(trust: &str, name: &str, role: Role) -> VerifiedClient {
    let namespace = Namespace::new(trust).expect("a namespace");
    let serial = Serial::from_der_contents(&[7]).expect("short enough");
    let forever = UnixTime::since_unix_epoch(Duration::from_secs(u32::MAX.into()));
    let leaf = PeerCertificate::for_test(name, serial, forever);
    let chain = VerifiedChain::for_test(leaf, TrustName::new(trust), namespace, role);
    identify(chain, &IdentityTemplate::default()).expect("an identity")
}

/// A policy for everybody, with exactly these templates.
///
/// # Panics
/// A text is no topic template.
pub fn policy(client_id: ClientIdRule, publish: &[&str], subscribe: &[&str]) -> Policy {
    let templates =
        |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a topic template")).collect();
    Policy {
        name: "test".into(),
        matches: Match { verdicts: Verdicts::default(), trust: None, identity: None, conditions: Vec::new() },
        action: Action::Allow,
        client_id,
        publish: templates(publish),
        subscribe: templates(subscribe),
        second_factor: None,
        denied_publish: DeniedPublish::Disconnect,
    }
}

/// The permit that `policy` grants `client`.
///
/// # Panics
/// The policy is not for the client, or denies.
pub fn permit(client: &VerifiedClient, policy: Policy) -> Permit {
    first_match(&Policies::new(vec![policy]), client).expect("the policy allows the client")
}

/// The binding of the client id `requested`, as CONNECT asks for it; an empty one is assigned, with `unique` in it.
///
/// # Panics
/// The permit does not allow it.
pub fn client_id(permit: &Permit, requested: &str, unique: &str) -> ClientIdBinding {
    bind_client_id(permit, requested, unique).expect("the client id is allowed")
}

/// What the first of `policies` that matches `client` decides.
///
/// # Errors
/// It denies, or none matches.
pub fn first_match(policies: &Policies, client: &VerifiedClient) -> Result<Permit, Refusal> {
    let circumstances = Circumstances { origin: Origin::default(), now: client.chain().not_after() };
    policies.permit(&Client::Verified(client.clone()), &circumstances, |_| ())
}

/// What `permit` says to the client id `requested`; an empty one is assigned, with `unique` in it.
///
/// # Errors
/// The policy does not allow it.
pub fn bind_client_id(permit: &Permit, requested: &str, unique: &str) -> Result<ClientIdBinding, Refusal> {
    permit.client_id(requested, || unique.to_owned())
}

/// A trust in the CAs of these files, named as its namespace, with the revocation lists of those. Nothing else is asked of a
/// certificate.
///
/// # Panics
/// `name` is no namespace.
pub fn trust_config(name: &str, role: Role, anchors: Vec<PathBuf>, crl: Vec<CrlSource>) -> TrustConfig {
    TrustConfig {
        name: TrustName::new(name),
        namespace: Namespace::new(name).expect("a namespace"),
        role,
        anchors,
        intermediates: Vec::new(),
        crl_check: if crl.is_empty() { CrlCheck::Off } else { CrlCheck::Leaf },
        crl,
        crl_idp: Vec::new(),
        stale_crl: StaleCrl::DenyNew,
        stale_grace: Duration::from_secs(24 * 3600),
        legacy_leaf: LegacyLeaf::Refuse,
        ocsp: OcspMode::Off,
        ocsp_allow: Vec::new(),
        pins: Pins::default(),
        issuers: Vec::new(),
        depth: None,
    }
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(BTreeMap<PathBuf, Vec<u8>>);

impl MemoryFiles {
    /// Puts a file there, or another in its place.
    pub fn write(&mut self, name: &str, contents: impl Into<Vec<u8>>) -> PathBuf {
        self.0.insert(name.into(), contents.into());
        name.into()
    }
}

impl TrustSource for MemoryFiles {
    fn files(&self, source: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(vec![source.to_owned()])
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        self.0.get(file).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn newest_crl(&self, _issuer: &Fingerprint) -> NewestCrl {
        NewestCrl::default()
    }

    fn kept_crls(&self, _issuer: &Fingerprint) -> Vec<KeptCrl> {
        Vec::new()
    }
}
