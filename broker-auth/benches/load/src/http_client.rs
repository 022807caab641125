//! [`HttpClient`]: one HTTP/1.1 connection over mutual TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::client::PATIENCE;
use crate::site::Identity;

/// One connection. It ends with the value.
pub struct HttpClient {
    requests: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<()>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// TCP or TLS, or the server closed it.
    #[error(transparent)]
    Connection(#[from] std::io::Error),
    /// It is none of HTTP, or cut short.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The request cannot be written.
    #[error(transparent)]
    Request(#[from] http::Error),
    /// Another status than 200.
    #[error("answered with {0}")]
    Status(StatusCode),
    /// Nothing.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
}

impl HttpClient {
    /// TCP and TLS. With TLS 1.3 a client is done before the server has looked at its certificate.
    pub async fn dial(to: SocketAddr, identity: &Identity) -> Result<Self, NoAnswer> {
        let dialled = async {
            let socket = TcpStream::connect(to).await?;
            socket.set_nodelay(true)?;
            let name = ServerName::try_from("localhost").expect("a DNS name");
            let stream = TlsConnector::from(Arc::clone(&identity.tls)).connect(name, socket).await?;
            let (requests, connection) = handshake(TokioIo::new(stream)).await?;
            let connection = tokio::spawn(async move {
                // Who waits for an answer is told.
                let _ = connection.await;
            });
            Ok(Self { requests, connection })
        };
        timeout(PATIENCE, dialled).await.map_err(|_| NoAnswer::Silence)?
    }

    /// Asks for `path`, and reads all of the answer; how long that is, in bytes.
    pub async fn get(&mut self, path: &str) -> Result<usize, NoAnswer> {
        let request = Request::get(path).header(HOST, "localhost").body(Empty::new())?;
        let asked = async {
            self.requests.ready().await?;
            let answer = self.requests.send_request(request).await?;
            let status = answer.status();
            let body = answer.into_body().collect().await?.to_bytes();
            if status == StatusCode::OK { Ok(body.len()) } else { Err(NoAnswer::Status(status)) }
        };
        timeout(PATIENCE, asked).await.map_err(|_| NoAnswer::Silence)?
    }
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
