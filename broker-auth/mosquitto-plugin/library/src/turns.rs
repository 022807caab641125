//! [`Turns`]: what operators want done on mosquitto's thread, one after the other, without holding it up.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use mosquitto_plugin::gate::Gate;

use crate::fleet_rules::FleetRules;

/// Turns that wait. Each operator that is heard waits for one.
const MAX_WAITING: usize = 16;

/// After a turn, mosquitto has its thread for itself for so many times as long.
const SHARE_OF_MOSQUITTO: u32 = 4;

/// Something that is done on mosquitto's thread.
type Turn = Box<dyn FnOnce(&Gate<FleetRules>) + Send>;

/// Those that wait, on mosquitto's thread.
pub(crate) struct Turns {
    waiting: Receiver<Turn>,
    /// When the next may begin.
    next: Cell<Instant>,
}

/// How other threads ask for a turn.
pub(crate) struct Asking(SyncSender<Turn>);

/// Why there was no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTurn {
    /// Too many wait.
    #[error("mosquitto is asked too much at once: ask again")]
    Busy,
    /// mosquitto did not come to it.
    #[error("mosquitto did not come to it in time (where per_listener_settings is true, it never does)")]
    Late,
    /// It ended, or what was to be done panicked.
    #[error("mosquitto stops, or its log says what went wrong")]
    Over,
}

/// A queue of turns: where they are taken, and where they are asked for.
pub(crate) fn turns() -> (Turns, Asking) {
    let (sender, waiting) = sync_channel(MAX_WAITING);
    (Turns { waiting, next: Cell::new(Instant::now()) }, Asking(sender))
}

impl Turns {
    /// Takes the next turn, if one waits and enough time has passed since the last.
    pub(crate) fn serve(&self, gate: &Gate<FleetRules>) {
        let begin = Instant::now();
        if begin < self.next.get() {
            return;
        }
        let Ok(turn) = self.waiting.try_recv() else { return };
        turn(gate);
        self.next.set(Instant::now() + begin.elapsed() * SHARE_OF_MOSQUITTO);
    }
}

impl Asking {
    /// Has `act` done on mosquitto's thread before `deadline`, and waits for what it returns.
    ///
    /// # Errors
    /// It was not done; after [`NoTurn::Over`], perhaps in part.
    pub(crate) fn turn<T: Send + 'static>(
        &self,
        deadline: Instant,
        act: impl FnOnce(&Gate<FleetRules>) -> T + Send + 'static,
    ) -> Result<T, NoTurn> {
        let (sender, answer) = sync_channel(1);
        let turn = move |gate: &Gate<FleetRules>| {
            // Whoever has been told that nothing came of it is not surprised later.
            if Instant::now() < deadline {
                // It waits, and there is room for one.
                let _ = sender.send(act(gate));
            }
        };
        self.0.try_send(Box::new(turn)).map_err(|error| match error {
            TrySendError::Full(_) => NoTurn::Busy,
            TrySendError::Disconnected(_) => NoTurn::Over,
        })?;
        // What was begun in time is waited for a little longer.
        let patience = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(500);
        answer
            .recv_timeout(patience)
            .map_err(|_| if Instant::now() < deadline { NoTurn::Over } else { NoTurn::Late })
    }
}
