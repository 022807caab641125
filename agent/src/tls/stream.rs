//! A session with a broker that has proved itself.

use embedded_io_async::{ErrorType, Read, Write};
use embedded_tls::{TlsConnection, TlsError as Code};

use super::error::TlsError;
use super::gate::ProvenBroker;
use super::guard::Guard;
use super::latch::Latch;
use super::record::RecordFault;
use super::suite::Suite;

/// A byte stream to a broker that has proved its identity, and has been shown ours.
///
/// Made by [`connect`](super::connect) alone. Every error is final: the same one, or what shut the connection first,
/// comes back from every later call.
///
/// A [`read`](Read::read) or [`flush`](Write::flush) may be dropped and called again, nothing is lost. A write that
/// is dropped while it waits shuts the stream ([`RecordFault::Interrupted`]).
pub struct AuthenticatedStream<'b, T: Read + Write> {
    tls: TlsConnection<'b, Guard<'b, T>, Suite>,
    latch: &'b Latch,
    broker: ProvenBroker,
    /// A write has begun and not ended.
    writing: bool,
    end: Option<End>,
}

/// How the stream ended.
#[derive(Clone, Copy)]
enum End {
    /// The broker said close_notify.
    Closed,
    Failed(TlsError),
}

impl<'b, T: Read + Write> AuthenticatedStream<'b, T> {
    pub(super) const fn new(
        tls: TlsConnection<'b, Guard<'b, T>, Suite>,
        latch: &'b Latch,
        broker: ProvenBroker,
    ) -> Self {
        Self { tls, latch, broker, writing: false, end: None }
    }

    /// When the broker's certificate ends, Unix seconds. What the broker says about the time counts up to this.
    pub(crate) const fn broker_not_after(&self) -> u64 {
        self.broker.certificate().not_after()
    }

    /// Sends close_notify, if that can still be done, and drops the transport.
    pub async fn close(self) -> Result<(), TlsError> {
        match self.end {
            Some(End::Closed) => Ok(()),
            Some(End::Failed(error)) => Err(error),
            None => {
                let latch = self.latch;
                self.tls
                    .close()
                    .await
                    .map(drop)
                    .map_err(|(_transport, code)| TlsError::new(code, latch.fault()))
            }
        }
    }

    /// Whether close_notify can still be sent.
    ///
    /// Not after the broker's own close_notify: embedded-tls would answer with a malformed record in plain text.
    pub(crate) const fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// [`close`](Self::close) of a stream that [is open](Self::is_open), without a result. It takes the stream by value
    /// into one future only: an async function would hold it twice.
    pub(crate) fn closing(self) -> impl Future<Output = impl Sized> {
        self.tls.close()
    }

    fn fail(&mut self, code: Code) -> TlsError {
        let error = TlsError::new(code, self.latch.fault());
        self.latch.shut(RecordFault::Refused);
        self.end = Some(End::Failed(error));
        error
    }

    /// Shuts the stream if a write was dropped: how much of it has gone out is not known.
    fn check_writing(&mut self) {
        if self.writing && self.end.is_none() {
            self.end = Some(End::Failed(self.latch.shut(RecordFault::Interrupted).into()));
        }
    }
}

impl<T: Read + Write> ErrorType for AuthenticatedStream<'_, T> {
    type Error = TlsError;
}

impl<T: Read + Write> Read for AuthenticatedStream<'_, T> {
    /// `Ok(0)` once the broker has said close_notify, and only then: a connection that is cut is an error.
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, TlsError> {
        self.check_writing();
        match self.end {
            Some(End::Closed) => return Ok(0),
            Some(End::Failed(error)) => return Err(error),
            None => {}
        }
        match self.tls.read(into).await {
            Ok(length) => Ok(length),
            // The guard lets no plain text through, so it was the broker who said this.
            Err(Code::ConnectionClosed) => {
                self.end = Some(End::Closed);
                Ok(0)
            }
            Err(code) => Err(self.fail(code)),
        }
    }
}

impl<T: Read + Write> Write for AuthenticatedStream<'_, T> {
    async fn write(&mut self, from: &[u8]) -> Result<usize, TlsError> {
        self.check_writing();
        match self.end {
            Some(End::Closed) => return Err(TlsError::Record(RecordFault::Ended)),
            Some(End::Failed(error)) => return Err(error),
            None if from.is_empty() => return Ok(0),
            None => {}
        }
        self.writing = true;
        let written = self.tls.write(from).await;
        self.writing = false;
        match written {
            Ok(length) => Ok(length),
            Err(code) => Err(self.fail(code)),
        }
    }

    async fn flush(&mut self) -> Result<(), TlsError> {
        self.check_writing();
        match self.end {
            Some(End::Closed) => return Err(TlsError::Record(RecordFault::Ended)),
            Some(End::Failed(error)) => return Err(error),
            None => {}
        }
        match self.tls.flush().await {
            Ok(()) => Ok(()),
            Err(code) => Err(self.fail(code)),
        }
    }
}
