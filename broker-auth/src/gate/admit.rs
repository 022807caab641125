//! Admitting a client: the decision about its CONNECT, and its way into a session.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use authenticator::decide::{Connect as ConnectRequest, Granted, Request, Step};
use authenticator::identity::Client;
use authenticator::origin::{MqttVersion, Origin, ServerName};
use authenticator::policy::{ClientIdBinding, Permit};
use authenticator::reason::{Reason, Refusal};
use authenticator::record::{Event, Record};
use authenticator::trust::ChainResult;
use broker_rules::audit::next_decision_id;
use broker_rules::factors::Credentials;
use broker_rules::store::RulesetStore;
use embedded::{
    AdmittedClient, Hub, Recheck, SessionLimits, UnfitWill, Unrouted, attach, check_will, refuse, refuse_with,
};
use mqtt::{Connect, ConnectAckReason, Connection, Packet, Version};
use ring::rand::{SecureRandom, SystemRandom};

use super::unchecked::note_unchecked;
use crate::counters::Counters;
use crate::evidence::{Gatherers, Shown};
use crate::recheck::RulesRecheck;

/// How long a refused client may take to read why.
pub(crate) const REFUSAL_DEADLINE: Duration = Duration::from_secs(1);

/// What clients are admitted by, and where to.
pub(crate) struct GateContext<'a> {
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) counters: &'a Counters,
    pub(crate) rules: &'a RulesetStore,
    pub(crate) recheck: &'a Arc<RulesRecheck>,
    pub(crate) gatherers: &'a Gatherers,
    pub(crate) limits: &'a Arc<SessionLimits>,
    /// Which listener it is, by its place in the configuration.
    pub(crate) listener: usize,
    /// The name that the client asked for it by.
    pub(crate) server_name: Option<&'a ServerName>,
}

/// A client that has finished its handshake and whose CONNECT has been read.
pub(crate) struct PendingClient {
    pub(crate) connection: Connection,
    pub(crate) connect: Box<Connect>,
    pub(crate) chain: ChainResult,
    pub(crate) peer: SocketAddr,
    /// Where the client is, if that is known: a balancer may not say.
    pub(crate) address: Option<IpAddr>,
    /// Its place under the listener's limits, given back when it is dropped.
    pub(crate) place: Box<dyn Send>,
}

/// Hands a client to its session, or refuses it and says why in CONNACK.
pub(crate) async fn admit(context: &GateContext<'_>, client: PendingClient) {
    let PendingClient { connection, connect, chain, peer, address, place } = client;
    if let Some(answer) = refuse_authentication(&connect) {
        context.counters.connects_refused.one();
        return connection.close(Some(answer), REFUSAL_DEADLINE).await;
    }
    let client_id = connect.client_id.clone();
    let origin = Origin {
        address,
        listener: Some(context.listener),
        server_name: context.server_name.cloned(),
        version: Some(match connection.version() {
            Version::V3 => MqttVersion::V311,
            Version::V5 => MqttVersion::V5,
        }),
    };
    let (permit, binding) = match decide(context, chain, &connect, origin, peer).await {
        Ok(granted) => granted,
        Err((client, refusal)) => {
            return turn_away(context, connection, peer, &client_id, client.as_ref(), &refusal).await;
        }
    };
    if let Some(will) = &connect.last_will
        && let Err(unfit) = check_will(will, context.limits)
    {
        let answer = refuse_will(context, peer, &permit, unfit);
        return connection.close(Some(answer), REFUSAL_DEADLINE).await;
    }
    let decision = next_decision_id();
    let admitted = AdmittedClient {
        connection,
        connect,
        binding: binding.clone(),
        permit: permit.clone(),
        recheck: Arc::clone(context.recheck) as Arc<dyn Recheck>,
        limits: Arc::clone(context.limits),
        peer,
        decision,
        place,
    };
    match attach(context.hub, Box::new(admitted)) {
        Ok(()) => {
            context.counters.connects.one();
            let record = Record::new(Event::Connect).id(decision).peer(peer).permit(&permit);
            context.hub.audit().write(&record.client_id(binding.as_str()));
        }
        Err(Unrouted::Refused(client, refusal)) => {
            let whom = client.permit.client().clone();
            turn_away(context, client.connection, peer, &client_id, Some(&whom), &refusal).await;
        }
        Err(Unrouted::Full(client)) => {
            context.hub.counters().sessions_limited.one();
            refuse_session(context, client, "max-sessions").await;
        }
        Err(Unrouted::FullIdentity(client)) => {
            context.hub.counters().sessions_limited.one();
            context.hub.counters().sessions_limited_by_identity.one();
            refuse_session(context, client, "max-sessions-per-identity").await;
        }
        Err(Unrouted::Busy(client)) => {
            context.counters.connects_refused.one();
            tracing::warn!(%peer, client_id = &*client_id, "a session is fought over by several connections");
            let answer = refuse_with(ConnectAckReason::ServerBusy, "the session is being taken over already");
            client.connection.close(Some(answer), REFUSAL_DEADLINE).await;
        }
    }
}

/// Identity, policy, client id and will, and what else is found out about the client.
async fn decide(
    context: &GateContext<'_>,
    chain: ChainResult,
    connect: &Connect,
    origin: Origin,
    peer: SocketAddr,
) -> Result<(Permit, ClientIdBinding), (Option<Client>, Refusal)> {
    let request = Request::Connect(ConnectRequest {
        client_id: Some(&connect.client_id),
        will_topic: connect.last_will.as_ref().map(|will| &*will.topic),
        unique: &|| next_decision_id().to_string(),
        random: &random_bits,
    });
    let rules = context.rules;
    let shown = Shown::Now(Credentials {
        user_name: connect.username.as_deref(),
        secret: connect.password.as_deref(),
    });
    let decision = context.gatherers.decide(rules, (chain, origin), &request, &shown).await;
    rules.note_reported(context.hub.audit(), Event::Connect, peer, &decision);
    note_unchecked(context.counters, peer, &decision);
    let whom = || {
        decision.trace.iter().find_map(|step| match step {
            Step::Identity(client) => Some(client.clone()),
            _ => None,
        })
    };
    match decision.outcome.clone().map_err(|refusal| (whom(), refusal))? {
        Granted::Admitted { permit, client_id: Some(binding) } => Ok((permit, binding)),
        // A CONNECT with a client id is granted with its binding; nothing else lets a client in.
        _ => Err((whom(), Refusal::new(Reason::UnmappedIdentity, "no client id was granted"))),
    }
}

/// Random bits, for a name that nobody else has.
pub(crate) fn random_bits() -> Option<u64> {
    let mut octets = [0; 8];
    SystemRandom::new().fill(&mut octets).ok().map(|()| u64::from_be_bytes(octets))
}

/// The answer to a CONNECT that wants extended authentication (MQTT 5 §4.12), which this broker has not.
fn refuse_authentication(connect: &Connect) -> Option<Packet> {
    if connect.auth_method.is_some() {
        return Some(refuse_with(ConnectAckReason::BadAuthenticationMethod, "no authentication methods"));
    }
    // MQTT 5 §3.1.2.11.10
    connect
        .auth_data
        .is_some()
        .then(|| refuse_with(ConnectAckReason::ProtocolError, "authentication data without a method"))
}

/// There is no room for another session.
async fn refuse_session(context: &GateContext<'_>, client: Box<AdmittedClient>, limit: &'static str) {
    context.counters.connects_refused.one();
    let AdmittedClient { connection, binding, permit, peer, .. } = *client;
    tracing::warn!(
        %peer,
        client_id = binding.as_str(),
        identity = permit.identity().name(),
        limit,
        "there is no room for another session"
    );
    let answer = refuse_with(ConnectAckReason::QuotaExceeded, "no room for another session");
    connection.close(Some(answer), REFUSAL_DEADLINE).await;
}

/// A will that is too long to be kept.
fn refuse_will(context: &GateContext<'_>, peer: SocketAddr, permit: &Permit, unfit: UnfitWill) -> Packet {
    context.counters.connects_refused.one();
    if let Some(count) = context.hub.counters().wills_limited.sample() {
        tracing::warn!(%peer, identity = permit.identity().name(), count, "a last will is refused: it is {unfit}");
    }
    match unfit {
        UnfitWill::Topic(_) => {
            refuse_with(ConnectAckReason::TopicNameInvalid, "the will's topic is too long")
        }
        UnfitWill::Size { .. } => refuse_with(ConnectAckReason::QuotaExceeded, "the will is too long"),
    }
}

async fn turn_away(
    context: &GateContext<'_>,
    connection: Connection,
    peer: SocketAddr,
    client_id: &str,
    client: Option<&Client>,
    refusal: &Refusal,
) {
    context.counters.connects_refused.one();
    let mut record = Record::new(Event::Connect).peer(peer).client_id(client_id).refused(refusal);
    if let Some(client) = client {
        record = record.client(client);
    }
    context.hub.audit().write(&record);
    connection.close(Some(refuse(refusal)), REFUSAL_DEADLINE).await;
}
