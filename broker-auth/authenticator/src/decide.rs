//! The decision about a client, and the only place that knows the order of its steps.
//!
//! The listener, the re-check of live sessions and `explain` all call [`decide`], with the evidence that they have.

use crate::evidence::Evidence;
use crate::identity::{VerifiedClient, identify};
use crate::policy::{ClientId, ClientIdBinding, Permit};
use crate::reason::{Reason, Refusal};
use crate::ruleset::Ruleset;
use crate::trust::{VerifiedChain, recheck_chain};

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
}

/// What CONNECT asks for.
#[derive(Clone, Copy)]
pub struct Connect<'a> {
    /// The client id; empty is a client that wants one assigned. `None`: it is not known, and not judged.
    pub client_id: Option<&'a str>,
    /// The topic of the will, if there is one.
    pub will_topic: Option<&'a str>,
    /// Makes a text that no other client id has, for one that is assigned.
    pub unique: &'a dyn Fn() -> String,
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
    /// The identity that the certificate maps to.
    Identity(VerifiedClient),
    /// The policy that matched, and what it allows.
    Policy(Permit),
    /// The client id belongs to the identity.
    ClientId(ClientIdBinding),
    /// The will may be published.
    Will,
    /// The topic may be published to.
    Publish,
    /// The filter may be subscribed to.
    Subscribe,
}

/// What a client was granted.
#[derive(Clone, Debug)]
pub enum Granted {
    /// Its chain is proven: the handshake may be finished.
    Handshake(VerifiedChain),
    /// It may open a session.
    Admitted {
        /// What it may do.
        permit: Permit,
        /// The client id, if one was asked for.
        client_id: Option<ClientIdBinding>,
    },
    /// Its session may go on.
    Continued(Standing),
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
/// The steps, in order: chain, standing, identity, policy, client id, will, topic. The first that fails refuses.
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
    let chain = evidence.chain.proven()?;
    trace.push(Step::Chain(chain.clone()));
    if let Request::Handshake = request {
        return Ok(Granted::Handshake(chain.clone()));
    }
    // Some time has passed since the chain was proven, in which it may have been revoked.
    recheck_chain(ruleset.trusts(), chain, evidence.time)?;
    trace.push(Step::Standing);
    let connect = match request {
        Request::Handshake => return Ok(Granted::Handshake(chain.clone())),
        Request::Continue(permit, client_id) => {
            return stand(ruleset, chain, permit, client_id, trace).map(Granted::Continued);
        }
        Request::Connect(connect) | Request::Publish(connect, _) | Request::Subscribe(connect, _) => connect,
    };
    let client = identify(chain.clone(), &ruleset.access().identity)?;
    trace.push(Step::Identity(client.clone()));
    let permit = ruleset.access().policies.permit(&client)?;
    trace.push(Step::Policy(permit.clone()));
    let client_id = match connect.client_id {
        Some(requested) => {
            let binding = permit.client_id(requested, || (connect.unique)())?;
            trace.push(Step::ClientId(binding.clone()));
            Some(binding)
        }
        None => None,
    };
    if let Some(topic) = connect.will_topic {
        permit.publish(topic)?;
        trace.push(Step::Will);
    }
    match request {
        Request::Publish(_, topic) => {
            permit.publish(topic)?;
            trace.push(Step::Publish);
        }
        Request::Subscribe(_, filter) => {
            permit.subscribe(filter)?;
            trace.push(Step::Subscribe);
        }
        Request::Handshake | Request::Connect(_) | Request::Continue(..) => {}
    }
    Ok(Granted::Admitted { permit, client_id })
}

/// Judges a session that was opened under earlier policies by those in force: identity, policy, client id.
fn stand(
    ruleset: &Ruleset,
    chain: &VerifiedChain,
    permit: &Permit,
    client_id: &ClientId,
    trace: &mut Vec<Step>,
) -> Result<Standing, Refusal> {
    let access = ruleset.access();
    if access.policies.granted(permit) {
        return Ok(Standing::Unchanged);
    }
    let client = identify(chain.clone(), &access.identity)?;
    trace.push(Step::Identity(client.clone()));
    if client.identity() != permit.identity() {
        let (now, before) = (client.identity(), permit.identity());
        let evidence = format!("the certificate maps to {now} now, and the session is that of {before}");
        return Err(chain.leaf().refused(Reason::UnmappedIdentity, evidence));
    }
    let permit = access.policies.permit(&client)?;
    trace.push(Step::Policy(permit.clone()));
    // Nothing is assigned: the session has a client id.
    let binding = permit.client_id(client_id.as_str(), String::new)?;
    trace.push(Step::ClientId(binding));
    Ok(Standing::Changed(permit))
}
