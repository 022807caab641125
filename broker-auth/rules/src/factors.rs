//! Second factors: the files that they are verified by, read, kept in force, and asked whether what was shown still counts.
//!
//! Which words are a right password, and which a good token, is the business of the crate `second_factor`.

mod blocking_factors;
mod confirmation;
mod credentials;
mod error;
mod factor_store;
mod files;
mod password_checks;
mod password_limit;
mod settings;
mod token;

pub use blocking_factors::{BlockingFactors, Looked};
pub use credentials::Credentials;
pub use error::SecondFactorError;
pub use factor_store::FactorStore;
pub use files::{KeysAge, LoadedFactors};
pub use password_checks::{NotLookedAt, PasswordAttempt, PasswordChecks};
pub use password_limit::{NoTime, PasswordLimit, Taken};
pub use settings::{KeySource, SecondFactorSettings, TokenSettings};
pub use token::{TokenRefusal, token_evidence};
