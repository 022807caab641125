//! What an HTTP request asks for, and which policies may have it: values and pure functions, without a socket.

mod method;
mod path_rules;
mod request_path;

pub use method::{HttpMethod, NotAMethod};
pub use path_rules::{HttpRules, PathDenied, PathRule};
pub use request_path::{PathFault, RequestPath, WHO_AM_I};
