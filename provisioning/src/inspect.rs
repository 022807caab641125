//! What a file says: a credential image, a certificate, a signing request, a CRL. Never a private key.

mod content;
mod read;

pub use content::{CertificateContent, Content, CrlContent, ImageContent, RequestContent, RevokedContent};
pub use read::{InspectError, inspect};
