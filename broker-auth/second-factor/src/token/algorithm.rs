//! [`Algorithm`]: what a token is signed with.

use std::fmt;
use std::str::FromStr;

/// An asymmetric signature algorithm of RFC 7518 §3.1 or RFC 8037. There is no value for `none` and for the symmetric
/// ones: whoever could verify with those could make tokens, and an unsigned token is anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// EdDSA with Ed25519; Ed448 is not supported.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
}

/// Why a name is no [`Algorithm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// `none`, in any case.
    #[error("the algorithm \"none\" is no signature")]
    Unsigned,
    /// One of HMAC.
    #[error("the algorithm is symmetric: whoever verifies such a token can make one")]
    Symmetric,
    /// Any other. Names are case-sensitive (RFC 7515 §4.1.1).
    #[error("the algorithm is none of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512")]
    Unsupported,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// The name in `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    fn from_str(name: &str) -> Result<Self, AlgorithmError> {
        if let Some(found) = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name) {
            return Ok(found);
        }
        Err(match name {
            "HS256" | "HS384" | "HS512" => AlgorithmError::Symmetric,
            _ if name.eq_ignore_ascii_case("none") => AlgorithmError::Unsigned,
            _ => AlgorithmError::Unsupported,
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_algorithm_only_as_it_is_spelt() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            let other_case = algorithm.as_str().to_ascii_lowercase();
            assert_eq!(other_case.parse::<Algorithm>(), Err(AlgorithmError::Unsupported));
        }
        for (name, error) in [
            ("none", AlgorithmError::Unsigned),
            ("nOnE", AlgorithmError::Unsigned),
            ("HS256", AlgorithmError::Symmetric),
            ("HS512", AlgorithmError::Symmetric),
            ("ES256K", AlgorithmError::Unsupported),
            ("ES512", AlgorithmError::Unsupported),
            ("RS1", AlgorithmError::Unsupported),
            ("", AlgorithmError::Unsupported),
            (" ES256", AlgorithmError::Unsupported),
        ] {
            assert_eq!(name.parse::<Algorithm>(), Err(error), "{name:?}");
        }
    }
}
