//! [`HttpMethod`]: what a request does to its path.

use std::fmt;
use std::str::FromStr;

/// A request method (RFC 9110 §9.3, RFC 5789) that is handed on. CONNECT and TRACE are none: the first asks for a tunnel,
/// the second shows a client the fields that are added for the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpMethod {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
}

impl HttpMethod {
    /// Every method.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// The word on the wire; methods are case-sensitive (RFC 9110 §9.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// A word that is no method, or none that is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is none of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")]
pub struct NotAMethod;

impl FromStr for HttpMethod {
    type Err = NotAMethod;

    fn from_str(word: &str) -> Result<Self, NotAMethod> {
        Self::ALL.into_iter().find(|method| method.as_str() == word).ok_or(NotAMethod)
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
