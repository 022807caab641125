//! Fetching from a server of a test.

use std::time::Duration;

use bytes::Bytes;
use fetch::{Bounds, FetchError, FetchFault, Fetched, Fetcher, Roots, Validators};

use crate::server::Server;

pub(crate) const BOUNDS: Bounds = Bounds { max_bytes: 100_000, timeout: Duration::from_secs(10) };

/// A fetcher for plain HTTP.
pub(crate) fn fetcher() -> Fetcher {
    Fetcher::new(&Roots::Files(Vec::new())).unwrap()
}

pub(crate) async fn get(url: &str, bounds: Bounds) -> Result<Fetched, FetchError> {
    fetcher().get(&url.parse().unwrap(), &Validators::default(), &bounds).await
}

/// What a fetch from a server that answers `answer` comes to.
pub(crate) async fn told(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Fetched, FetchFault> {
    let server = Server::says(answer);
    get(&server.url("/file"), BOUNDS).await.map_err(|error| error.fault)
}

/// The file that a server sends by answering `answer`.
pub(crate) async fn file(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Bytes {
    match told(answer).await.unwrap() {
        Fetched::Body { bytes, .. } => bytes,
        Fetched::NotModified { .. } => panic!("a body was sent"),
    }
}
