//! Answering operators.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::timestamp;
use authenticator::trust::VerifiedChain;
use broker_rules::admin_socket::{AdminSocket, EXCHANGE_TIMEOUT, MAX_REQUEST, Rights};
use broker_rules::clock::seconds_until;
use broker_rules::explanation::{AskedListener, Explanation};
use broker_rules::factors::KeysAge;
use broker_rules::protocol::{
    Ambiguous, Answer, Explain, Explained, FetchedFileLine, Kicked, ListenerLine, Reloaded, Reported,
    Request, ServerCertificateLine, SessionLine, Status, Subject, TrustLine,
};
use data_encoding::BASE64;
use embedded::{AmbiguousName, Hub};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, timeout};

use crate::audit::{LostLines, Outage};
use crate::config::FetchedKind;
use crate::counters::Counters;
use crate::fetches::FetchReport;
use crate::reconfigure::{GovernedListener, Outcome, Reconfiguration};
use crate::transport::ServerCertificate;

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
pub(crate) struct AdminServer {
    listener: UnixListener,
    socket: AdminSocket,
}

impl AdminServer {
    /// Binds the socket at `path`, as [`AdminSocket::bind`] does, to the runtime that this is called on.
    pub(crate) fn bind(path: &Path, group: Option<u32>) -> io::Result<Self> {
        let socket = AdminSocket::bind(path, group)?;
        let listener = socket.listener().try_clone()?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(listener)?, socket })
    }

    /// Answers until it is dropped.
    pub(crate) async fn run(self, context: Arc<AdminContext>) {
        let mut outage = Outage::default();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    outage.over(Instant::now());
                    match stream.peer_cred().ok().and_then(|peer| self.socket.rights_of(peer.uid())) {
                        Some(rights) => {
                            let served = serve(stream, Arc::clone(&context), rights);
                            tokio::spawn(timeout(EXCHANGE_TIMEOUT, served));
                        }
                        None => tracing::warn!("somebody else's request at the admin socket was refused"),
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

async fn serve(mut stream: UnixStream, context: Arc<AdminContext>, rights: Rights) {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(MAX_REQUEST));
    let answer = match read.read_line(&mut line).await {
        Err(_) | Ok(0) => return,
        Ok(_) => match serde_json::from_str(&line) {
            Ok(request) if rights.cover(&request) => answer(request, &context).await,
            Ok(_) => Answer::Denied,
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
        Request::Explain(explain) => match explained(&explain, context) {
            Ok(explained) => Answer::Explained(explained.map(Box::new)),
            Err(AmbiguousName { name, identities }) => Answer::Ambiguous(Ambiguous { id: name, identities }),
        },
        Request::AcceptTime { now } => accept_time(now, &context.reconfiguration).await,
        Request::Status => Answer::Status(Box::new(status(context))),
        Request::Reload => Answer::Reloaded(reload(&context.reconfiguration).await),
    }
}

/// What the rules in force decide about a client. `None`: it is not connected.
fn explained(explain: &Explain, context: &AdminContext) -> Result<Option<Explained>, AmbiguousName> {
    let presented: Vec<CertificateDer<'static>> = match &explain.client {
        Subject::Presents(certificates) => {
            certificates.iter().filter_map(|text| Some(BASE64.decode(text.as_bytes()).ok()?.into())).collect()
        }
        Subject::Connected(name) => {
            let Some(client) = context.hub.registry.client(name)? else { return Ok(None) };
            client.certificate().map(|certificate| certificate.der().clone()).into_iter().collect()
        }
    };
    let certificate = presented.first().map(|der| BASE64.encode(der)).unwrap_or_default();
    let at = explain.at.map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    let listeners = context.reconfiguration.listeners();
    let now = |listener: &GovernedListener| at.unwrap_or_else(|| listener.rules.now());
    let explanations = listeners.iter().enumerate().filter_map(|(place, listener)| {
        let asked = AskedListener {
            place,
            address: listener.address.to_string(),
            server_names: &listener.server_names,
            is_https: listener.rules.present().http().is_some(),
        };
        asked.is_met_by(&explain.question).then(|| {
            let rules = listener.rules.present();
            let now = now(listener);
            let known = |chain: &VerifiedChain| {
                context.reconfiguration.remembered_by_ocsp(&listener.rules, chain, now)
            };
            Explanation::of(&explain.question, &asked, &rules, now, &presented, known)
        })
    });
    let explanation = Explanation::best(explanations).or_else(|| {
        listeners.first().map(|first| Explanation::of_no_listener(&explain.question, now(first)))
    });
    Ok(explanation.map(|explanation| Explained { certificate, explanation }))
}

/// Lowers the time floor, which all listeners share, to a time that the operator vouches for.
async fn accept_time(now: u64, reconfiguration: &Arc<Reconfiguration>) -> Answer {
    let reconfiguration = Arc::clone(reconfiguration);
    let wanted = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let lowered = tokio::task::spawn_blocking(move || reconfiguration.lower_time_floor(wanted)).await;
    match lowered {
        Ok(Ok(before)) => {
            let (before, now) = (timestamp(before), timestamp(wanted));
            tracing::warn!(before, now, "an operator lowered the time floor");
            Answer::TimeAccepted { floor: before }
        }
        Ok(Err(error)) => Answer::TimeRefused(error.to_string()),
        Err(_) => Answer::TimeRefused("the broker stops".to_owned()),
    }
}

fn sessions(hub: &Hub) -> Vec<SessionLine> {
    hub.registry
        .list()
        .into_iter()
        .map(|listed| {
            let connection = listed.info.connection();
            let connection = connection.as_ref();
            let certificate = connection.and_then(|c| c.client.certificate());
            SessionLine {
                client_id: listed.client_id.to_string(),
                identity: listed.identity.to_string(),
                namespace: listed.identity.namespace().to_string(),
                connected: connection.is_some(),
                policy: connection.map(|c| c.policy.clone()),
                protocol: connection.map(|c| c.protocol.to_owned()),
                peer: connection.map(|c| c.peer.to_string()),
                serial: certificate.map(|certificate| certificate.serial().to_string()),
                fingerprint_sha256: certificate
                    .map(|certificate| certificate.fingerprint_sha256().to_string()),
                decision_id: connection.map(|c| c.decision_id.clone()),
                connected_at: connection.map(|c| c.connected_at.clone()),
                subscriptions: Some(listed.info.subscriptions()),
                queued: Some(listed.info.queued()),
            }
        })
        .collect()
}

fn status(context: &AdminContext) -> Status {
    let hub = &context.hub;
    let [fetched_lists, fetched_key_sets] = fetched_files(&context.reconfiguration);
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime_seconds: context.started.elapsed().as_secs(),
        engine: context.engine.to_owned(),
        engine_alive: hub.engine.is_alive(),
        engine_rebuilds: Some(hub.engine.rebuilds()),
        sessions: hub.registry.count(),
        retained_messages: Some(hub.retained().count()),
        retained_bytes: Some(hub.retained().bytes()),
        queued_bytes: Some(hub.queued_bytes()),
        log_lines_lost: context.lost_lines.count(),
        reload_refused: context.reconfiguration.refused(),
        second_factors_refused: context.reconfiguration.second_factors().refused(),
        tokens_refused: context.reconfiguration.second_factors().tokens_refused(),
        clock: timestamp(context.reconfiguration.clock_time()),
        time_floor: timestamp(context.reconfiguration.time_floor()),
        listeners: context
            .reconfiguration
            .listeners()
            .iter()
            .map(|listener| ListenerLine {
                address: listener.address.to_string(),
                server_names: listener.server_names.names.iter().map(ToString::to_string).collect(),
                trust_generation: listener.rules.generation(),
                server_certificate_not_after: Some(timestamp(listener.certificate.certificate().not_after())),
                server_certificate: Some(server_certificate(&listener.certificate, listener.rules.now())),
                refused: listener
                    .rules
                    .refused_files()
                    .into_iter()
                    .chain(listener.certificate.refused())
                    .chain(listener.origin_tls.as_ref().and_then(|tls| tls.refused()))
                    .collect(),
                transport: if listener.rules.present().http().is_some() { "https" } else { "tls" }.to_owned(),
                mode: listener.rules.present().mode().as_str().to_owned(),
                reported: Reported::of(&listener.rules),
                trusts: TrustLine::all_of(&listener.rules),
            })
            .collect(),
        fetched_lists,
        fetched_key_sets,
        counters: context
            .counters
            .values()
            .chain(hub.counters().values())
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    }
}

/// The revocation lists, and the key sets.
fn fetched_files(reconfiguration: &Reconfiguration) -> [Vec<FetchedFileLine>; 2] {
    let age = reconfiguration.second_factors().keys_age();
    let reports = reconfiguration.fetches().reports().into_iter();
    let (key_sets, lists): (Vec<_>, Vec<_>) = reports.partition(|report| report.kind == FetchedKind::KeySet);
    [lists, key_sets]
        .map(|reports| reports.into_iter().map(|report| fetched_file(report, age.as_ref())).collect())
}

fn fetched_file(report: FetchReport, keys: Option<&KeysAge>) -> FetchedFileLine {
    let is_of_keys = |age: &&KeysAge| report.kind == FetchedKind::KeySet && age.url == report.url;
    let age = keys.filter(is_of_keys);
    FetchedFileLine {
        confirmed_at: age.map(|age| timestamp(age.confirmed_at)),
        too_old_at: age.map(|age| timestamp(age.ends_at)),
        url: report.url,
        file: report.file.display().to_string(),
        fetched_at: report.fetched_at.map(timestamp),
        refused: report.refused,
        failures: report.failures,
        next_fetch: timestamp(report.next),
    }
}

fn server_certificate(certificate: &ServerCertificate, now: UnixTime) -> ServerCertificateLine {
    let own = certificate.certificate();
    let mut warnings: Vec<_> = certificate.faults(now).iter().cloned().collect();
    warnings.extend(certificate.end_is_near(now));
    warnings.extend(certificate.warnings());
    ServerCertificateLine {
        names: own.names(),
        key: own.key().map(ToString::to_string),
        not_before: timestamp(own.not_before()),
        not_after: timestamp(own.not_after()),
        left_seconds: seconds_until(own.not_after(), now),
        warnings,
    }
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
