//! Answering operators.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::timestamp;
use authenticator::trust::LoadedTrust;
use embedded::{AmbiguousName, Hub};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, timeout};

use super::protocol::{
    Ambiguous, Answer, Kicked, ListenerLine, Reloaded, Request, SessionLine, Status, TrustLine,
};
use crate::audit::{LostLines, Outage};
use crate::counters::Counters;
use crate::reconfigure::{Outcome, Reconfiguration};
use crate::rules::RulesetStore;

/// The longest request, in bytes.
const MAX_REQUEST: u64 = 4096;

/// How long an operator's program may take to ask, and the broker to answer.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest path a Unix socket address holds, with its terminator (`sun_path`, unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// What an operator can see and move.
pub(crate) struct AdminContext {
    pub(crate) hub: Arc<Hub>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reconfiguration: Arc<Reconfiguration>,
    pub(crate) engine: &'static str,
    pub(crate) started: Instant,
    pub(crate) lost_lines: LostLines,
}

/// The bound socket. Dropping it removes its file.
pub(crate) struct AdminSocket {
    socket: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds the socket at `path`, in a directory only its owner can enter. A file that a dead broker left behind
    /// is replaced; a live one is an error.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            let what = format!(
                "the path has more than {MAX_SOCKET_PATH} bytes, which is the longest a socket can have"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, what));
        }
        if let Some(directory) = path.parent() {
            match std::fs::DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?,
            }
        }
        if path.exists() {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another broker answers there"));
            }
            std::fs::remove_file(path)?;
        }
        let socket = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// Answers until it is dropped.
    pub(crate) async fn run(self, context: Arc<AdminContext>) {
        let Ok(owner) =
            std::fs::metadata(&self.path).map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata))
        else {
            return;
        };
        let mut outage = Outage::default();
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    outage.over(Instant::now());
                    match stream.peer_cred() {
                        Ok(peer) if peer.uid() == owner || peer.uid() == 0 => {
                            tokio::spawn(timeout(EXCHANGE_TIMEOUT, serve(stream, Arc::clone(&context))));
                        }
                        _ => tracing::warn!("somebody else's request at the admin socket was refused"),
                    }
                }
                Err(error) => {
                    if let Some(times) = outage.again(Instant::now()) {
                        tracing::error!(%error, times, "operators cannot be heard");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Another broker removes what we could not.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve(mut stream: UnixStream, context: Arc<AdminContext>) {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(MAX_REQUEST));
    let answer = match read.read_line(&mut line).await {
        Err(_) | Ok(0) => return,
        Ok(_) => match serde_json::from_str(&line) {
            Ok(request) => answer(request, &context).await,
            Err(error) => Answer::Error(format!("the request was not understood: {error}")),
        },
    };
    let Ok(mut answer) = serde_json::to_vec(&answer) else { return };
    answer.push(b'\n');
    // The client may have gone; the answer is lost then.
    let _ = write.write_all(&answer).await;
}

async fn answer(request: Request, context: &AdminContext) -> Answer {
    match request {
        Request::Sessions => Answer::Sessions(sessions(&context.hub)),
        Request::Kick { id } => match context.hub.registry.kick(&id).await {
            Ok(sessions) => {
                tracing::info!(identity = id, sessions, "an operator closed sessions");
                Answer::Kicked(Kicked { id, sessions })
            }
            Err(AmbiguousName { identities, .. }) => Answer::Ambiguous(Ambiguous { id, identities }),
        },
        Request::Status => Answer::Status(Box::new(status(context))),
        Request::Reload => Answer::Reloaded(reload(&context.reconfiguration).await),
    }
}

fn sessions(hub: &Hub) -> Vec<SessionLine> {
    hub.registry
        .list()
        .into_iter()
        .map(|listed| {
            let connection = listed.info.connection();
            let connection = connection.as_ref();
            SessionLine {
                client_id: listed.client_id.to_string(),
                identity: listed.identity.to_string(),
                namespace: listed.identity.namespace().to_string(),
                connected: connection.is_some(),
                policy: connection.map(|c| c.policy.clone()),
                protocol: connection.map(|c| c.protocol.to_owned()),
                peer: connection.map(|c| c.peer.to_string()),
                serial: connection.map(|c| c.serial.clone()),
                fingerprint_sha256: connection.map(|c| c.fingerprint_sha256.clone()),
                decision_id: connection.map(|c| c.decision_id.clone()),
                connected_at: connection.map(|c| c.connected_at.clone()),
                subscriptions: listed.info.subscriptions(),
                queued: listed.info.queued(),
            }
        })
        .collect()
}

fn status(context: &AdminContext) -> Status {
    let hub = &context.hub;
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime_seconds: context.started.elapsed().as_secs(),
        engine: context.engine.to_owned(),
        engine_alive: hub.engine.is_alive(),
        engine_rebuilds: hub.engine.rebuilds(),
        sessions: hub.registry.count(),
        retained_messages: hub.retained().count(),
        retained_bytes: hub.retained().bytes(),
        queued_bytes: hub.queued_bytes(),
        log_lines_lost: context.lost_lines.count(),
        reload_refused: context.reconfiguration.refused(),
        listeners: context
            .reconfiguration
            .listeners()
            .iter()
            .map(|listener| ListenerLine {
                address: listener.address.to_string(),
                trust_generation: listener.rules.generation(),
                server_certificate_not_after: timestamp(listener.certificate.not_after()),
                trusts: trusts(&listener.rules),
            })
            .collect(),
        counters: context
            .counters
            .values()
            .chain(hub.counters().values())
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    }
}

fn trusts(rules: &RulesetStore) -> Vec<TrustLine> {
    let of = |trust: &LoadedTrust| {
        let leaves = rules.legacy_leaves().of(trust.name());
        TrustLine {
            name: trust.name().to_string(),
            legacy_leaf: trust.config().legacy_leaf.as_str().to_owned(),
            legacy_leaves: leaves.certificates as u64,
            legacy_leaves_exceeded: leaves.is_exceeded,
        }
    };
    rules.present().trusts().iter().map(of).collect()
}

/// Reads everything again. A large list takes most of a second to verify; other operators are answered meanwhile.
async fn reload(reconfiguration: &Arc<Reconfiguration>) -> Reloaded {
    let reconfiguration = Arc::clone(reconfiguration);
    match tokio::task::spawn_blocking(move || reconfiguration.run()).await {
        Ok(Ok(Outcome { changed, warnings })) => Reloaded { changed, refused: Vec::new(), warnings },
        Ok(Err(error)) => Reloaded { refused: vec![error.to_string()], ..Reloaded::default() },
        Err(_) => Reloaded { refused: vec!["the broker stops".to_owned()], ..Reloaded::default() },
    }
}
