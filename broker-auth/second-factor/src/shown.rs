//! What was verified as the evidence that decisions are made by, and whether it still counts.

use authenticator::factor::{ShownPassword, ShownToken};
use authenticator::identity::Identity;

use crate::password::{PasswordFile, PasswordProof};
use crate::token::{KeySet, TokenRules, VerifiedToken};

impl PasswordProof {
    /// That `identity`, whose entry it rests on, has shown its password.
    pub fn shown(&self, identity: &Identity) -> ShownPassword {
        ShownPassword { identity: identity.clone(), entry: self.entry().sha256() }
    }
}

impl PasswordFile {
    /// Whether the password that was shown is still that of the identity.
    pub fn has(&self, shown: &ShownPassword) -> bool {
        self.entry(&shown.identity).is_some_and(|entry| entry.digest().sha256() == shown.entry)
    }
}

impl VerifiedToken {
    /// What a decision takes of it.
    pub fn shown(&self) -> ShownToken {
        ShownToken {
            name: self.name().into(),
            namespace: self.namespace().cloned(),
            claim: self.claim().into(),
            issuer: self.issuer().into(),
            audience: self.audience().into(),
            expires: self.expires(),
            certificate: self.certificate(),
            key: self.key().sha256(),
            algorithm: self.algorithm().as_str(),
        }
    }
}

impl TokenRules {
    /// Whether a token that was verified by other rules is what these ask for. When it ends is for the decision to say.
    pub fn allow(&self, shown: &ShownToken) -> bool {
        let is_named_as_before = shown.is_qualified() || self.namespace() == shown.namespace.as_ref();
        is_named_as_before
            && self.issuer() == &*shown.issuer
            && self.claim() == &*shown.claim
            && self.audiences().iter().any(|audience| **audience == *shown.audience)
            && self.algorithms().iter().any(|algorithm| algorithm.as_str() == shown.algorithm)
    }
}

impl KeySet {
    /// Whether the key that signed the token is still in the set, for the same algorithm. Its key id is not asked for: a key
    /// that is renamed is the same key.
    pub fn has(&self, shown: &ShownToken) -> bool {
        self.keys().any(|key| key.is_of(shown))
    }
}
