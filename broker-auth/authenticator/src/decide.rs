//! The decision about a client, and the only place that knows the order of its steps.
//!
//! The listener, the re-check of live sessions and `explain` all call [`decide`], with the evidence that they have.

mod factor;
mod ocsp;

pub use ocsp::OcspStanding;

use factor::judge_factor;
use ocsp::judge_ocsp;

use crate::evidence::Evidence;
use crate::factor::FactorKind;
use crate::http::{HttpMethod, RequestPath};
use crate::identity::{Client, UnprovenClient, identify};
use crate::policy::{Circumstances, ClientId, ClientIdBinding, Permit, Policy};
use crate::reason::{Reason, Refusal};
use crate::ruleset::{Mode, Ruleset};
use crate::trust::{ChainResult, VerifiedChain, recheck_chain};

/// What a client asks for.
#[derive(Clone, Copy)]
pub enum Request<'a> {
    /// To finish the TLS handshake.
    Handshake,
    /// To open an MQTT session.
    Connect(Connect<'a>),
    /// To open an MQTT session and publish to this topic.
    Publish(Connect<'a>, &'a str),
    /// To open an MQTT session and subscribe to this filter.
    Subscribe(Connect<'a>, &'a str),
    /// To keep the session it has, which was opened by this permit under this client id.
    Continue(&'a Permit, &'a ClientId),
    /// To have an HTTP request answered.
    Http(HttpRequest<'a>),
}

/// What an HTTP request asks for.
#[derive(Clone, Copy)]
pub struct HttpRequest<'a> {
    /// What it does.
    pub method: HttpMethod,
    /// To what.
    pub path: &'a RequestPath,
    /// Random bits, for the name of a client without a certificate: the same for all requests of a connection. `None`:
    /// there are none.
    pub random: &'a (dyn Fn() -> Option<u64> + Sync),
}

/// What CONNECT asks for.
#[derive(Clone, Copy)]
pub struct Connect<'a> {
    /// The client id; empty is a client that wants one assigned. `None`: it is not known, and not judged.
    pub client_id: Option<&'a str>,
    /// The topic of the will, if there is one.
    pub will_topic: Option<&'a str>,
    /// Makes a text that no other client id has, for one that is assigned.
    pub unique: &'a (dyn Fn() -> String + Sync),
    /// Random bits, for the name of a client without a certificate. `None`: there are none.
    pub random: &'a (dyn Fn() -> Option<u64> + Sync),
}

/// A decision: how it was reached, and what was granted or why not.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The steps that were taken, in order. The one that refused is not among them.
    pub trace: Vec<Step>,
    /// What was granted, or why nothing was.
    pub outcome: Result<Granted, Refusal>,
}

/// A step that was passed, with what it found.
#[derive(Clone, Debug)]
pub enum Step {
    /// The chain is proven.
    Chain(VerifiedChain),
    /// It is still good: not revoked, not expired, its trust still there.
    Standing,
    /// What OCSP says of it, where the trust asks.
    Ocsp(OcspStanding),
    /// Who it is.
    Identity(Client),
    /// A policy that only reports matched a client that `enforce` would refuse.
    Reported {
        /// Which policy.
        policy: Box<str>,
        /// What `enforce` would say.
        refusal: Refusal,
    },
    /// The policy that matched, and what it allows.
    Policy(Permit),
    /// The client id belongs to the identity.
    ClientId(ClientIdBinding),
    /// The will may be published.
    Will,
    /// What it has shown beside its certificate is what the policy asks for.
    SecondFactor(Permit),
    /// The topic may be published to.
    Publish,
    /// The filter may be subscribed to.
    Subscribe,
    /// The path may be asked for.
    Path,
}

/// What a client was granted.
#[derive(Clone, Debug)]
pub enum Granted {
    /// It may finish the handshake.
    Handshake,
    /// It may open a session.
    Admitted {
        /// What it may do.
        permit: Permit,
        /// The client id, if one was asked for.
        client_id: Option<ClientIdBinding>,
    },
    /// Nothing yet: it is asked for this beside its certificate first, and decided about again.
    Asked {
        /// What for.
        kind: FactorKind,
        /// Who.
        client: Client,
    },
    /// Its session may go on.
    Continued(Standing),
    /// Its HTTP request may be answered.
    Http {
        /// By which permit.
        permit: Permit,
    },
}

/// What a session that goes on may do from here on.
#[derive(Clone, Debug)]
pub enum Standing {
    /// What it might before.
    Unchanged,
    /// The policies were replaced, and this is what they allow it now.
    Changed(Permit),
}

/// Decides what a client asks for, by what is known of it.
///
/// The steps, in order: chain, standing, OCSP, identity, policy, client id, will, second factor, topic; for HTTP, second
/// factor and path after policy. The first that fails refuses. Where the mode is permissive, a chain that is not proven, or
/// no longer good, makes an unproven client instead.
pub fn decide(ruleset: &Ruleset, evidence: &Evidence, request: &Request<'_>) -> Decision {
    let mut trace = Vec::new();
    let outcome = follow(ruleset, evidence, request, &mut trace);
    Decision { trace, outcome }
}

fn follow(
    ruleset: &Ruleset,
    evidence: &Evidence,
    request: &Request<'_>,
    trace: &mut Vec<Step>,
) -> Result<Granted, Refusal> {
    match &evidence.chain {
        ChainResult::Proven(chain) => trace.push(Step::Chain(chain.clone())),
        unproven => go_on_unproven(ruleset.mode(), unproven)?,
    }
    let asked = match request {
        Request::Handshake => return Ok(Granted::Handshake),
        Request::Continue(permit, client_id) => {
            return stand(ruleset, evidence, permit, client_id, trace).map(Granted::Continued);
        }
        Request::Connect(connect) | Request::Publish(connect, _) | Request::Subscribe(connect, _) => {
            Asked::Session(connect)
        }
        Request::Http(http) => Asked::Answer(http),
    };
    let client = whom(ruleset, evidence, asked.random(), trace)?;
    trace.push(Step::Identity(client.clone()));
    let circumstances = Circumstances { origin: evidence.origin.clone(), now: evidence.time };
    let permit = permit(ruleset, &client, &circumstances, trace)?;
    let connect = match asked {
        Asked::Session(connect) => connect,
        Asked::Answer(http) => return answer(ruleset, evidence, permit, http, trace),
    };
    let client_id = match connect.client_id {
        Some(requested) => {
            let binding = permit.client_id(requested, || (connect.unique)())?;
            trace.push(Step::ClientId(binding.clone()));
            Some(binding)
        }
        None => None,
    };
    if let Some(topic) = connect.will_topic {
        permit.will(topic)?;
        trace.push(Step::Will);
    }
    let permit = match second_factor(permit, evidence, trace)? {
        Factored::Permit(permit) => permit,
        Factored::Ask(kind) => return Ok(Granted::Asked { kind, client }),
    };
    match request {
        Request::Publish(_, topic) => {
            permit.publish(topic)?;
            trace.push(Step::Publish);
        }
        Request::Subscribe(_, filter) => {
            permit.subscribe(filter)?;
            trace.push(Step::Subscribe);
        }
        Request::Handshake | Request::Connect(_) | Request::Continue(..) | Request::Http(_) => {}
    }
    Ok(Granted::Admitted { permit, client_id })
}

/// What a client asks for that has finished its handshake.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Session(&'a Connect<'a>),
    Answer(&'a HttpRequest<'a>),
}

impl<'a> Asked<'a> {
    fn random(self) -> &'a (dyn Fn() -> Option<u64> + Sync) {
        match self {
            Self::Session(connect) => connect.random,
            Self::Answer(http) => http.random,
        }
    }
}

/// Whether a client goes on of whose certificate nothing is proven.
fn go_on_unproven(mode: Mode, chain: &ChainResult) -> Result<(), Refusal> {
    match (mode, chain) {
        (Mode::Permissive, ChainResult::Unproven(unproven)) => unproven.refuse_uncheckable(),
        (Mode::Permissive, ChainResult::NotPresented | ChainResult::Proven(_)) => Ok(()),
        (Mode::Enforce, _) => chain.proven().map(|_| ()),
    }
}

/// Who the client is. Some time has passed since its chain was proven, in which it may have been revoked.
fn whom(
    ruleset: &Ruleset,
    evidence: &Evidence,
    random: &dyn Fn() -> Option<u64>,
    trace: &mut Vec<Step>,
) -> Result<Client, Refusal> {
    let proven = evidence.chain.proven().and_then(|chain| Ok((chain, still_good(ruleset, evidence, chain)?)));
    match (proven, ruleset.mode()) {
        (Ok((chain, ocsp)), _) => {
            trace.push(Step::Standing);
            trace.extend(ocsp.map(Step::Ocsp));
            identify(chain.clone(), &ruleset.access().identity).map(Client::Verified)
        }
        (Err(fault), Mode::Enforce) => Err(fault),
        (Err(fault), Mode::Permissive) => {
            UnprovenClient::new(&evidence.chain, fault, random).map(Client::Unproven)
        }
    }
}

/// Refuses a chain that was proven and is no longer good: by its trust, or by what its CA says of it now.
fn still_good(
    ruleset: &Ruleset,
    evidence: &Evidence,
    chain: &VerifiedChain,
) -> Result<Option<OcspStanding>, Refusal> {
    recheck_chain(ruleset.trusts(), chain, evidence.time)?;
    match ruleset.trust_of(chain) {
        Some(trust) => judge_ocsp(trust, chain, &evidence.ocsp, evidence.time),
        None => Ok(None),
    }
}

/// What the policies allow `client`.
fn permit(
    ruleset: &Ruleset,
    client: &Client,
    circumstances: &Circumstances,
    trace: &mut Vec<Step>,
) -> Result<Permit, Refusal> {
    let report = |policy: &Policy| {
        if let Client::Unproven(unproven) = client {
            trace.push(Step::Reported { policy: policy.name.clone(), refusal: unproven.fault().clone() });
        }
    };
    let permit = ruleset.access().policies.permit(client, circumstances, report)?;
    trace.push(Step::Policy(permit.clone()));
    Ok(permit)
}

/// What becomes of a permit by what its policy asks for beside the certificate.
enum Factored {
    /// Nothing is asked for, or it was shown.
    Permit(Permit),
    /// It is to be asked for.
    Ask(FactorKind),
}

/// The permit with the second factor that its policy asks for, or what the client is to be asked for.
fn second_factor(permit: Permit, evidence: &Evidence, trace: &mut Vec<Step>) -> Result<Factored, Refusal> {
    let Some(kind) = permit.second_factor() else { return Ok(Factored::Permit(permit)) };
    let Some(factor) = judge_factor(kind, permit.client(), &evidence.factor, evidence.time)? else {
        return Ok(Factored::Ask(kind));
    };
    let permit = permit.with_factor(factor);
    trace.push(Step::SecondFactor(permit.clone()));
    Ok(Factored::Permit(permit))
}

/// Whether the holder of `permit` has its HTTP request answered.
fn answer(
    ruleset: &Ruleset,
    evidence: &Evidence,
    permit: Permit,
    http: &HttpRequest<'_>,
    trace: &mut Vec<Step>,
) -> Result<Granted, Refusal> {
    let client = permit.client().clone();
    let permit = match second_factor(permit, evidence, trace)? {
        Factored::Permit(permit) => permit,
        Factored::Ask(kind) => return Ok(Granted::Asked { kind, client }),
    };
    let denied = |evidence: String| client.refused(Reason::PolicyDenied, evidence);
    let rules = ruleset.http().ok_or_else(|| denied("this listener answers no HTTP requests".to_owned()))?;
    rules.allow(permit.policy_name(), http.method, http.path).map_err(|fault| denied(fault.to_string()))?;
    trace.push(Step::Path);
    Ok(Granted::Http { permit })
}

/// Judges a session again: its certificate, and if it was opened under earlier policies, identity, policy, client id.
fn stand(
    ruleset: &Ruleset,
    evidence: &Evidence,
    permit_before: &Permit,
    client_id: &ClientId,
    trace: &mut Vec<Step>,
) -> Result<Standing, Refusal> {
    match permit_before.client() {
        Client::Verified(client) => {
            let ocsp = still_good(ruleset, evidence, client.chain())?;
            trace.push(Step::Standing);
            trace.extend(ocsp.map(Step::Ocsp));
        }
        Client::Unproven(unproven) => stand_unproven(ruleset, evidence, unproven)?,
    }
    let access = ruleset.access();
    let is_granted = access.policies.granted(permit_before);
    // Where other policies are in force now, they say whether a second factor is asked for.
    if let Some(before) = permit_before.factor().filter(|_| is_granted) {
        // What it has shown once counts for as long as the file, the keys and the token say so.
        let (kind, client) = (before.kind(), permit_before.client());
        if judge_factor(kind, client, &evidence.factor, evidence.time)?.is_none() {
            let evidence = format!("whether its {kind} still counts is not known");
            return Err(client.refused(Reason::SecondFactor, evidence));
        }
    }
    if is_granted && !access.policies.depend_on_time() {
        return Ok(Standing::Unchanged);
    }
    let client = match permit_before.client() {
        Client::Verified(client) => Client::Verified(identify(client.chain().clone(), &access.identity)?),
        // Its name is made up, and stays.
        unproven @ Client::Unproven(_) => unproven.clone(),
    };
    trace.push(Step::Identity(client.clone()));
    if client.identity() != permit_before.identity() {
        let (now, before) = (client.identity(), permit_before.identity());
        let evidence = format!("the certificate maps to {now} now, and the session is that of {before}");
        return Err(client.refused(Reason::UnmappedIdentity, evidence));
    }
    let circumstances = Circumstances { origin: permit_before.origin().clone(), now: evidence.time };
    let permit = permit(ruleset, &client, &circumstances, trace)?;
    if is_granted && permit.is_of_same_policy(permit_before) {
        return Ok(Standing::Unchanged);
    }
    let permit = match second_factor(permit, evidence, trace)? {
        Factored::Permit(permit) => permit,
        Factored::Ask(kind) => {
            let evidence = format!("the policy asks for a {kind} now, and the session was opened without");
            return Err(client.refused(Reason::SecondFactor, evidence));
        }
    };
    // Nothing is assigned: the session has a client id.
    let binding = permit.client_id(client_id.as_str(), String::new)?;
    trace.push(Step::ClientId(binding));
    Ok(Standing::Changed(permit))
}

/// Judges the certificate of an unproven client again: its verdict is still the one that it was let in by.
fn stand_unproven(ruleset: &Ruleset, evidence: &Evidence, client: &UnprovenClient) -> Result<(), Refusal> {
    if ruleset.mode() == Mode::Enforce {
        return Err(client.fault().clone());
    }
    let found = match &evidence.chain {
        ChainResult::NotPresented => return Ok(()),
        ChainResult::Unproven(chain) => {
            ruleset.verify_chain(chain.presented(), evidence.time).proven().map(|_| ())
        }
        ChainResult::Proven(chain) => still_good(ruleset, evidence, chain).map(|_| ()),
    };
    match found {
        Err(fault) if fault.reason == client.fault().reason => Ok(()),
        Err(fault) => Err(fault),
        Ok(()) => {
            let evidence =
                "its certificate is proven now, and the session is that of somebody of whom nothing was";
            Err(Client::Unproven(client.clone()).refused(Reason::PolicyDenied, evidence))
        }
    }
}
