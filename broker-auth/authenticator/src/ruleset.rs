//! [`Ruleset`]: all that one listener decides by.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::evidence::ChainResult;
use crate::identity::IdentityTemplate;
use crate::policy::Policies;
use crate::trust::{LoadedTrust, TrustError, TrustReport, refuse_ambiguity, verify_chain};

/// All that one listener decides by: who vouches for clients, how their identities are read, and what they may do.
///
/// An immutable value: a change makes another one.
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    trusts: Vec<LoadedTrust>,
    access: Arc<AccessRules>,
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
    pub fn new(trusts: Vec<LoadedTrust>, access: Arc<AccessRules>) -> Result<Self, TrustError> {
        refuse_ambiguity(&trusts)?;
        Ok(Self { trusts, access })
    }

    /// The same access rules with no trust: nobody gets in.
    pub fn without_trust(access: Arc<AccessRules>) -> Self {
        Self { trusts: Vec::new(), access }
    }

    /// The trusts, in the order of the configuration.
    pub fn trusts(&self) -> &[LoadedTrust] {
        &self.trusts
    }

    /// Identity templates and policies.
    pub fn access(&self) -> &Arc<AccessRules> {
        &self.access
    }

    /// Proves what a client presented, leaf first.
    pub fn verify_chain(&self, presented: &[CertificateDer<'_>], now: UnixTime) -> ChainResult {
        verify_chain(&self.trusts, presented, now)
    }

    /// What is loaded, for `check`, `status` and the log.
    pub fn report(&self, now: UnixTime) -> TrustReport {
        TrustReport::of(self.trusts.iter().map(|trust| trust.summary(now)).collect(), now)
    }
}
