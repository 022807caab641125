//! OCSP: a responder that answers by OpenSSL, or does worse, and what the broker makes of it.

#![forbid(unsafe_code)]

mod asking;
mod clock;
mod conduct;
mod descriptors;
mod http;
mod live;
mod matrix;
mod place;
mod redated;
mod responder;

use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));
