//! What a device and the service that renews its certificate say to each other.
//!
//! Three messages, each the payload of one PUBLISH: a [`Request`] and a [`Confirmation`] on `credential/request`, an
//! [`Issued`] on `credential/response`. A payload is
//!
//! ```text
//! offset  length
//!      0       4  "CSRN"
//!      4       1  version: 1
//!      5          postcard: which message, then its fields in their order here
//! ```
//!
//! and nothing after it. The transport is not trusted: whoever may publish on a device's topic can say anything, so a
//! request and a confirmation carry a signature over what they say, its lengths and the device's id included
//! ([`RequestContent::signed`], [`ConfirmationContent::signed`]).

mod error;
mod message;
mod signed;

pub use error::MessageError;
pub use message::{
    Confirmation, ConfirmationContent, FromDevice, Issued, MAX_CSR_LEN, MAX_MESSAGE_LEN, MAX_SERIAL_LEN,
    Request, RequestContent, SIGNATURE_LEN, Statement,
};
pub use signed::{MAX_SIGNED_LEN, Signed};

#[cfg(test)]
mod tests;
