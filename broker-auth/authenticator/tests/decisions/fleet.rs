//! A fleet whose policies say which of them has decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use authenticator::decide::{Connect, Granted, Request, decide};
use authenticator::evidence::Evidence;
use authenticator::for_test;
use authenticator::identity::IdentityTemplate;
use authenticator::policy::{ClientIdBinding, ClientIdRule, Match, Permit, Policies, Policy, Verdicts};
use authenticator::reason::Reason;
use authenticator::ruleset::{AccessRules, Mode, Ruleset};
use authenticator::trust::{CrlCheck, LoadedTrust};
use rcgen::DnType;
use rustls_pki_types::CertificateDer;

use crate::pki::{self, DAY, Holder, now};

/// For how long certificates are valid from now, in seconds: their CA is for longer.
pub(crate) const LIFETIME: u64 = 20 * DAY;

/// A CA, a trust in it, and clients of it.
pub(crate) struct Fleet {
    pub(crate) ca: Holder,
    pub(crate) trust: LoadedTrust,
    clients: BTreeMap<&'static str, CertificateDer<'static>>,
}

/// What a client is granted: the policy that lets it in, that it is asked for something, or why not.
pub(crate) type Met = Result<String, Reason>;

impl Fleet {
    pub(crate) fn new() -> Self {
        let ca = pki::ca("Device CA");
        let trust = Self::trust(&ca, &[]);
        let client = |name: &'static str| {
            let certificate = pki::client(&ca, 7, |params| {
                params.distinguished_name.push(DnType::CommonName, name);
                params.not_after = pki::date(now() + LIFETIME);
            });
            (name, certificate)
        };
        let clients = ["dev-1", "dev-2"].map(client).into();
        Self { ca, trust, clients }
    }

    /// The same with other revocation lists.
    pub(crate) fn revoking(&self, serials: &[u64]) -> LoadedTrust {
        Self::trust(&self.ca, serials)
    }

    fn trust(ca: &Holder, revoked: &[u64]) -> LoadedTrust {
        pki::trust(ca, |config, files| {
            config.crl_check = CrlCheck::Leaf;
            config.crl = vec![files.write("ca.crl", pki::crl(ca, revoked, now() + DAY)).into()];
        })
    }

    /// The certificate of a client called `name`; its serial number is 7.
    pub(crate) fn client(&self, name: &str) -> CertificateDer<'static> {
        self.clients[name].clone()
    }

    pub(crate) fn rules(&self, mode: Mode, policies: Vec<Policy>) -> Ruleset {
        rules(mode, self.trust.clone(), access(IdentityTemplate::default(), policies))
    }
}

pub(crate) fn access(identity: IdentityTemplate, policies: Vec<Policy>) -> Arc<AccessRules> {
    Arc::new(AccessRules { identity, policies: Policies::new(policies) })
}

pub(crate) fn rules(mode: Mode, trust: LoadedTrust, access: Arc<AccessRules>) -> Ruleset {
    Ruleset::new(mode, vec![trust], access).expect("one trust")
}

/// A policy for these verdicts; none is for whoever is proven.
pub(crate) fn policy(name: &str, verdicts: &[&str]) -> Policy {
    let verdicts = if verdicts.is_empty() {
        Verdicts::default()
    } else {
        Verdicts::new(verdicts.iter().map(|verdict| verdict.parse().expect("a verdict")).collect())
    };
    Policy {
        name: name.into(),
        matches: Match { verdicts, trust: None, identity: None, conditions: Vec::new() },
        ..for_test::policy(ClientIdRule::Free, &["lobby"], &["lobby"])
    }
}

pub(crate) fn connect(client_id: &str) -> Connect<'_> {
    Connect {
        client_id: Some(client_id),
        will_topic: None,
        unique: &|| "unique".to_owned(),
        random: &|| Some(1),
    }
}

/// What `dev-1` is let in by.
pub(crate) fn enter(rules: &Ruleset, evidence: &Evidence) -> (Permit, ClientIdBinding) {
    match decide(rules, evidence, &Request::Connect(connect("dev-1"))).outcome {
        Ok(Granted::Admitted { permit, client_id: Some(client_id) }) => (permit, client_id),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn met(rules: &Ruleset, evidence: &Evidence, request: &Request<'_>) -> Met {
    decide(rules, evidence, request).outcome.map(|granted| told(&granted)).map_err(|refusal| refusal.reason)
}

fn told(granted: &Granted) -> String {
    match granted {
        Granted::Handshake => "a handshake".to_owned(),
        Granted::Admitted { permit, .. } | Granted::Http { permit } => permit.policy_name().to_owned(),
        Granted::Asked { kind, .. } => format!("asked for a {kind}"),
        Granted::Continued(_) => "goes on".to_owned(),
    }
}
