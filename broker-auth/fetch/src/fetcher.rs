//! [`Fetcher`]: fetches files.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::bounds::{Bounds, MAX_TIMEOUT};
use crate::error::{FetchError, FetchFault, Stage};
use crate::exchange::Exchange;
use crate::fetched::Fetched;
use crate::roots::{Roots, RootsError};
use crate::url::Url;
use crate::validators::Validators;

/// Fetches files. Nothing is kept from one to the next, neither connections nor TLS sessions.
#[derive(Clone)]
pub struct Fetcher {
    /// None if there is no CA to check certificates against.
    tls: Option<TlsConnector>,
}

impl Fetcher {
    /// Reads `roots`, which may block.
    pub fn new(roots: &Roots) -> Result<Self, RootsError> {
        Ok(Self { tls: roots.connector()? })
    }

    /// The file at `url`, unless it is still the one that `validators` describe. Up to two redirects are followed, on the
    /// same host and port, and not from `https` to `http`.
    pub async fn get(
        &self,
        url: &Url,
        validators: &Validators,
        bounds: &Bounds,
    ) -> Result<Fetched, FetchError> {
        let (begin, mut exchange) = self.begin(bounds);
        let outcome = timeout_at(exchange.deadline, exchange.get(url, validators)).await;
        let outcome = outcome.unwrap_or(Err(FetchFault::TimedOut(exchange.stage)));
        outcome.map_err(|fault| FetchError { url: url.clone(), fault, after: begin.elapsed() })
    }

    /// What the server at `url` answers to `body` with status 200. No redirect is followed.
    pub async fn post(
        &self,
        url: &Url,
        content_type: &'static str,
        body: Bytes,
        bounds: &Bounds,
    ) -> Result<Bytes, FetchError> {
        let (begin, mut exchange) = self.begin(bounds);
        let content_type = HeaderValue::from_static(content_type);
        let outcome = timeout_at(exchange.deadline, exchange.post(url, content_type, body)).await;
        let outcome = outcome.unwrap_or(Err(FetchFault::TimedOut(exchange.stage)));
        outcome.map_err(|fault| FetchError { url: url.clone(), fault, after: begin.elapsed() })
    }

    fn begin(&self, bounds: &Bounds) -> (Instant, Exchange<'_>) {
        let begin = Instant::now();
        let (deadline, stage) = (begin + bounds.timeout.min(MAX_TIMEOUT), Stage::Lookup);
        (begin, Exchange { tls: self.tls.as_ref(), bounds: *bounds, deadline, stage })
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("checks_certificates", &self.tls.is_some()).finish()
    }
}
