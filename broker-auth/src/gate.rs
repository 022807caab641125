//! From a proven certificate and a CONNECT to a session, or to the CONNACK that says why not.

mod admit;

pub(crate) use admit::{GateContext, PendingClient, REFUSAL_DEADLINE, admit};
