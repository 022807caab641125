//! [`Validators`]: what a server called a file when it sent it.

use http::header::{ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue};

/// A longer validator is not worth sending again, bytes.
const MAX_LEN: usize = 1024;

/// What a server called a file when it sent it (RFC 9110 §8.8), for asking whether it still has the same. They are the
/// server's words: a date among them proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

impl Validators {
    pub(crate) fn of(header: &HeaderMap) -> Self {
        let one = |name: HeaderName| header.get(name).filter(|value| value.len() <= MAX_LEN).cloned();
        Self { etag: one(ETAG), last_modified: one(LAST_MODIFIED) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// The conditions of a request (RFC 9110 §13.1): both, as servers of either understand one.
    pub(crate) fn ask(&self, header: &mut HeaderMap) {
        if let Some(etag) = &self.etag {
            header.insert(IF_NONE_MATCH, etag.clone());
        }
        if let Some(last_modified) = &self.last_modified {
            header.insert(IF_MODIFIED_SINCE, last_modified.clone());
        }
    }
}
