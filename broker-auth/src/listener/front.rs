//! [`HttpFront`]: what a listener is in front of.

use crate::http::{HttpSettings, OriginClient};

/// What a listener in front of an HTTP origin answers by.
pub(crate) struct HttpFront {
    pub(crate) settings: HttpSettings,
    /// `None`: there is no origin.
    pub(crate) origin: Option<OriginClient>,
}
