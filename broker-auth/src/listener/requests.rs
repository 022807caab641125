//! From a finished handshake to HTTP requests.

use std::sync::Arc;

use tokio_rustls::server::TlsStream;

use super::lingering_close::lingering_close;
use super::socket::Socket;
use crate::http::{ConnectionEnd, HttpClient, HttpContext, serve};

/// Answers the requests of a client until it goes, or must go.
pub(super) async fn serve_requests(http: Arc<HttpContext>, stream: TlsStream<Socket>, client: HttpClient) {
    match serve(http, client, stream).await {
        // What a client still sends is taken: a reset would overtake the answer that says why it is refused.
        ConnectionEnd::Finished(stream) => lingering_close(stream).await,
        ConnectionEnd::Cut(mut stream) => stream.get_mut().0.reset(),
    }
}
