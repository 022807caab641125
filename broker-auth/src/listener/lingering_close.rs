//! Closing a connection so that the peer learns why.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long a refused peer's last bytes are awaited.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// How many of them are read at most.
const MAX_BYTES: usize = 64 * 1024;

/// Closes a connection after an alert, or an answer, was written to it.
///
/// In TLS 1.3 the client has usually sent its CONNECT before the server has judged its certificate. Closing a socket
/// with unread bytes resets the connection, and a reset overtakes the alert that says why.
pub(super) async fn lingering_close(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let drain = async {
        stream.shutdown().await?;
        let mut discarded = [0; 2048];
        let mut total = 0;
        while total < MAX_BYTES {
            match stream.read(&mut discarded).await? {
                0 => break,
                read => total += read,
            }
        }
        Ok::<(), std::io::Error>(())
    };
    // Whether the peer listens is its own affair.
    let _ = timeout(LINGER_TIMEOUT, drain).await;
}
