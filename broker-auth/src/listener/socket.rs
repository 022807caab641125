//! [`Socket`]: a TCP connection that moves from the threads of handshakes to those of sessions.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection. Its readiness is watched by the threads that it was made on, until it is moved.
#[derive(Debug)]
pub(super) struct Socket(Option<TcpStream>);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Some(stream))
    }

    /// Has the threads of the caller watch it from here on.
    ///
    /// # Errors
    /// The system has no room for it; the connection is over then.
    pub(super) fn move_here(&mut self) -> io::Result<()> {
        let stream = self.0.take().ok_or(io::ErrorKind::NotConnected)?;
        self.0 = Some(TcpStream::from_std(stream.into_std()?)?);
        Ok(())
    }

    /// Ends the connection at once: what is written and not sent yet is not sent, and the peer hears of it as an error.
    pub(super) fn reset(&mut self) {
        let Some(stream) = self.0.take() else { return };
        // Without it the connection ends all the same, once what was written is sent.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_connection_goes_on_after_the_threads_that_it_was_made_on_have_ended() {
        let [first, second] = [0; 2].map(|_| Builder::new_multi_thread().enable_all().build().unwrap());
        let (mut near, far) = first.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut near = Socket::new(listener.accept().await.unwrap().0);
            near.write_all(b"before").await.unwrap();
            (near, far.into_std().unwrap())
        });
        second.block_on(async { near.move_here().unwrap() });
        drop(first);
        let (sent, received) = second.block_on(async {
            let mut far = TcpStream::from_std(far).unwrap();
            let reading = tokio::spawn(async move {
                let mut read = [0; 5];
                near.read_exact(&mut read).await.unwrap();
                near.write_all(b" after").await.unwrap();
                read
            });
            // Its readiness has to be told by the threads that are left.
            tokio::time::sleep(Duration::from_millis(20)).await;
            far.write_all(b"hello").await.unwrap();
            let mut received = String::new();
            far.read_to_string(&mut received).await.unwrap();
            (reading.await.unwrap(), received)
        });
        assert_eq!((&sent, received.as_str()), (b"hello", "before after"));
    }
}
