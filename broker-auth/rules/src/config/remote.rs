//! What does not lie in files: the ports to a host that can ask for it, or refuses it.

use authenticator::trust::CrlSource;

use super::error::ConfigError;
use super::reader::Value;
use crate::factors::KeySource;

/// The port to what a host can learn of revocation from others.
pub trait RemoteRevocation {
    /// The revocation list with this URL.
    ///
    /// # Errors
    /// It is no URL, or the host fetches nothing.
    fn list(&mut self, url: &Value<'_>) -> Result<CrlSource, ConfigError>;

    /// Responders are to be asked; `mode` says so.
    ///
    /// # Errors
    /// The host asks nobody.
    fn ocsp(&mut self, mode: &Value<'_>) -> Result<(), ConfigError>;
}

/// The port to a host that fetches key sets.
pub trait RemoteKeySets {
    /// The key set with this URL, which is used for `max_age` after its server has confirmed it.
    ///
    /// # Errors
    /// It is no URL that keys may come from, the age cannot be, or the host fetches nothing.
    fn key_set(&mut self, url: &Value<'_>, max_age: Option<&Value<'_>>) -> Result<KeySource, ConfigError>;
}
