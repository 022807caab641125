//! The gateway: one attempt after the other, until its input ends or a signal asks it to stop.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::SecureRandom;
use tokio::time::{Instant, sleep_until};

use super::command::{CommandWriter, PendingCommand};
use super::credential::Credential;
use super::log::Log;
use super::mqtt::ConnectionEnd;
use super::outbox::Outbox;
use super::shortfall::Shortfall;
use super::stdin::{self, Input, InputEvent};
use super::stop::StopSignals;
use super::tls;
use crate::ending::{CauseKind, Ending};
use crate::session::{Session, State, Timing};

/// Between two attempts of a gateway that is to end.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);

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
    /// stdout is closed or full, so commands cannot be handed on.
    #[error("cannot write commands to stdout: {0}")]
    Stdout(io::Error),
    /// Some of the lines did not arrive.
    #[error("{0}")]
    Lines(Shortfall),
}

/// Holds the session of `credential` until stdin has ended and all of it is acknowledged, or a signal comes.
///
/// Without an input (`/dev/null`, a closed descriptor) the gateway runs for its commands.
pub async fn run(credential: &Credential, options: Options, log: &Log) -> Result<(), RunError> {
    let stop = StopSignals::listen().map_err(RunError::Signals)?;
    let input = Input::read(|| io::stdin().lock(), credential.device_id().clone());
    let mut gateway = Gateway {
        credential,
        tls: Arc::new(tls::client_config(credential)?),
        log,
        ends_with_input: stdin::is_attached() && !options.keep_running,
        drain: options.drain,
        session: Session::new(options.timing),
        outbox: Outbox::default(),
        commands: CommandWriter::new(io::stdout),
        closing: Closing::No,
        started: Instant::now(),
        connection: 0,
        denied_lines: 0,
        unusable_lines: 0,
        last_end: None,
        stdout_error: None,
        input,
        stop,
    };
    // However it ends: what is left then is counted.
    let (ControlFlow::Break(()) | ControlFlow::Continue(())) = gateway.run_attempts().await;
    gateway.result()
}

/// Whether the gateway is to end, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    /// The input has ended; what it held is still to be delivered.
    InputEnded {
        deadline: Instant,
    },
    /// A signal came, or stdout is gone; what has been read so far is still to be delivered.
    Stopping {
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
    unusable_lines: u64,
    /// How the last connection or attempt ended.
    last_end: Option<(CauseKind, String)>,
    stdout_error: Option<io::Error>,
    ends_with_input: bool,
    drain: Duration,
    closing: Closing,
    started: Instant,
    input: Input,
    stop: StopSignals,
}

/// What happens whether there is a connection or not.
pub(super) enum Event {
    Input(InputEvent),
    StopSignal,
    DrainTimeout,
    Written(io::Result<PendingCommand>),
}

impl Gateway<'_> {
    async fn run_attempts(&mut self) -> ControlFlow<()> {
        loop {
            self.session.connecting();
            let ended = match self.credential.clock().check() {
                Ok(()) => {
                    let (host, port) = (self.credential.broker_host(), self.credential.broker_port());
                    self.log.state(State::Connecting, &format!("{host}:{port}"));
                    self.attempt().await?
                }
                Err(behind) => ConnectionEnd::lost(CauseKind::Clock, behind.to_string()),
            };
            self.outbox.connection_lost();
            let wait = self.session.ended(ended.ending, ended.retry_after, self.now(), random());
            let may_hurry = ended.ending == Ending::Lost && ended.retry_after.is_none();
            let wait = if may_hurry { self.shortened(wait) } else { wait };
            self.log.ended(self.session.state(), &ended, wait);
            self.last_end = Some((ended.cause, ended.detail));
            self.wait(wait, may_hurry).await?;
        }
    }

    /// Waits for the next attempt. When the gateway is to end it does not come too late, if it `may_hurry`: nobody
    /// asked this device to stay away.
    async fn wait(&mut self, wait: Duration, may_hurry: bool) -> ControlFlow<()> {
        let over = Instant::now() + wait;
        let was_closing = self.closing != Closing::No;
        loop {
            if self.may_leave_offline()
                || self.deadline().is_some_and(|deadline| over >= deadline && !may_hurry)
            {
                return ControlFlow::Break(());
            }
            if may_hurry && !was_closing && self.closing != Closing::No {
                self.session.start_over();
                return ControlFlow::Continue(());
            }
            tokio::select! {
                () = sleep_until(over) => return ControlFlow::Continue(()),
                event = self.next_event() => {
                    self.on_event(event)?;
                }
            }
        }
    }

    /// The wait for the next attempt: at most half of the time that is left, if the gateway is to end.
    fn shortened(&self, wait: Duration) -> Duration {
        let left = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map_or(wait, |left| wait.min(left / 2).max(SHORTEST_WAIT))
    }

    /// Whether the gateway is to end, and another connection would not change anything.
    pub(super) fn may_leave_offline(&self) -> bool {
        self.closing != Closing::No && self.is_drained()
    }

    /// Whether the gateway is to end and everything is delivered, both ways: a command that is on stdout and not
    /// acknowledged would come again.
    pub(super) fn may_leave(&self) -> bool {
        self.may_leave_offline() && self.commands.is_idle()
    }

    fn is_drained(&self) -> bool {
        // Of an input that is to be read no further the end is not waited for: it may never come.
        let read_out = self.input.is_exhausted() || matches!(self.closing, Closing::Stopping { .. });
        self.outbox.is_empty() && self.input.is_empty() && read_out
    }

    /// What did not work out.
    fn result(mut self) -> Result<(), RunError> {
        let mut unacknowledged = self.outbox.unacknowledged_lines();
        while let Some(line) = self.input.take_waiting() {
            match line {
                Ok(_) => unacknowledged += 1,
                Err((number, error)) => self.unusable(number, &error),
            }
        }
        let (denied, unusable) = (self.denied_lines, self.unusable_lines);
        let shortfall =
            Shortfall::new(denied, unusable, unacknowledged, self.session.state(), self.last_end.take());
        match (shortfall, self.stdout_error) {
            // Of the broken stdout the log has told.
            (Some(shortfall), Some(_)) if shortfall.is_denied() => Err(RunError::Lines(shortfall)),
            (_, Some(error)) => Err(RunError::Stdout(error)),
            (Some(shortfall), None) => Err(RunError::Lines(shortfall)),
            (None, None) => Ok(()),
        }
    }

    /// Time since the start, for the session.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// When the gateway ends at the latest, if it is to.
    fn deadline(&self) -> Option<Instant> {
        match self.closing {
            Closing::No => None,
            Closing::InputEnded { deadline } | Closing::Stopping { deadline } => Some(deadline),
        }
    }

    /// Waits for the next event. Cancelling the wait loses nothing.
    pub(super) async fn next_event(&mut self) -> Event {
        let deadline = self.deadline();
        tokio::select! {
            event = self.input.next(self.outbox.has_room()) => Event::Input(event),
            () = self.stop.received() => Event::StopSignal,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::DrainTimeout,
            written = self.commands.written() => Event::Written(written),
        }
    }

    /// Handles an event. Returns a command that is on stdout: the connection it came by, if it lives, acknowledges it.
    pub(super) fn on_event(&mut self, event: Event) -> ControlFlow<(), Option<PendingCommand>> {
        match event {
            Event::Input(InputEvent::Line(Ok(outgoing))) => self.outbox.push(outgoing),
            Event::Input(InputEvent::Line(Err((number, error)))) => self.unusable(number, &error),
            Event::Input(InputEvent::Exhausted) => {}
            Event::Input(InputEvent::Ended) => {
                if self.ends_with_input && self.closing == Closing::No {
                    self.closing = Closing::InputEnded { deadline: Instant::now() + self.drain };
                }
            }
            Event::StopSignal if matches!(self.closing, Closing::Stopping { .. }) => {
                return ControlFlow::Break(());
            }
            Event::StopSignal => self.stop_reading(),
            // Commands that are still not on stdout are not waited for: unacknowledged, they will come again.
            Event::DrainTimeout => return ControlFlow::Break(()),
            Event::Written(Ok(command)) => return ControlFlow::Continue(Some(command)),
            Event::Written(Err(error)) => {
                self.log.warning(
                    "stdout",
                    &format!("commands cannot be written to stdout, so the agent ends: {error}"),
                );
                self.stdout_error = Some(error);
                self.stop_reading();
            }
        }
        ControlFlow::Continue(None)
    }

    /// The gateway ends once what it has read is delivered.
    fn stop_reading(&mut self) {
        self.input.stop();
        let deadline = Instant::now() + self.drain;
        self.closing =
            Closing::Stopping { deadline: self.deadline().map_or(deadline, |is| is.min(deadline)) };
    }

    /// A line that cannot be sent.
    pub(super) fn unusable(&mut self, line: u64, why: &dyn ToString) {
        self.unusable_lines += 1;
        self.log.line_unusable(line, why);
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
