//! The decision about one certificate, from the chain to the topic, as `explain` shows it.

mod question;
mod suppositions;

pub use question::{AskedListener, Question};
pub use suppositions::{SupposedFactor, SupposedOcsp};

use authenticator::certificate::{PeerCertificate, timestamp};
use authenticator::decide::{Connect, HttpRequest, OcspStanding, Request, Step};
use authenticator::evidence::{Evidence, OcspEvidence};
use authenticator::http::{HttpMethod, PathFault, RequestPath};
use authenticator::origin::Origin;
use authenticator::reason::{Reason, Refusal};
use authenticator::ruleset::Ruleset;
use authenticator::trust::{TrustReport, VerifiedChain};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::{Deserialize, Serialize};

use self::suppositions::{Supposed, suppose};
use crate::audit::next_decision_id;
use crate::certificate_text::escaped_pem;
use crate::clock::seconds_until;

/// The steps of a decision. A field is `null` where an earlier step refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// Whether it is let in, and what is asked about allowed.
    pub allowed: bool,
    /// From the closed list of reasons.
    pub reason: Option<String>,
    /// The facts behind the reason.
    pub evidence: Option<String>,
    /// As of when.
    pub at: String,
    /// The address of the listener that it is about.
    pub listener: String,
    /// The name that the client asks for the listener by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The certificate that it is about.
    #[serde(flatten)]
    pub certificate: Option<Certificate>,
    /// The trust that vouches for it.
    pub trust: Option<String>,
    /// `device` or `service`.
    pub role: Option<String>,
    /// The number of the revocation list of its CA.
    pub crl_number: Option<String>,
    /// When that is to be replaced (RFC 3339).
    pub crl_next_update: Option<String>,
    /// What OCSP says of it, where somebody is to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<String>,
    /// SUCCESS, NONE, or FAILED with the reason; `null` where the handshake is refused.
    #[serde(default)]
    pub verdict: Option<String>,
    /// Policies that only report, and what `enforce` would say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<String>,
    /// Its name.
    pub identity: Option<String>,
    /// The namespace of that.
    pub namespace: Option<String>,
    /// The policy that lets it in.
    pub policy: Option<String>,
    /// Whether that policy is a quarantine: nothing that waited for it, or that it left behind, is delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quarantined: bool,
    /// The client id that it gets.
    pub client_id: Option<String>,
    /// What it has shown beside its certificate, as the question says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<String>,
    /// What a broker would ask for, and this answer does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub would_ask: Vec<String>,
    /// The topic that was asked about.
    pub publish: Option<String>,
    /// The filter that was asked about.
    pub subscribe: Option<String>,
    /// The method and the path that were asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// What the certificate says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Its issuer (RFC 4514).
    pub issuer: String,
    /// Its serial number.
    pub serial: String,
    /// Its SHA-256.
    pub fingerprint_sha256: String,
    /// Its SHA-1.
    #[serde(default)]
    pub fingerprint_sha1: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// Until its end; negative: it is over.
    #[serde(default)]
    pub seconds_remaining: i64,
    /// PEM, percent-encoded (RFC 3986 §2.1), as proxies hand it on in a header.
    #[serde(default)]
    pub pem_escaped: String,
}

impl Explanation {
    /// That there is no listener for the question.
    pub fn of_no_listener(question: &Question, now: UnixTime) -> Self {
        let evidence = match &question.server_name {
            Some(name) => {
                format!("no listener is called {name:?}: the handshake ends with the alert unrecognized_name")
            }
            None => "there is no listener for that: --path asks about HTTP, all else about MQTT".to_owned(),
        };
        let server_name = question.server_name.clone();
        Self { at: timestamp(now), evidence: Some(evidence), server_name, ..Self::default() }
    }

    /// What `rules` decide at `now` about a client that presents these certificates to `listener`; `known`: what is
    /// known of it by OCSP.
    pub fn of(
        question: &Question,
        listener: &AskedListener<'_>,
        rules: &Ruleset,
        now: UnixTime,
        presented: &[CertificateDer<'_>],
        known: impl Fn(&VerifiedChain) -> OcspEvidence,
    ) -> Self {
        let connect = Connect {
            client_id: question.client_id.as_deref(),
            will_topic: None,
            unique: &|| next_decision_id().to_string(),
            // Which name it will be is not known before.
            random: &|| Some(0),
        };
        let asked = question.path.as_deref().map(|path| asked(question.method.as_deref(), path));
        let request = match (&asked, &question.publish, &question.subscribe) {
            (Some(Ok((method, path))), ..) => {
                Request::Http(HttpRequest { method: *method, path, random: connect.random })
            }
            (_, Some(topic), _) => Request::Publish(connect, topic),
            (_, None, Some(filter)) => Request::Subscribe(connect, filter),
            (_, None, None) => Request::Connect(connect),
        };
        let trust = rules.report(now);
        let origin = Origin {
            address: question.source,
            listener: Some(listener.place),
            server_name: listener.server_name(question),
            version: question.mqtt_version.as_ref().and_then(|version| version.parse().ok()),
        };
        let evidence = Evidence::new(rules.verify_chain(presented, now), now).origin(origin);
        let server_name = evidence.origin.server_name.as_ref().map(ToString::to_string);
        let supposed = (question.ocsp, question.factor);
        let Supposed { decision, would_ask } = suppose(rules, evidence, &request, supposed, known);
        let mut explanation = Self {
            would_ask,
            at: timestamp(now),
            listener: listener.address.clone(),
            server_name,
            publish: question.publish.clone(),
            subscribe: question.subscribe.clone(),
            request: question
                .path
                .as_ref()
                .map(|path| format!("{} {path}", question.method.as_deref().unwrap_or("GET"))),
            certificate: presented
                .first()
                .and_then(|leaf| PeerCertificate::parse(leaf).ok())
                .map(|leaf| Certificate::of(&leaf, now)),
            ..Self::default()
        };
        for step in &decision.trace {
            explanation.add(step, &trust);
        }
        // A request that cannot be handed on is refused before anybody is asked whose it is.
        let fault = asked.and_then(Result::err).map(|fault| Refusal::new(Reason::Malformed, fault));
        match fault.map_or(decision.outcome, Err) {
            Ok(_) => explanation.allowed = true,
            Err(refusal) => {
                explanation.reason = Some(refusal.reason.as_str().to_owned());
                explanation.evidence = Some(refusal.evidence);
            }
        }
        explanation
    }

    /// The first of `explanations`, one for each listener that the question fits, that lets the client in, or else the first.
    pub fn best(explanations: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut explanations = explanations.into_iter();
        let first = explanations.next()?;
        if first.allowed { Some(first) } else { Some(explanations.find(|one| one.allowed).unwrap_or(first)) }
    }

    /// Whether both come to the same: the decision, its reason, and who is let in by what.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let decided = |one: &Self| {
            [&one.reason, &one.trust, &one.crl_number, &one.namespace, &one.identity, &one.policy]
                .map(Clone::clone)
        };
        self.allowed == other.allowed && decided(self) == decided(other)
    }

    /// Adds what a step of the decision found.
    fn add(&mut self, step: &Step, trust: &TrustReport) {
        match step {
            Step::Chain(chain) => {
                self.trust = Some(chain.trust_name().to_string());
                self.role = Some(chain.role().as_str().to_owned());
                let summary = trust.trusts.iter().find(|summary| summary.name == *chain.trust_name());
                let issuer = chain.leaf().issuer().to_string();
                let crl = summary.and_then(|summary| summary.crls.iter().find(|list| list.issuer == issuer));
                self.crl_number = crl.and_then(|list| list.number).map(|number| number.to_string());
                self.crl_next_update = crl.map(|list| timestamp(list.next_update));
            }
            Step::Ocsp(standing) => self.ocsp = Some(ocsp_text(standing)),
            Step::Identity(client) => {
                self.verdict = Some(client.verdict().to_string());
                self.identity = Some(client.identity().to_string());
                self.namespace = Some(client.identity().namespace().to_string());
            }
            Step::Policy(permit) => {
                self.policy = Some(permit.policy_name().to_owned());
                self.quarantined = permit.is_quarantined();
            }
            Step::ClientId(binding) => self.client_id = Some(binding.as_str().to_owned()),
            // The topic or filter that was asked about is shown whether it is allowed or not.
            Step::SecondFactor(permit) => {
                self.second_factor = permit.second_factor().map(|kind| kind.as_str().to_owned());
            }
            Step::Reported { policy, refusal } => self.reported.push(format!("{policy}: {refusal}")),
            Step::Standing | Step::Path | Step::Will | Step::Publish | Step::Subscribe => {}
        }
    }
}

fn ocsp_text(standing: &OcspStanding) -> String {
    match standing {
        OcspStanding::Good { valid_until } => format!("good, until {}", timestamp(*valid_until)),
        OcspStanding::ListInstead { why } => format!("{why}; the revocation list decides"),
        OcspStanding::Pending => "its responder is being asked".to_owned(),
        OcspStanding::Unchecked { why } => format!("{why}; whether it is revoked is not known"),
    }
}

/// What an HTTP request asks for, or why it cannot be handed on.
fn asked(method: Option<&str>, path: &str) -> Result<(HttpMethod, RequestPath), String> {
    let method =
        method.map_or(Ok(HttpMethod::Get), str::parse).map_err(|error| format!("the method: {error}"))?;
    // The query is not judged.
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Ok((method, path.parse().map_err(|fault: PathFault| fault.to_string())?))
}

impl Certificate {
    fn of(certificate: &PeerCertificate, now: UnixTime) -> Self {
        Self {
            fingerprint_sha1: certificate.fingerprint_sha1(),
            seconds_remaining: seconds_until(certificate.not_after(), now),
            pem_escaped: escaped_pem(certificate.der()),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: certificate.serial().to_string(),
            fingerprint_sha256: certificate.fingerprint_sha256().to_string(),
            not_before: timestamp(certificate.not_before()),
            not_after: timestamp(certificate.not_after()),
        }
    }
}
