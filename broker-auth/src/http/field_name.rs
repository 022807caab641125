//! [`Folded`]: the name of a field, as the most careless server reads it.

/// The name of a field as the most careless server reads it: lower case, and everything that is no letter or digit is `-`.
/// CGI and what comes after it (RFC 3875 §4.1.18) cannot tell `X_A` from `X-A`, and some not from `X.A`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folded(String);

/// What belongs to one connection and its framing (RFC 9110 §7.6.1), or is decided anew for the next one. CGI makes of
/// `Proxy` the variable by which programs find their own proxy.
const FRAMING: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Folded {
    pub(super) fn of(name: &str) -> Self {
        let fold = |octet: u8| {
            if octet.is_ascii_alphanumeric() { char::from(octet.to_ascii_lowercase()) } else { '-' }
        };
        Self(name.bytes().map(fold).collect())
    }

    /// Whether it says where a request came from, which is told anew.
    pub(super) fn is_forwarded(&self) -> bool {
        self.0 == "forwarded" || self.0.starts_with("x-forwarded-")
    }
}

/// Whether a field is no business of the next connection.
pub(super) fn is_framing(name: &Folded) -> bool {
    FRAMING.contains(&name.0.as_str()) || name.0.starts_with("proxy-")
}
