//! [`TlsVersions`].

/// The TLS versions of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.3 alone; the default.
    Tls13,
    /// TLS 1.2 and 1.3, for older stacks.
    Tls12And13,
    /// TLS 1.2 alone, to find out who still speaks it.
    Tls12,
}
