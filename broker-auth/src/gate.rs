//! From a proven certificate and a CONNECT to a session, or to the CONNACK that says why not.

mod admit;
mod unchecked;

pub(crate) use admit::{GateContext, PendingClient, REFUSAL_DEADLINE, admit, random_bits};
pub(crate) use unchecked::note_unchecked;
