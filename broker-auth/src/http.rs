//! In front of an HTTP origin: every request of a client is decided anew, rebuilt, and handed on.
//!
//! ```text
//! TLS → head_reader → hyper → exchange → origin
//!          ↑ head        ↓ body     ↑ client_fields, fields
//! ```
//!
//! hyper forgives what must be refused here: it drops Content-Length beside Transfer-Encoding, takes two Hosts and lines
//! that end with LF alone. So [`head_reader`] reads every head itself, whole and strictly, and hyper is given only what the
//! framing of the message needs. What goes to the origin is made of what was judged. A connection to the origin carries one
//! request: what one client sends never stands in the bytes before another's.

mod answer_body;
mod authorization;
mod caller;
mod client_fields;
mod connection;
mod exchange;
mod expected_host;
mod field_name;
mod fields;
mod flow;
mod head;
mod head_fault;
mod head_reader;
mod origin;
mod problem;
mod refusal;
mod request_body;
mod serve;
mod settings;
mod upstream;
mod variable;
mod who_am_i;

pub(crate) use client_fields::{ClientFields, FieldStyle};
pub(crate) use connection::HttpContext;
pub(crate) use expected_host::ExpectedHost;
pub(crate) use origin::{OriginClient, OriginError};
pub(crate) use serve::{ConnectionEnd, HttpClient, serve};
pub(crate) use settings::HttpSettings;
pub(crate) use upstream::Upstream;
