//! [`ServerNames`]: what clients ask for a listener by.

use authenticator::origin::ServerName;

/// The names that a listener is asked for by. None: it has its address to itself, and names do not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerNames {
    /// In the order of the configuration.
    pub names: Vec<ServerName>,
    /// The one that stands for clients which send none.
    pub default: Option<ServerName>,
}
