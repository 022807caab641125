//! [`SecondFactor`]: what a client has shown beside its certificate.
//!
//! It is verified by others, which takes time, and bound to the client here: a second factor is worth nothing for an identity
//! that is not the certificate's.

use std::fmt;

use rustls_pki_types::UnixTime;

use crate::certificate::{Fingerprint, timestamp};
use crate::identity::{Client, Identity};
use crate::trust::Namespace;

/// What a policy asks for beside the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// The password of the identity.
    Password,
    /// A token of an issuer that is trusted, a JSON Web Token (RFC 7519).
    Token,
}

/// A second factor that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// The client knows the password.
    Password(ShownPassword),
    /// The issuer vouches for it.
    Token(ShownToken),
    /// Somebody who asks about a client supposes that it was shown.
    Supposed(FactorKind),
}

/// A password that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPassword {
    /// Whose it is.
    pub identity: Identity,
    /// Which one it is: the digest of its entry in the password file.
    pub entry: Fingerprint,
}

/// A token that was shown, and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownToken {
    /// The name that it gives the client: `namespace/name`, or the name alone.
    pub name: Box<str>,
    /// The namespace in which a name alone stands for somebody. `None`: in none, for there are several.
    pub namespace: Option<Namespace>,
    /// The claim that has it.
    pub claim: Box<str>,
    /// Who has issued it.
    pub issuer: Box<str>,
    /// Whom it is for: the audience by which it was taken.
    pub audience: Box<str>,
    /// The first second at which it has ended.
    pub expires: UnixTime,
    /// The certificate that it is bound to (RFC 8705 §3.1), if it is.
    pub certificate: Option<Fingerprint>,
    /// The key that signed it: its thumbprint (RFC 7638).
    pub key: Fingerprint,
    /// The algorithm that it is signed with (RFC 7518 §3.1).
    pub algorithm: &'static str,
}

impl FactorKind {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl SecondFactor {
    /// What it is.
    pub fn kind(&self) -> FactorKind {
        match self {
            Self::Password(_) => FactorKind::Password,
            Self::Token(_) => FactorKind::Token,
            Self::Supposed(kind) => *kind,
        }
    }

    /// The first second at which it has ended, if it does.
    pub fn expires(&self) -> Option<UnixTime> {
        match self {
            Self::Token(token) => Some(token.expires),
            Self::Password(_) | Self::Supposed(_) => None,
        }
    }

    /// Refuses one that is not, or no longer, that of `client`.
    ///
    /// # Errors
    /// Why, for the operator.
    pub(crate) fn refuse_other(&self, client: &Client, now: UnixTime) -> Result<(), String> {
        let identity = client.identity();
        match self {
            Self::Supposed(_) => Ok(()),
            Self::Password(password) if password.identity == *identity => Ok(()),
            Self::Password(password) => {
                Err(format!("the password is that of {}, and the client is {identity}", password.identity))
            }
            Self::Token(token) => {
                token.refuse_name_of_other(identity)?;
                if now >= token.expires {
                    return Err(format!("the token ended at {}", timestamp(token.expires)));
                }
                let own = client.certificate().map(|leaf| leaf.fingerprint_sha256());
                match token.certificate {
                    Some(bound) if own != Some(bound) => Err(format!(
                        "the token is bound to the certificate {bound}, which is not the client's"
                    )),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl ShownToken {
    /// Whether it says of which namespace its client is.
    pub fn is_qualified(&self) -> bool {
        // Neither part of a qualified name has one.
        self.name.contains('/')
    }

    /// Refuses it for `identity` if it is for somebody else, or may be.
    fn refuse_name_of_other(&self, identity: &Identity) -> Result<(), String> {
        let (name, qualified) = (&*self.name, identity.qualified());
        if name == qualified {
            return Ok(());
        }
        if name != identity.name() {
            return Err(format!("the token is for {name:?}, and the client is {qualified}"));
        }
        match &self.namespace {
            Some(namespace) if namespace == identity.namespace() => Ok(()),
            Some(namespace) => {
                Err(format!("the token is for {name:?} of {namespace}, and the client is {qualified}"))
            }
            None => Err(format!(
                "the token is for {name:?} and does not say of which namespace, and there are several: it must be for \
                 {qualified:?}"
            )),
        }
    }
}
