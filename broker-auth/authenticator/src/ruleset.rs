//! [`Ruleset`]: all that one listener decides by.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::http::HttpRules;
use crate::identity::IdentityTemplate;
use crate::policy::Policies;
use crate::trust::{
    ChainResult, FaultOrder, LoadedTrust, TrustError, TrustReport, TrustSource, VerifiedChain,
    refuse_ambiguity, verify_chain,
};

/// All that one listener decides by: who vouches for clients, how their identities are read, and what they may do.
///
/// An immutable value: a change makes another one.
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    mode: Mode,
    trusts: Vec<LoadedTrust>,
    access: Arc<AccessRules>,
    /// `None`: it is a listener of MQTT.
    http: Option<Arc<HttpRules>>,
}

/// What a listener makes of clients whose certificate is not proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Their handshake fails.
    #[default]
    Enforce,
    /// They finish the handshake, if they can show that they hold the key of their certificate, or have none; policies decide.
    Permissive,
}

impl Mode {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Permissive => "permissive",
        }
    }
}

/// How identities are read from certificates, and what they may do. Every listener of a configuration has the same.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    /// How identities are read.
    pub identity: IdentityTemplate,
    /// What they may do.
    pub policies: Policies,
}

impl Ruleset {
    /// Puts trusts and access rules together.
    ///
    /// # Errors
    /// Two trusts could vouch for one certificate.
    pub fn new(mode: Mode, trusts: Vec<LoadedTrust>, access: Arc<AccessRules>) -> Result<Self, TrustError> {
        refuse_ambiguity(&trusts)?;
        Ok(Self { mode, trusts, access, http: None })
    }

    /// What it makes of clients whose certificate is not proven.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Refuses rules by which nobody could be admitted at `now`, because no anchor of any trust is valid.
    ///
    /// # Errors
    /// The first anchor, and why it is of no use.
    pub fn refuse_unusable(&self, now: UnixTime) -> Result<(), TrustError> {
        let mut verdicts = self.trusts.iter().map(|trust| trust.refuse_unusable(now));
        let Some(first) = verdicts.next() else { return Ok(()) };
        if verdicts.any(|verdict| verdict.is_ok()) { Ok(()) } else { first }
    }

    /// The same access rules without a trust: nobody is proven.
    pub fn without_trust(mode: Mode, access: Arc<AccessRules>) -> Self {
        Self { mode, trusts: Vec::new(), access, http: None }
    }

    /// The same for a listener in front of an HTTP origin.
    #[must_use]
    pub fn with_http(mut self, rules: Option<Arc<HttpRules>>) -> Self {
        self.http = rules;
        self
    }

    /// Which paths are whose. `None`: it is a listener of MQTT.
    pub fn http(&self) -> Option<&Arc<HttpRules>> {
        self.http.as_ref()
    }

    /// The trusts, in the order of the configuration.
    pub fn trusts(&self) -> &[LoadedTrust] {
        &self.trusts
    }

    /// The trust under which `chain` was proven, if it is still there.
    pub fn trust_of(&self, chain: &VerifiedChain) -> Option<&LoadedTrust> {
        self.trusts.iter().find(|trust| trust.name() == chain.trust_name())
    }

    /// Identity templates and policies.
    pub fn access(&self) -> &Arc<AccessRules> {
        &self.access
    }

    /// Proves what a client presented, leaf first.
    pub fn verify_chain(&self, presented: &[CertificateDer<'_>], now: UnixTime) -> ChainResult {
        let order = match self.mode {
            Mode::Enforce => FaultOrder::CheapestFirst,
            Mode::Permissive => FaultOrder::ProofFirst,
        };
        verify_chain(&self.trusts, presented, now, order)
    }

    /// Judges again what was presented earlier: a chain that proved nothing may be proven now, or be worse. One that was
    /// proven stays so, and [`crate::decide::decide`] looks at whether it is still good.
    pub fn judge_again(&self, chain: &ChainResult, now: UnixTime) -> ChainResult {
        match chain {
            ChainResult::Unproven(unproven) => self.verify_chain(unproven.presented(), now),
            ChainResult::Proven(_) | ChainResult::NotPresented => chain.clone(),
        }
    }

    /// Reads the revocation lists again. What a refused file held before stays in force; returns why each was refused.
    pub fn reload_crls(&mut self, source: &dyn TrustSource, now: UnixTime) -> Vec<TrustError> {
        self.trusts.iter_mut().flat_map(|trust| trust.reload_crls(source, now)).collect()
    }

    /// Whether both decide the same: the same access rules, and the same trusts with the same CAs and lists.
    pub fn is_same(&self, other: &Self) -> bool {
        self.mode == other.mode
            && Arc::ptr_eq(&self.access, &other.access)
            && self.http == other.http
            && self.trusts.len() == other.trusts.len()
            && self.trusts.iter().zip(&other.trusts).all(|(one, other)| one.is_same(other))
    }

    /// Whether both hold the same revocation lists, file by file.
    pub fn has_same_crls(&self, other: &Self) -> bool {
        self.trusts.iter().zip(&other.trusts).all(|(one, other)| one.has_same_crls(other))
    }

    /// Which certificates were revoked for good under `before`, and are on no list any more.
    pub fn lost_revocations(&self, before: &Self, now: UnixTime) -> Vec<String> {
        let pairs = self.trusts.iter().filter_map(|trust| {
            Some((trust, before.trusts.iter().find(|before| before.name() == trust.name())?))
        });
        pairs.flat_map(|(trust, before)| trust.lost_revocations(before, now)).collect()
    }

    /// What is loaded, for `check`, `status` and the log.
    pub fn report(&self, now: UnixTime) -> TrustReport {
        TrustReport::of(self.trusts.iter().map(|trust| trust.summary(now)).collect(), now)
    }
}
