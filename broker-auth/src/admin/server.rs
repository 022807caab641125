//! Answering operators.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use authenticator::certificate::timestamp;
use authenticator::trust::{CrlReport, LoadedTrust, VerifiedChain};
use broker_rules::clock::seconds_until;
use broker_rules::explanation::{AskedListener, Explanation};
use broker_rules::factors::KeysAge;
use broker_rules::protocol::{
    Ambiguous, Answer, CrlLine, Explain, Explained, FetchedFileLine, Kicked, ListenerLine, Reloaded,
    Reported, ReportedLine, Request, ServerCertificateLine, SessionLine, Status, Subject, TrustLine,
};
use broker_rules::state_directory::give_to_group;
use broker_rules::store::{ReportedClient, RulesetStore};
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

/// The longest request, in bytes: a client's certificates in base64, of which 16 KiB are looked at.
const MAX_REQUEST: u64 = 64 * 1024;

/// How long an operator's program may take to ask, and the broker to answer.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// What an operator can see and move.
pub(crate) struct AdminContext {
    pub(crate) hub: Arc<Hub>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reconfiguration: Arc<Reconfiguration>,
    pub(crate) engine: &'static str,
    pub(crate) started: Instant,
    pub(crate) lost_lines: LostLines,
}

/// What somebody at the socket may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// Anything: the broker's user, and root.
    All,
    /// How the broker is: the members of the admin group.
    Look,
}

impl Rights {
    fn cover(self, request: &Request) -> bool {
        match request {
            Request::Sessions | Request::Status | Request::Explain(_) => true,
            Request::Kick { .. } | Request::Reload | Request::AcceptTime { .. } => self == Self::All,
        }
    }
}

/// The bound socket. Dropping it removes its file.
pub(crate) struct AdminSocket {
    socket: UnixListener,
    path: PathBuf,
    /// Whether the system lets members of the admin group through.
    has_group: bool,
}

impl AdminSocket {
    /// Binds the socket at `path`; members of `group` may ask, too. A socket that a dead broker left behind is replaced; a
    /// live one, or a file of another kind, is an error.
    pub(crate) fn bind(path: &Path, group: Option<u32>) -> io::Result<Self> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "what is there is no socket"));
            }
            Ok(_) => {
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another broker answers there"));
                }
                std::fs::remove_file(path)?;
            }
            Err(_) => {}
        }
        let socket = UnixListener::bind(path)?;
        let mode = match group {
            Some(group) => {
                give_to_group(path, group).map_err(io::Error::other)?;
                0o660
            }
            None => 0o600,
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self { socket, path: path.to_owned(), has_group: group.is_some() })
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
                            let served = serve(stream, Arc::clone(&context), Rights::All);
                            tokio::spawn(timeout(EXCHANGE_TIMEOUT, served));
                        }
                        // Who is neither comes by the group's permissions alone.
                        Ok(_) if self.has_group => {
                            let served = serve(stream, Arc::clone(&context), Rights::Look);
                            tokio::spawn(timeout(EXCHANGE_TIMEOUT, served));
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
                subscriptions: listed.info.subscriptions(),
                queued: listed.info.queued(),
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
        engine_rebuilds: hub.engine.rebuilds(),
        sessions: hub.registry.count(),
        retained_messages: hub.retained().count(),
        retained_bytes: hub.retained().bytes(),
        queued_bytes: hub.queued_bytes(),
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
                server_certificate_not_after: timestamp(listener.certificate.certificate().not_after()),
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
                reported: reported(&listener.rules),
                trusts: trusts(&listener.rules),
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

fn reported(rules: &RulesetStore) -> Reported {
    let (clients, beyond) = rules.reported().list();
    let line = |client: ReportedClient| ReportedLine {
        reason: client.reason.as_str().to_owned(),
        evidence: client.evidence,
        policy: client.policy.into(),
        subject: client.subject,
        fingerprint_sha256: client.fingerprint_sha256.map(|fingerprint| fingerprint.to_string()),
        peer: client.peer.to_string(),
        count: client.count,
        last: timestamp(client.last),
    };
    Reported { clients: clients.into_iter().map(line).collect(), beyond }
}

fn trusts(rules: &RulesetStore) -> Vec<TrustLine> {
    let now = rules.now();
    let of = |trust: &LoadedTrust| {
        let leaves = rules.legacy_leaves().of(trust.name());
        TrustLine {
            name: trust.name().to_string(),
            legacy_leaf: trust.config().legacy_leaf.as_str().to_owned(),
            legacy_leaves: leaves.certificates as u64,
            legacy_leaves_exceeded: leaves.is_exceeded,
            crls: trust.summary(now).crls.iter().map(|list| crl(list, now)).collect(),
        }
    };
    rules.present().trusts().iter().map(of).collect()
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

fn crl(list: &CrlReport, now: UnixTime) -> CrlLine {
    CrlLine {
        issuer: list.issuer.clone(),
        number: list.number.map(|number| number.to_string()),
        this_update: timestamp(list.this_update),
        next_update: timestamp(list.next_update),
        age_seconds: now.as_secs().saturating_sub(list.this_update.as_secs()),
        left_seconds: seconds_until(list.next_update, now),
        entries: list.entries,
        freshness: list.freshness.as_str().to_owned(),
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
