//! A connection to the server of a URL.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::bounds::MAX_ADDRESSES;
use crate::error::{FetchFault, Stage};
use crate::url::Url;

/// A byte stream, in TLS or not.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Connects to the server of `url`, in TLS if it is `https`, and says in `stage` how far it is.
pub(crate) async fn connect(
    url: &Url,
    tls: Option<&TlsConnector>,
    deadline: Instant,
    stage: &mut Stage,
) -> Result<Box<dyn Connection>, FetchFault> {
    *stage = Stage::Lookup;
    let host = url.host().into_owned();
    let found = lookup_host((host.as_str(), url.port())).await.map_err(FetchFault::Lookup)?;
    let addresses: Vec<_> = found.take(MAX_ADDRESSES).collect();
    *stage = Stage::Connect;
    let stream = connect_to_one(&addresses, deadline).await?;
    if !url.is_https() {
        return Ok(Box::new(stream));
    }
    *stage = Stage::Tls;
    let tls = tls.ok_or(FetchFault::NoRoots)?;
    let stream = tls.connect(url.server_name().clone(), stream).await.map_err(FetchFault::Tls)?;
    Ok(Box::new(stream))
}

/// The first address that accepts. Each has its share of the time: one that answers nothing leaves some to the next.
async fn connect_to_one(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, FetchFault> {
    let no_address = || FetchFault::Lookup(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    let mut failed = None;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        let refused = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        };
        failed = Some(FetchFault::Connect { address: *address, source: refused });
    }
    Err(failed.unwrap_or_else(no_address))
}
