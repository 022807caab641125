//! [`KeySet`]: the keys of an issuer.

use serde_json::Value;

use super::json::{self, JsonFault, Object};
use super::jwk::{self, Key, SkipReason};
use super::public_key::KeyDigest;

/// A JSON Web Key Set (RFC 7517 §5) of public keys. A set without a usable key is one, too: it verifies nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

/// A key of the set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, if it has a usable one.
    pub id: Option<Box<str>>,
    /// Why it is not used.
    pub reason: SkipReason,
}

/// Why bytes are no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// There are too many.
    #[error("the key set has {length} bytes, and {} are the most", KeySet::MOST_BYTES)]
    TooLarge {
        /// How many.
        length: usize,
    },
    /// They are no JSON object with unique names.
    #[error("the key set {0}")]
    Json(JsonFault),
    /// There is no array `keys`, or an element is no object.
    #[error("the key set is not written {{\"keys\": [{{…}}, …]}} (RFC 7517)")]
    NotASet,
    /// There are too many keys.
    #[error("the key set has {count} keys, and {} are the most", KeySet::MOST_KEYS)]
    TooManyKeys {
        /// How many.
        count: usize,
    },
    /// It holds what only the issuer may have.
    #[error(
        "key {index} of the set is secret ({member:?} is in it): give the broker the public keys, and replace this one"
    )]
    SecretKey {
        /// Its place in `keys`, from 0.
        index: usize,
        /// The member that gives it away.
        member: &'static str,
    },
    /// Two usable keys have the same id.
    #[error("keys {first} and {index} of the set have the same kid {id:?}")]
    DuplicateId {
        /// The id.
        id: Box<str>,
        /// The place of the earlier one in `keys`, from 0.
        first: usize,
        /// The place of the later one.
        index: usize,
    },
    /// A usable key has no id, and there are others.
    #[error("key {index} of the set has no kid, and is not the only one: no token can say which it means")]
    MissingId {
        /// Its place in `keys`, from 0.
        index: usize,
    },
}

impl KeySet {
    /// The longest set, in bytes: 64 KiB.
    pub const MOST_BYTES: usize = 64 << 10;
    /// The most keys, usable or not.
    pub const MOST_KEYS: usize = 32;

    /// Reads a set. Keys that cannot be used are skipped: [`Self::skipped`] has them.
    ///
    /// # Errors
    /// It is no set, is too large, is ambiguous, or has a secret in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        if bytes.len() > Self::MOST_BYTES {
            return Err(KeySetError::TooLarge { length: bytes.len() });
        }
        let set = json::object(bytes).map_err(KeySetError::Json)?;
        let Some(Value::Array(jwks)) = set.get("keys") else { return Err(KeySetError::NotASet) };
        if jwks.len() > Self::MOST_KEYS {
            return Err(KeySetError::TooManyKeys { count: jwks.len() });
        }
        let mut usable: Vec<(usize, Key)> = Vec::new();
        let mut skipped = Vec::new();
        for (index, jwk) in jwks.iter().enumerate() {
            let jwk = jwk.as_object().ok_or(KeySetError::NotASet)?;
            refuse_secret(index, jwk)?;
            match Key::parse(jwk) {
                Ok(key) => usable.push((index, key)),
                Err(reason) => {
                    let id = jwk::key_id(jwk).ok().flatten().map(Into::into);
                    skipped.push(SkippedKey { index, id, reason });
                }
            }
        }
        refuse_ambiguity(&usable)?;
        Ok(Self { keys: usable.into_iter().map(|(_, key)| key).collect(), skipped })
    }

    /// The keys that are not used, and why.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// The digests of the keys that are used.
    pub fn digests(&self) -> impl Iterator<Item = KeyDigest> {
        self.keys.iter().map(|key| key.digest)
    }

    /// The keys that are used.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The key of exactly this id. Without an id that is the key without one, and there is then no other.
    pub(super) fn key(&self, id: Option<&str>) -> Option<&Key> {
        self.keys.iter().find(|key| key.id.as_deref() == id)
    }
}

/// RFC 7518 §6: what RSA, EC, OKP and symmetric keys keep to themselves.
fn refuse_secret(index: usize, jwk: &Object) -> Result<(), KeySetError> {
    const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    match SECRET.into_iter().find(|member| jwk.contains_key(*member)) {
        Some(member) => Err(KeySetError::SecretKey { index, member }),
        None => Ok(()),
    }
}

fn refuse_ambiguity(usable: &[(usize, Key)]) -> Result<(), KeySetError> {
    for (place, (index, key)) in usable.iter().enumerate() {
        let Some(id) = &key.id else {
            if usable.len() > 1 {
                return Err(KeySetError::MissingId { index: *index });
            }
            continue;
        };
        if let Some((first, _)) =
            usable.iter().take(place).find(|(_, earlier)| earlier.id.as_ref() == Some(id))
        {
            return Err(KeySetError::DuplicateId { id: id.clone(), first: *first, index: *index });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
