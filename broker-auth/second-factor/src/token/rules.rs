//! [`TokenRules`]: what the tokens of an issuer must be.

use std::time::Duration;

use authenticator::trust::Namespace;

use super::algorithm::Algorithm;

/// What a token must say, and how it must be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    claim: String,
    namespace: Option<Namespace>,
    leeway: Duration,
}

/// Why rules are refused: they would let in more than they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRulesError {
    /// The issuer is empty.
    #[error("an issuer is needed: the iss of its tokens, to the letter")]
    NoIssuer,
    /// There is no audience, or an empty one.
    #[error("an audience is needed: a token that was made for somebody else is not taken")]
    NoAudience,
    /// There is no algorithm.
    #[error("an algorithm is needed: the one that the issuer signs with")]
    NoAlgorithm,
    /// The name of the claim is empty.
    #[error("the claim that names the client is needed, such as \"sub\"")]
    NoClaim,
    /// The leeway is too long.
    #[error("the leeway is {} s, and {} s are the most", .0.as_secs(), TokenRules::LONGEST_LEEWAY.as_secs())]
    LeewayTooLong(Duration),
}

impl TokenRules {
    /// The longest token, in bytes: 4 KiB.
    pub const LONGEST_TOKEN: usize = 4 << 10;
    /// How far an issuer's clock may be ahead, unless [`Self::with_leeway`] says otherwise.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
    /// The longest leeway.
    pub const LONGEST_LEEWAY: Duration = Duration::from_secs(60);

    /// Tokens of `issuer` for one of `audiences`, signed with one of `algorithms`; the claim `sub` names the client.
    ///
    /// # Errors
    /// One of the three is empty.
    pub fn new(
        issuer: String,
        audiences: Vec<String>,
        algorithms: Vec<Algorithm>,
    ) -> Result<Self, TokenRulesError> {
        if issuer.is_empty() {
            return Err(TokenRulesError::NoIssuer);
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(TokenRulesError::NoAudience);
        }
        if algorithms.is_empty() {
            return Err(TokenRulesError::NoAlgorithm);
        }
        let (claim, leeway) = ("sub".to_owned(), Self::DEFAULT_LEEWAY);
        Ok(Self { issuer, audiences, algorithms, claim, namespace: None, leeway })
    }

    /// The same, with another claim that names the client.
    ///
    /// # Errors
    /// It is empty.
    pub fn with_claim(self, claim: String) -> Result<Self, TokenRulesError> {
        if claim.is_empty() { Err(TokenRulesError::NoClaim) } else { Ok(Self { claim, ..self }) }
    }

    /// The same, where a claim that is a name alone, and not `namespace/name`, stands for the client of this namespace.
    /// Without it, it stands for nobody.
    #[must_use]
    pub fn with_namespace(self, namespace: Option<Namespace>) -> Self {
        Self { namespace, ..self }
    }

    /// The same, with another leeway. It is for `nbf` and `iat`, which a clock that is ahead puts into the future. `exp` has
    /// none: a live session ends at that second, and a client that came after it would be cut off at once.
    ///
    /// # Errors
    /// It is longer than [`Self::LONGEST_LEEWAY`].
    pub fn with_leeway(self, leeway: Duration) -> Result<Self, TokenRulesError> {
        if leeway > Self::LONGEST_LEEWAY {
            return Err(TokenRulesError::LeewayTooLong(leeway));
        }
        Ok(Self { leeway, ..self })
    }

    /// The `iss` of the tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who the tokens are for: `aud` has one of them.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// What the tokens are signed with.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The claim that names the client.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The namespace in which a name alone stands for a client, if there is one.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// How far in the future `nbf` and `iat` may be.
    pub fn leeway(&self) -> Duration {
        self.leeway
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_would_let_in_more_than_they_say_are_refused() {
        let rules = |issuer: &str, audiences: &[&str], algorithms: &[Algorithm]| {
            let audiences = audiences.iter().map(|&text| text.to_owned()).collect();
            TokenRules::new(issuer.to_owned(), audiences, algorithms.to_vec())
        };
        let good = rules("https://id", &["fleet"], &[Algorithm::Es256]).expect("rules");
        assert_eq!((good.claim(), good.leeway()), ("sub", Duration::from_secs(30)));
        assert_eq!(rules("", &["fleet"], &[Algorithm::Es256]), Err(TokenRulesError::NoIssuer));
        assert_eq!(rules("https://id", &[], &[Algorithm::Es256]), Err(TokenRulesError::NoAudience));
        assert_eq!(
            rules("https://id", &["fleet", ""], &[Algorithm::Es256]),
            Err(TokenRulesError::NoAudience)
        );
        assert_eq!(rules("https://id", &["fleet"], &[]), Err(TokenRulesError::NoAlgorithm));
        assert_eq!(good.clone().with_claim(String::new()), Err(TokenRulesError::NoClaim));
        let leeway =
            |seconds| good.clone().with_leeway(Duration::from_secs(seconds)).map(|rules| rules.leeway());
        assert_eq!(leeway(0), Ok(Duration::ZERO));
        assert_eq!(leeway(60), Ok(Duration::from_secs(60)));
        assert_eq!(leeway(61), Err(TokenRulesError::LeewayTooLong(Duration::from_secs(61))));
    }
}
