//! [`Argon2Hash`]: a password at rest.

use std::fmt;

use argon2::password_hash::{self, Output, PasswordHash};
use data_encoding::BASE64_NOPAD;

use super::cost::{Cost, CostFault};

/// An Argon2id hash of a password, with its salt and cost. Displays as a PHC string
/// (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`), and only there shows its hash.
///
/// Argon2i and Argon2d are refused: RFC 9106 §4 recommends Argon2id wherever both timing and hardware are a threat, and
/// two more variants in a file are two more things that can be chosen wrongly.
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2Hash {
    cost: Cost,
    salt: Box<[u8]>,
    output: Output,
}

/// Why a text is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// It does not follow the PHC string format.
    #[error("is no PHC string ($argon2id$v=19$m=…,t=…,p=…$salt$hash): {0}")]
    Format(password_hash::Error),
    /// Another algorithm.
    #[error("is not made by Argon2id: make the hash anew")]
    Algorithm,
    /// Another version than 1.3, or none.
    #[error("is not made by version 1.3 of Argon2 (v=19): make the hash anew")]
    Version,
    /// There are others than these three, or one of them is missing.
    #[error("must have the parameters m, t and p, and no others")]
    Parameters,
    /// The cost is refused.
    #[error(transparent)]
    Cost(#[from] CostFault),
    /// A salt is missing, or shorter than Argon2 allows.
    #[error("has no salt of {} bytes at least", Argon2Hash::LEAST_SALT)]
    Salt,
    /// There is only a salt.
    #[error("has no hash behind its salt")]
    NoHash,
}

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusablePassword {
    /// There is none.
    #[error("the password is empty: choose one")]
    Empty,
    /// It is too long.
    #[error("the password has {length} bytes: choose one of {} at most", Argon2Hash::LONGEST_PASSWORD)]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// Argon2 does not take it.
    #[error("Argon2 does not take the password: {0}")]
    Argon2(password_hash::Error),
}

impl Argon2Hash {
    /// The longest password, in bytes.
    pub const LONGEST_PASSWORD: usize = 1024;
    /// The shortest salt that Argon2 allows, in bytes (RFC 9106 §3.1 recommends 16).
    pub const LEAST_SALT: usize = argon2::MIN_SALT_LEN;
    /// The length of the hashes made here, in bytes.
    const OUTPUT: usize = 32;

    /// Reads a PHC string.
    ///
    /// # Errors
    /// It is none, is not Argon2id's, or has a cost that is refused.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        let parsed = PasswordHash::new(text).map_err(HashFault::Format)?;
        if parsed.algorithm != argon2::ARGON2ID_IDENT {
            return Err(HashFault::Algorithm);
        }
        if parsed.version != Some(argon2::Version::V0x13.into()) {
            return Err(HashFault::Version);
        }
        let parameter = |name| parsed.params.get_decimal(name).ok_or(HashFault::Parameters);
        let cost = (parameter("m")?, parameter("t")?, parameter("p")?);
        if parsed.params.iter().count() != 3 {
            return Err(HashFault::Parameters);
        }
        let cost = Cost::new(cost.0, cost.1, cost.2)?;
        let salt = parsed.salt.ok_or(HashFault::Salt)?.as_str();
        let salt = BASE64_NOPAD.decode(salt.as_bytes()).map_err(|_| HashFault::Salt)?;
        if salt.len() < Self::LEAST_SALT {
            return Err(HashFault::Salt);
        }
        Ok(Self { cost, salt: salt.into(), output: parsed.hash.ok_or(HashFault::NoHash)? })
    }

    /// Makes the hash of `password`, at the default [`Cost`]. `salt` is random, and used once. Blocks for milliseconds.
    ///
    /// # Errors
    /// The password is empty, or longer than [`Self::LONGEST_PASSWORD`].
    pub fn make(password: &[u8], salt: &[u8; 16]) -> Result<Self, UnusablePassword> {
        match password.len() {
            0 => Err(UnusablePassword::Empty),
            length if length > Self::LONGEST_PASSWORD => Err(UnusablePassword::TooLong { length }),
            _ => {
                let cost = Cost::default();
                let output = cost.hash(password, salt, Self::OUTPUT).map_err(UnusablePassword::Argon2)?;
                Ok(Self { cost, salt: salt.as_slice().into(), output })
            }
        }
    }

    /// Whether it is the hash of `password`. No time is spent on a password that is empty or too long: nobody has it.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        if password.is_empty() || password.len() > Self::LONGEST_PASSWORD {
            return false;
        }
        // Compared in constant time: that is how `Output` compares.
        self.cost.hash(password, &self.salt, self.output.len()).is_ok_and(|output| output == self.output)
    }

    /// What one look at a password costs.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// The length of the salt, in bytes.
    pub fn salt_len(&self) -> usize {
        self.salt.len()
    }
}

impl fmt::Display for Argon2Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, passes, lanes) = (self.cost.memory_kib(), self.cost.passes(), self.cost.lanes());
        let salt = BASE64_NOPAD.encode(&self.salt);
        write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${}", self.output)
    }
}

/// The cost alone.
impl fmt::Debug for Argon2Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Hash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The salt `somesaltsomesalt`, at the least cost; a hash is to follow.
    const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";

    #[test]
    fn a_hash_is_written_as_it_was_read() {
        let text = Argon2Hash::make(b"secret", b"0123456789abcdef").expect("a password").to_string();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"), "{text}");
        assert_eq!(Argon2Hash::parse(&text).expect("a hash").to_string(), text);
    }

    #[test]
    fn only_the_password_itself_matches() {
        let hash = Argon2Hash::make(b"secret", &[7; 16]).expect("a password");
        assert!(hash.is_of(b"secret"));
        for wrong in [&b""[..], b"Secret", b"secre", b"secret\0", b"secret ", &[b's'; 1024], &[b's'; 1025]] {
            assert!(!hash.is_of(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn passwords_have_one_byte_to_1024() {
        let make = |length: usize| {
            Argon2Hash::make(&vec![b'x'; length], &[7; 16]).map(|hash| hash.is_of(&vec![b'x'; length]))
        };
        assert_eq!(make(0), Err(UnusablePassword::Empty));
        assert_eq!(make(1), Ok(true));
        assert_eq!(make(1024), Ok(true));
        assert_eq!(make(1025), Err(UnusablePassword::TooLong { length: 1025 }));
    }

    #[test]
    fn nothing_else_is_a_hash() {
        let good = format!("{CHEAP}MDEyMzQ1Njc4OWFiY2RlZg");
        assert!(Argon2Hash::parse(&good).is_ok());
        for (from, to, fault) in [
            ("argon2id", "argon2i", HashFault::Algorithm),
            ("argon2id", "argon2d", HashFault::Algorithm),
            ("argon2id", "scrypt", HashFault::Algorithm),
            ("v=19", "v=16", HashFault::Version),
            ("$v=19", "", HashFault::Version),
            ("m=8,", "", HashFault::Parameters),
            ("$m=8,t=1,p=1", "", HashFault::Parameters),
            ("p=1", "p=1,keyid=Zm9v", HashFault::Parameters),
            ("p=1", "p=1,data=Zm9v", HashFault::Parameters),
            ("c29tZXNhbHRzb21lc2FsdA", "c29tZXM", HashFault::Salt),
            ("$MDEyMzQ1Njc4OWFiY2RlZg", "", HashFault::NoHash),
            (
                "m=8",
                "m=65537",
                HashFault::Cost(CostFault::TooHigh { memory_kib: 65_537, passes: 1, lanes: 1 }),
            ),
            ("t=1", "t=5", HashFault::Cost(CostFault::TooHigh { memory_kib: 8, passes: 5, lanes: 1 })),
            ("m=8", "m=7", HashFault::Cost(CostFault::BelowArgon2 { memory_kib: 7, passes: 1, lanes: 1 })),
        ] {
            assert_eq!(Argon2Hash::parse(&good.replace(from, to)), Err(fault), "{from} → {to}");
        }
        for (from, to) in
            [("m=8", "m=08"), ("m=8", "m=-8"), ("m=8", "m=4294967296"), ("p=1", "p=1,p=1"), ("MDEy", "MD=y")]
        {
            assert!(Argon2Hash::parse(&good.replace(from, to)).is_err(), "{from} → {to}");
        }
        for end in 0..good.len() {
            // The salt may end earlier, and so may the hash, at Argon2's own minimum.
            if let Ok(hash) = good.get(..end).map_or(Err(HashFault::Salt), Argon2Hash::parse) {
                assert!(end > CHEAP.len() && hash.to_string() == good[..end], "{end}");
            }
        }
    }

    #[test]
    fn debug_does_not_show_the_hash() {
        let hash = Argon2Hash::make(b"secret", &[7; 16]).expect("a password");
        let output = hash.output.to_string();
        assert!(!format!("{hash:?}").contains(&output) && hash.to_string().contains(&output));
    }
}
