//! The gateway: one attempt after the other, until its input ends or a signal asks it to stop.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::SecureRandom;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::command::{CommandWriter, PendingCommand};
use super::credential::Credential;
use super::log::Log;
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
    /// How long to wait for the last acknowledgements once the input has ended or a signal came.
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
pub async fn run(credential: &Credential, options: Options, log: &Log) -> Result<(), RunError> {
    let stop = StopSignals::listen().map_err(RunError::Signals)?;
    let (lines, input_end) = stdin::read(|| io::stdin().lock(), credential.device_id().clone());
    let mut gateway = Gateway {
        credential,
        tls: Arc::new(tls::client_config(credential)?),
        log,
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
    let result = gateway.run_attempts().await;
    match gateway.denied_lines {
        0 => result,
        lines => result.and(Err(RunError::Denied { lines })),
    }
}

/// Whether the gateway is to end, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    /// The input has ended; what it held is still to be delivered.
    InputEnded {
        deadline: Instant,
    },
    /// A signal came; what has been read so far is still to be delivered, if there is a session.
    Signalled {
        deadline: Instant,
    },
}

/// Everything that outlives a connection.
pub(super) struct Gateway<'a> {
    pub(super) credential: &'a Credential,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) log: &'a Log,
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

/// What [`run`] returns in the end.
pub(super) type RunResult = Result<(), RunError>;

/// What happens whether there is a connection or not.
pub(super) enum Event {
    Line(Line),
    LinesExhausted,
    InputEnded { lines: u64 },
    StopSignal,
    DrainTimeout,
    Written(io::Result<PendingCommand>),
}

impl Gateway<'_> {
    async fn run_attempts(&mut self) -> RunResult {
        loop {
            self.session.connecting();
            let (host, port) = (self.credential.broker_host(), self.credential.broker_port());
            self.log.state(State::Connecting, &format!("{host}:{port}"));
            let ended = match self.attempt().await {
                ControlFlow::Break(end) => return end,
                ControlFlow::Continue(ended) => ended,
            };
            self.outbox.connection_lost();
            let wait = self.session.ended(ended.ending, ended.retry_after, self.now(), random());
            self.log.ended(self.session.state(), &ended, wait);
            if let ControlFlow::Break(end) = self.wait(wait).await {
                return end;
            }
        }
    }

    async fn wait(&mut self, wait: Duration) -> ControlFlow<RunResult> {
        let over = Instant::now() + wait;
        loop {
            if let Some(end) = self.end_offline() {
                return ControlFlow::Break(end);
            }
            tokio::select! {
                () = sleep_until(over) => return ControlFlow::Continue(()),
                event = self.next_event() => {
                    self.on_event(event)?;
                }
            }
        }
    }

    /// The result, if the gateway is to end and another connection would not change it.
    pub(super) fn end_offline(&self) -> Option<RunResult> {
        match self.closing {
            Closing::Signalled { .. } => {
                Some(if self.is_drained() { Ok(()) } else { Err(self.undelivered()) })
            }
            Closing::InputEnded { .. } if self.is_drained() => Some(Ok(())),
            Closing::InputEnded { .. } | Closing::No => None,
        }
    }

    /// Whether the gateway is to end and everything is delivered, both ways: a command that is on stdout and not
    /// acknowledged would come again.
    pub(super) fn may_leave(&self) -> bool {
        self.closing != Closing::No && self.is_drained() && self.commands.is_idle()
    }

    fn is_drained(&self) -> bool {
        // After a signal the end of the input is not waited for: it may never come.
        let read_out = !self.lines_open || matches!(self.closing, Closing::Signalled { .. });
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

    /// Waits for the next event. Cancelling the wait loses nothing.
    pub(super) async fn next_event(&mut self) -> Event {
        let deadline = match self.closing {
            Closing::No => None,
            Closing::InputEnded { deadline } | Closing::Signalled { deadline } => Some(deadline),
        };
        tokio::select! {
            line = self.lines.recv(), if self.lines_open && self.outbox.has_room() => {
                line.map_or(Event::LinesExhausted, Event::Line)
            }
            lines = ended(&mut self.input_end) => Event::InputEnded { lines },
            () = self.stop.received() => Event::StopSignal,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::DrainTimeout,
            written = self.commands.written() => Event::Written(written),
        }
    }

    /// Handles an event. Returns a command that is on stdout: the connection it came by, if it lives, acknowledges it.
    pub(super) fn on_event(&mut self, event: Event) -> ControlFlow<RunResult, Option<PendingCommand>> {
        match event {
            Event::Line(Ok(outgoing)) => self.outbox.push(outgoing),
            Event::Line(Err((number, error))) => self.log.line_unusable(number, &error),
            Event::LinesExhausted => self.lines_open = false,
            Event::InputEnded { lines } => {
                if lines > 0 && !self.options.keep_running && self.closing == Closing::No {
                    self.closing = Closing::InputEnded { deadline: Instant::now() + self.options.drain };
                }
            }
            Event::StopSignal => match self.closing {
                Closing::Signalled { .. } => return ControlFlow::Break(Err(self.undelivered())),
                _ => self.closing = Closing::Signalled { deadline: Instant::now() + self.options.drain },
            },
            // Commands that are still not on stdout are not waited for: unacknowledged, they will come again.
            Event::DrainTimeout if self.is_drained() => return ControlFlow::Break(Ok(())),
            Event::DrainTimeout => return ControlFlow::Break(Err(self.undelivered())),
            Event::Written(Ok(command)) => return ControlFlow::Continue(Some(command)),
            Event::Written(Err(error)) => return ControlFlow::Break(Err(RunError::Stdout(error))),
        }
        ControlFlow::Continue(None)
    }
}

/// Waits for the end of the input: the number of its lines. Never returns a second time.
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
