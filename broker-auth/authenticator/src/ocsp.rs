//! Whether a proven certificate is still good, asked of its CA (OCSP, RFC 6960).
//!
//! ```text
//! VerifiedChain → OcspRequest → … a responder … → judge → OcspAnswer
//! ```
//!
//! An [`OcspRequest`] is made for a proven certificate and sent by somebody else to the responder that [`responder`]
//! names; [`judge`] makes an [`OcspAnswer`] of what comes back, or says by an [`OcspFault`] why that is none.

mod answer;
mod cert_id;
mod fault;
mod freshness;
mod judge;
mod request;
mod responder;
mod signer;

pub use answer::{OcspAnswer, OcspStatus};
pub use fault::{OcspFault, ResponderError, SignerFault};
pub use judge::{MAX_RESPONSE_LEN, judge};
pub use request::{OcspRequest, RequestFault};
pub use responder::{NotAllowed, responder};
