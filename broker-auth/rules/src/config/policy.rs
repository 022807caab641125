//! `[[policy]]`.

use super::conditions::read_conditions;
use super::error::{ConfigError, ConfigFault};
use super::listener::ListenerRules;
use super::names::{read_identity, read_trust_name};
use super::reader::{Table, Value};
use authenticator::factor::FactorKind;
use authenticator::policy::{
    Action, ClientIdRule, Condition, DeniedPublish, Match, Policies, Policy, TopicTemplate, VerdictMatch,
    Verdicts,
};
use authenticator::trust::{Namespace, Role, TrustConfig, TrustName};

use crate::factors::SecondFactorSettings;

/// Reads `[[policy]]` of `root`; the trusts that they name must be among those of `listeners`.
///
/// # Errors
/// Something in one is wrong, or two of them can give one topic to clients of several namespaces.
pub fn read_policies(
    root: &Table<'_>,
    listeners: &[ListenerRules<'_>],
    second_factors: &SecondFactorSettings,
) -> Result<Policies, ConfigError> {
    let mut policies: Vec<Policy> = Vec::new();
    let mut places = Vec::new();
    for table in root.tables("policy", "[[policy]]")? {
        let name = table.require("name")?;
        let policy = read_policy(table, name, listeners, second_factors)?;
        if policies.iter().any(|earlier| earlier.name == policy.name) {
            return Err(name.fault(ConfigFault::NameTwice { what: "policies", name: policy.name.into() }));
        }
        policies.push(policy);
        places.push(name);
    }
    let trusts: Vec<_> = listeners.iter().flat_map(|listener| listener.trusts).collect();
    for (policy, place) in policies.iter().zip(&places) {
        refuse_trust_in_topics(policy, &trusts, *place)?;
    }
    let policies = Policies::new(policies);
    let Some(shared) = policies.shared_topic(&trusts) else { return Ok(policies) };
    let mut placed = policies.iter().zip(&places);
    let detail = shared.to_string();
    Err(match placed.find(|(policy, _)| policy.name == shared.other.policy) {
        Some((_, place)) => place.refuse(detail),
        None => root.refuse(ConfigFault::Value { key: "policy", detail }),
    })
}

/// Refuses `{trust}` where the name of a trust that the policy is for cannot stand in a topic level: its clients would
/// silently be without the topic.
fn refuse_trust_in_topics(
    policy: &Policy,
    trusts: &[&TrustConfig],
    place: Value<'_>,
) -> Result<(), ConfigError> {
    if !policy.publish.iter().chain(&policy.subscribe).any(TopicTemplate::names_the_trust) {
        return Ok(());
    }
    let wanted = |trust: &&&TrustConfig| policy.matches.trust.as_ref().is_none_or(|name| *name == trust.name);
    let unfit = trusts.iter().filter(wanted).find(|trust| Namespace::new(trust.name.as_str()).is_err());
    match unfit {
        Some(trust) => Err(place.refuse(format!(
            "a topic of it has {{trust}}, and the name of trust {:?} cannot be a topic level: spell it as a device id",
            trust.name.as_str()
        ))),
        None => Ok(()),
    }
}

fn read_policy(
    table: Table<'_>,
    name: Value<'_>,
    listeners: &[ListenerRules<'_>],
    second_factors: &SecondFactorSettings,
) -> Result<Policy, ConfigError> {
    let matches = read_match(table.require("match")?, listeners)?;
    let action = table.require("action")?;
    let action_place = action;
    let action = action.choice(&[
        ("allow", Action::Allow),
        ("deny", Action::Deny),
        ("quarantine", Action::Quarantine),
        ("report", Action::Report),
    ])?;
    if action == Action::Report && matches.verdicts.include_success() {
        return Err(action_place.refuse(
            "report notes whom `enforce` would refuse, and it refuses nobody with a proven certificate: add \
             verdict = [\"FAILED\", \"NONE\"] to its match",
        ));
    }
    let client_id = match table.get("client-id") {
        Some(value) => value.choice(&[
            ("must-equal", ClientIdRule::MustEqual),
            ("must-start-with", ClientIdRule::MustStartWith),
            ("free", ClientIdRule::Free),
        ])?,
        None => ClientIdRule::MustEqual,
    };
    let second_factor = match table.get("second-factor") {
        Some(value) => Some(read_second_factor(value, action, &matches, second_factors)?),
        None => None,
    };
    let services = matches.trust.as_ref().filter(|trust| is_of_services(trust, listeners));
    let publish = read_topics(table.get("publish"), services)?;
    let subscribe = read_topics(table.get("subscribe"), services)?;
    if let Some(own) = publish.iter().find(|template| template.is_own()) {
        return Err(
            name.refuse(format!("{:?}: nobody publishes to topics of the broker itself", own.as_str()))
        );
    }
    for key in ["publish", "subscribe"] {
        refuse_fields_of_unproven(&matches, table.get(key))?;
    }
    let denied_publish = match table.get("denied-publish") {
        Some(value) => {
            value.choice(&[("disconnect", DeniedPublish::Disconnect), ("drop", DeniedPublish::Drop)])?
        }
        None => DeniedPublish::Disconnect,
    };
    table.finish()?;
    let name = name.text()?.into();
    Ok(Policy { name, matches, action, second_factor, client_id, publish, subscribe, denied_publish })
}

/// What the clients of a policy show beside their certificates: bound to their identity, which only a proven certificate gives.
fn read_second_factor(
    value: Value<'_>,
    action: Action,
    matches: &Match,
    second_factors: &SecondFactorSettings,
) -> Result<FactorKind, ConfigError> {
    let kind = value.choice(&[("password", FactorKind::Password), ("token", FactorKind::Token)])?;
    if !action.admits() {
        return Err(value.refuse(format!("the policy lets nobody in: its action is {}", action.as_str())));
    }
    if matches.verdicts.include_unproven() {
        return Err(value.refuse(
            "the policy is for FAILED or NONE, and such clients have no identity that a second factor could be bound to",
        ));
    }
    if !second_factors.has(kind) {
        return Err(value.refuse(format!("there is no [second-factor.{kind}] that says how it is verified")));
    }
    Ok(kind)
}

/// Refuses `{…}` in topics of a policy for clients of whom nothing is proven: nothing fills it for them.
fn refuse_fields_of_unproven(matches: &Match, value: Option<Value<'_>>) -> Result<(), ConfigError> {
    let Some(value) = value.filter(|_| matches.verdicts.include_unproven()) else { return Ok(()) };
    for topic in value.elements()? {
        let template: TopicTemplate = topic.parse()?;
        if template.has_fields() {
            return Err(topic.refuse(format!(
                "{:?}: the policy is for FAILED or NONE, and nothing that is proven could fill it: name the topic itself",
                template.as_str()
            )));
        }
    }
    Ok(())
}

/// Whether every trust of that name vouches for services.
fn is_of_services(name: &TrustName, listeners: &[ListenerRules<'_>]) -> bool {
    let mut named = listeners.iter().flat_map(|listener| listener.trusts).filter(|trust| trust.name == *name);
    named.all(|trust| trust.role == Role::Service)
}

/// Reads topics. `services` is the trust of the policy, if only services can come by it.
fn read_topics(
    value: Option<Value<'_>>,
    services: Option<&TrustName>,
) -> Result<Vec<TopicTemplate>, ConfigError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let read = |value: &Value<'_>| {
        let template: TopicTemplate = value.parse()?;
        match services {
            // It would stand for no topic at all.
            Some(trust) if template.needs_device_id() => Err(value.refuse(format!(
                "{:?}: trust {trust} vouches for services, and no service has a device id; write {:?} instead",
                template.as_str(),
                template.as_str().replace("{device-id}", "{identity}")
            ))),
            Some(_) | None => Ok(template),
        }
    };
    value.elements()?.iter().map(read).collect()
}

fn read_match(value: Value<'_>, listeners: &[ListenerRules<'_>]) -> Result<Match, ConfigError> {
    let table = value.table("match")?;
    let verdict = table.get("verdict");
    let verdicts = match verdict {
        Some(value) => {
            let any: Vec<VerdictMatch> =
                value.elements()?.iter().map(Value::parse).collect::<Result<_, _>>()?;
            if any.is_empty() {
                return Err(value.refuse("an empty list is for nobody"));
            }
            Verdicts::new(any)
        }
        None => Verdicts::default(),
    };
    let trust = table.get("trust").map(|value| read_trust_name(value, listeners)).transpose()?;
    let identity = match table.get("identity") {
        Some(value) => {
            let names = value.elements()?;
            if names.is_empty() {
                return Err(value.refuse("an empty list is for nobody"));
            }
            Some({
                let read = |name| read_identity(name, trust.as_ref(), listeners);
                names.iter().map(read).collect::<Result<Vec<_>, _>>()?
            })
        }
        None => None,
    };
    let conditions = read_conditions(&table, listeners, 0)?;
    table.finish()?;
    if verdicts.include_unproven()
        && (trust.is_some() || identity.is_some() || conditions.iter().any(Condition::needs_proof))
    {
        return Err(value.refuse(
            "trust, identity, issuer, fields and ends-within are those of a proven certificate, and FAILED and NONE have none: \
             write a policy of its own",
        ));
    }
    if trust.is_none() && identity.is_none() && verdict.is_none() && conditions.is_empty() {
        // Empty must not mean everyone.
        return Err(value.refuse("it is empty: name a trust, an identity, or another condition"));
    }
    Ok(Match { verdicts, trust, identity, conditions })
}
