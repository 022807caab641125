//! The gateway's life: attempt after attempt, until its input ends or somebody asks it to stop.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::SecureRandom;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::command::{CommandWriter, Delivery};
use super::credential::Credential;
use super::journal::Journal;
use super::outbox::Outbox;
use super::stdin::{self, Line};
use super::stop::StopSignals;
use super::tls;
use crate::session::{Session, State, Timing};

/// What may differ from one gateway to the next.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Stay connected for commands when the input has ended.
    pub keep_running: bool,
    /// How long to wait for the last acknowledgements once the end is wished for.
    pub drain: Duration,
    /// The waits between attempts.
    pub timing: Timing,
}

/// Why a gateway ended without having done everything.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// rustls does not take the credential.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The signal handlers cannot be installed.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// stdout is closed, so commands cannot be handed on.
    #[error("cannot write commands to stdout: {0}")]
    Stdout(io::Error),
    /// The end came before the last acknowledgements.
    #[error("{lines} telemetry lines were not acknowledged by the broker; last state: {state}")]
    Undelivered {
        /// How many lines, at least.
        lines: usize,
        /// Where the session stood.
        state: State,
    },
    /// The broker did not allow some of the lines.
    #[error("the broker denied {lines} telemetry lines")]
    Denied {
        /// How many.
        lines: u64,
    },
}

/// Holds the session of `credential` until stdin has ended and all of it is acknowledged, or a signal comes.
///
/// An input without a single line (`/dev/null`) is no input: the gateway then runs for its commands.
pub async fn run(credential: &Credential, options: Options, journal: &Journal) -> Result<(), RunError> {
    let stop = StopSignals::listen().map_err(RunError::Signals)?;
    let (lines, input_end) = stdin::read(|| io::stdin().lock(), credential.device_id().clone());
    let mut gateway = Gateway {
        credential,
        tls: Arc::new(tls::client_config(credential)?),
        journal,
        options,
        session: Session::new(options.timing),
        outbox: Outbox::default(),
        commands: CommandWriter::new(io::stdout),
        closing: Closing::No,
        started: Instant::now(),
        connection: 0,
        denied_lines: 0,
        lines,
        lines_open: true,
        input_end: Some(input_end),
        stop,
    };
    let result = gateway.attempts().await;
    match gateway.denied_lines {
        0 => result,
        lines => result.and(Err(RunError::Denied { lines })),
    }
}

/// Whether the end is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    /// The input has ended; what it held is still to be delivered.
    InputEnded {
        deadline: Instant,
    },
    /// A signal came; what has been read so far is still to be delivered, if there is a session.
    Asked {
        deadline: Instant,
    },
}

/// Everything that outlives a connection.
pub(super) struct Gateway<'a> {
    pub(super) credential: &'a Credential,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) journal: &'a Journal,
    pub(super) session: Session,
    pub(super) outbox: Outbox,
    pub(super) commands: CommandWriter,
    /// Which connection this is, counted from 1.
    pub(super) connection: u64,
    pub(super) denied_lines: u64,
    options: Options,
    closing: Closing,
    started: Instant,
    lines: mpsc::Receiver<Line>,
    lines_open: bool,
    input_end: Option<oneshot::Receiver<u64>>,
    stop: StopSignals,
}

/// How it all ends.
pub(super) type End = Result<(), RunError>;

/// What can happen whether there is a connection or not.
pub(super) enum Happening {
    Line(Line),
    LinesTaken,
    InputEnded { lines: u64 },
    StopAsked,
    DrainOver,
    Written(io::Result<Delivery>),
}

impl Gateway<'_> {
    async fn attempts(&mut self) -> End {
        loop {
            self.session.connecting();
            let (host, port) = (self.credential.broker_host(), self.credential.broker_port());
            self.journal.state(State::Connecting, &format!("{host}:{port}"));
            let ended = match self.attempt().await {
                ControlFlow::Break(end) => return end,
                ControlFlow::Continue(ended) => ended,
            };
            self.outbox.connection_lost();
            let wait = self.session.ended(ended.ending, ended.retry_after, self.now(), random());
            self.journal.ended(self.session.state(), &ended, wait);
            if let ControlFlow::Break(end) = self.wait(wait).await {
                return end;
            }
        }
    }

    async fn wait(&mut self, wait: Duration) -> ControlFlow<End> {
        let over = Instant::now() + wait;
        loop {
            if let Some(end) = self.end_offline() {
                return ControlFlow::Break(end);
            }
            tokio::select! {
                () = sleep_until(over) => return ControlFlow::Continue(()),
                happening = self.happening() => {
                    self.take(happening)?;
                }
            }
        }
    }

    /// The end, if it is wished for and nothing is to be gained by another connection.
    pub(super) fn end_offline(&self) -> Option<End> {
        match self.closing {
            Closing::Asked { .. } => Some(if self.is_drained() { Ok(()) } else { Err(self.undelivered()) }),
            Closing::InputEnded { .. } if self.is_drained() => Some(Ok(())),
            Closing::InputEnded { .. } | Closing::No => None,
        }
    }

    /// Whether the end is wished for and everything is delivered, both ways: a command that is on stdout and not
    /// acknowledged would come again.
    pub(super) fn may_leave(&self) -> bool {
        self.closing != Closing::No && self.is_drained() && self.commands.is_idle()
    }

    fn is_drained(&self) -> bool {
        // After a signal nobody waits for the end of the input, which may never come.
        let read_out = !self.lines_open || matches!(self.closing, Closing::Asked { .. });
        self.outbox.is_empty() && self.lines.is_empty() && read_out
    }

    fn undelivered(&self) -> RunError {
        let lines = self.outbox.unacknowledged_lines() + self.lines.len();
        RunError::Undelivered { lines, state: self.session.state() }
    }

    /// Time since the start, for the session.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for the next thing to happen; giving up the wait loses nothing.
    pub(super) async fn happening(&mut self) -> Happening {
        let deadline = match self.closing {
            Closing::No => None,
            Closing::InputEnded { deadline } | Closing::Asked { deadline } => Some(deadline),
        };
        tokio::select! {
            line = self.lines.recv(), if self.lines_open && self.outbox.has_room() => {
                line.map_or(Happening::LinesTaken, Happening::Line)
            }
            lines = ended(&mut self.input_end) => Happening::InputEnded { lines },
            () = self.stop.asked() => Happening::StopAsked,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Happening::DrainOver,
            written = self.commands.written() => Happening::Written(written),
        }
    }

    /// Takes in what happened. What a connection has to do about it is the connection's affair.
    pub(super) fn take(&mut self, happening: Happening) -> ControlFlow<End, Option<Delivery>> {
        match happening {
            Happening::Line(Ok(outgoing)) => self.outbox.push(outgoing),
            Happening::Line(Err((number, error))) => self.journal.line_unusable(number, &error),
            Happening::LinesTaken => self.lines_open = false,
            Happening::InputEnded { lines } => {
                if lines > 0 && !self.options.keep_running && self.closing == Closing::No {
                    self.closing = Closing::InputEnded { deadline: Instant::now() + self.options.drain };
                }
            }
            Happening::StopAsked => match self.closing {
                Closing::Asked { .. } => return ControlFlow::Break(Err(self.undelivered())),
                _ => self.closing = Closing::Asked { deadline: Instant::now() + self.options.drain },
            },
            // Whoever reads our stdout no longer does; what he has not read will come again.
            Happening::DrainOver if self.is_drained() => return ControlFlow::Break(Ok(())),
            Happening::DrainOver => return ControlFlow::Break(Err(self.undelivered())),
            Happening::Written(Ok(delivery)) => return ControlFlow::Continue(Some(delivery)),
            Happening::Written(Err(error)) => return ControlFlow::Break(Err(RunError::Stdout(error))),
        }
        ControlFlow::Continue(None)
    }
}

/// The number of lines the input had, once; then never again.
async fn ended(input_end: &mut Option<oneshot::Receiver<u64>>) -> u64 {
    match input_end {
        Some(receiver) => {
            let lines = receiver.await.unwrap_or(0);
            *input_end = None;
            lines
        }
        None => std::future::pending().await,
    }
}

/// Uniform over all of `u32`; without randomness there would be no TLS either, so a failure only costs the jitter.
fn random() -> u32 {
    let mut bytes = [0; 4];
    let provider = rustls::crypto::ring::default_provider();
    match SecureRandom::fill(provider.secure_random, &mut bytes) {
        Ok(()) => u32::from_le_bytes(bytes),
        Err(_) => u32::MAX,
    }
}
