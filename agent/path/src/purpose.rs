//! [`Purpose`]: what a certificate is presented for.

use std::fmt;

use crate::certificate::ExtendedKeyUsage;

/// What a certificate is presented for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A TLS client: id-kp-clientAuth.
    Client,
    /// A TLS server: id-kp-serverAuth.
    Server,
    /// A responder that a CA delegates to: id-kp-OCSPSigning (RFC 6960 §4.2.2.2).
    OcspSigning,
}

impl Purpose {
    /// Whether the extended key usage names it. "Any" does not name it: RFC 5280 §4.2.1.12 lets an application ask for
    /// the purpose itself.
    pub(crate) fn is_named(self, usage: ExtendedKeyUsage) -> bool {
        match self {
            Self::Client => usage.client_auth,
            Self::Server => usage.server_auth,
            Self::OcspSigning => usage.ocsp_signing,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client authentication",
            Self::Server => "server authentication",
            Self::OcspSigning => "OCSP signing",
        })
    }
}
