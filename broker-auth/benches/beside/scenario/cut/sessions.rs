//! [`Sessions`]: live sessions, and when each saw its end.

use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use load::client::{Client, Lost};
use load::packet::Packet;
use load::site::Identity;
use load::spread::Spread;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::super::connect_all;
use crate::server::Server;

/// Live sessions. They end with the value.
pub(super) struct Sessions {
    ends: UnboundedReceiver<(usize, Instant)>,
    /// Those that were meant to end.
    meant: HashSet<usize>,
    strays: HashSet<usize>,
    _listening: JoinSet<()>,
}

impl Sessions {
    /// One of each device.
    pub(super) async fn open(server: &Server, devices: &[Identity]) -> Result<Self, Lost> {
        // Bounded by the sessions: each sends once.
        let (sender, ends) = unbounded_channel();
        let mut listening = JoinSet::new();
        for (number, client) in connect_all(server, devices).await?.into_iter().enumerate() {
            let sender = sender.clone();
            listening.spawn(async move {
                let at = end(client).await;
                // Nobody may be interested any more.
                let _ = sender.send((number, at));
            });
        }
        Ok(Self { ends, meant: HashSet::new(), strays: HashSet::new(), _listening: listening })
    }

    /// How long after `since` those of `victims` saw their ends, until all have or `patience` is over.
    pub(super) async fn ends_of(
        &mut self,
        victims: Range<usize>,
        since: Instant,
        patience: Duration,
    ) -> Spread {
        let deadline = tokio::time::Instant::from_std(since + patience);
        self.meant.extend(victims.clone());
        let mut seen = Vec::new();
        while seen.len() < victims.len() {
            match timeout_at(deadline, self.ends.recv()).await {
                Ok(Some((number, at))) if victims.contains(&number) => {
                    seen.push(at.saturating_duration_since(since));
                }
                Ok(Some((number, _))) => self.note(number),
                Ok(None) | Err(_) => break,
            }
        }
        seen.into_iter().collect()
    }

    /// How many have ended by now that were not meant to.
    pub(super) fn stray_ends(&mut self) -> usize {
        while let Ok((number, _)) = self.ends.try_recv() {
            self.note(number);
        }
        self.strays.len()
    }

    fn note(&mut self, number: usize) {
        // One that was meant to end, and came late, is no stray.
        if !self.meant.contains(&number) {
            self.strays.insert(number);
        }
    }
}

/// When the server ended it: DISCONNECT, or the end of the connection.
async fn end(mut client: Client) -> Instant {
    loop {
        match client.hear().await {
            Ok(Packet::Disconnect(_)) | Err(_) => return Instant::now(),
            Ok(_) => {}
        }
    }
}
