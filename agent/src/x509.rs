//! X.509 for one profile, read in place: no allocation, no panic, nothing lenient.
//!
//! Reading proves nothing; that is the business of [`tls`](crate::tls). It only makes sure that what is read has
//! one meaning.

mod anchor;
mod certificate;
mod certification_request;
mod der;
mod error;
mod extensions;
mod max_len;
mod name;
mod oid;
mod subject_alt_name;
mod validity;

pub use anchor::{Anchor, AnchorError};
pub use certificate::{Certificate, UsageError};
pub use certification_request::{CertificationRequest, CertificationRequestInfo, SubjectTooLong};
pub use der::DerError;
pub use error::CertificateError;
pub use max_len::MAX_LEN;
pub use name::Name;
pub use subject_alt_name::{DnsName, ServerName, ServerNameError};
pub use validity::{Time, TimeError, Validity};
