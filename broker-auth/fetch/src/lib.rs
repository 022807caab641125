//! Small files by HTTP and HTTPS, with bounds on time and size. What is fetched is trusted by nobody for having been
//! fetched.
//!
//! ```text
//! Url → Fetcher → exchange → connect → answer → Fetched
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answer;
mod bounds;
mod connect;
mod error;
mod exchange;
mod fetched;
mod fetcher;
mod freshness;
mod redirect;
mod roots;
mod url;
mod validators;

pub use bounds::Bounds;
pub use error::{FetchError, FetchFault, Stage};
pub use fetched::Fetched;
pub use fetcher::Fetcher;
pub use redirect::RedirectFault;
pub use roots::{Roots, RootsError};
pub use url::{Url, UrlError};
pub use validators::Validators;
