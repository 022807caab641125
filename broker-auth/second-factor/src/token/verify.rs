//! [`VerifiedToken`]: a token whose issuer vouches for it.

use authenticator::certificate::Fingerprint;
use authenticator::trust::Namespace;
use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::UnixTime;

use super::algorithm::Algorithm;
use super::claims::Claims;
use super::fault::{Part, TokenFault};
use super::header::Header;
use super::key_set::KeySet;
use super::public_key::KeyDigest;
use super::rules::TokenRules;

/// What a verified token says. Made by [`verify`] alone; the token itself is not in it.
///
/// It proves that the issuer knows a client of this name. Whether that is the client of the session is for the caller
/// to say: the name must be its identity's, and the certificate, if there is one, its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    name: Box<str>,
    namespace: Option<Namespace>,
    claim: Box<str>,
    issuer: Box<str>,
    audience: Box<str>,
    expires: UnixTime,
    certificate: Option<Fingerprint>,
    key: KeyDigest,
    algorithm: Algorithm,
}

impl VerifiedToken {
    /// The name that the token gives its client: the claim of the rules. It is not empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace in which that stands for a client, if it is a name alone: that of the rules.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The claim that gives it.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// Its issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The first audience of the rules that it is for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The first second at which it has expired: a live session ends then.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// The certificate that it is bound to (RFC 8705 §3.1). `None`: it is bound to none.
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.certificate
    }

    /// The key that signed it.
    pub fn key(&self) -> KeyDigest {
        self.key
    }

    /// The algorithm that it is signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Verifies a token in the compact form of RFC 7515 §7.1. Its signature first: no claim is read before.
///
/// # Errors
/// It is none, is not signed by a key of the set, or does not follow the rules at the time `now`.
pub fn verify(
    token: &str,
    keys: &KeySet,
    rules: &TokenRules,
    now: UnixTime,
) -> Result<VerifiedToken, TokenFault> {
    if token.len() > TokenRules::LONGEST_TOKEN {
        return Err(TokenFault::TooLong { length: token.len() });
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::NotThreeParts)?;
    let (header, payload) = message.split_once('.').ok_or(TokenFault::NotThreeParts)?;
    if payload.contains('.') {
        return Err(TokenFault::NotThreeParts);
    }
    let header = Header::parse(&decode(header, Part::Header)?)?;
    let (payload, signature) = (decode(payload, Part::Payload)?, decode(signature, Part::Signature)?);
    let algorithm = header.algorithm;
    if !rules.algorithms().contains(&algorithm) {
        return Err(TokenFault::AlgorithmNotAllowed(algorithm));
    }
    let Some(key) = keys.key(header.key_id.as_deref()) else {
        return Err(TokenFault::UnknownKey { id: header.key_id });
    };
    if !key.algorithms.contains(&algorithm) {
        return Err(TokenFault::KeyMismatch(algorithm));
    }
    let verified = key.public.verify(algorithm, message.as_bytes(), &signature);
    verified.map_err(|_| TokenFault::BadSignature)?;
    let Claims { name, audience, expires, certificate } = Claims::parse(&payload, rules, now)?;
    let (claim, issuer) = (rules.claim().into(), rules.issuer().into());
    let (namespace, key) = (rules.namespace().cloned(), key.digest);
    Ok(VerifiedToken { name, namespace, claim, issuer, audience, expires, certificate, key, algorithm })
}

fn decode(text: &str, part: Part) -> Result<Vec<u8>, TokenFault> {
    // Bits after the last octet must be zero: otherwise a token could be spelt several ways.
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenFault::Base64(part))
}

#[cfg(test)]
mod tests;
