//! The decision about one certificate, from the chain to the topic, as `explain` shows it.

use authenticator::certificate::{PeerCertificate, timestamp};
use authenticator::decide::{Connect, Request, Step};
use authenticator::trust::TrustReport;
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use crate::args::ExplainArgs;
use crate::audit::next_decision_id;
use crate::config::ListenerConfig;
use crate::rules::RulesetStore;

/// The steps of a decision. A field is `null` where an earlier step refused.
#[derive(Debug, Default, Serialize)]
pub(super) struct Explanation {
    pub(super) allowed: bool,
    /// From the closed list of reasons.
    pub(super) reason: Option<&'static str>,
    pub(super) evidence: Option<String>,
    /// As of when.
    pub(super) at: String,
    pub(super) listener: String,
    #[serde(flatten)]
    pub(super) certificate: Option<Certificate>,
    pub(super) trust: Option<String>,
    pub(super) role: Option<&'static str>,
    pub(super) crl_number: Option<String>,
    pub(super) crl_next_update: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) publish: Option<String>,
    pub(super) subscribe: Option<String>,
}

/// What the certificate says.
#[derive(Debug, Serialize)]
pub(super) struct Certificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) fingerprint_sha256: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
}

impl Explanation {
    pub(super) fn of(
        args: &ExplainArgs,
        listener: &ListenerConfig,
        rules: &RulesetStore,
        trust: &TrustReport,
        presented: &[CertificateDer<'_>],
    ) -> Self {
        let connect = Connect {
            client_id: args.client_id.as_deref(),
            will_topic: None,
            unique: &|| next_decision_id().to_string(),
        };
        let request = match (&args.publish, &args.subscribe) {
            (Some(topic), _) => Request::Publish(connect, topic),
            (None, Some(filter)) => Request::Subscribe(connect, filter),
            (None, None) => Request::Connect(connect),
        };
        let decision = rules.decide(rules.verify_chain(presented), &request);
        let mut explanation = Self {
            at: timestamp(rules.now()),
            listener: listener.settings.address.to_string(),
            publish: args.publish.clone(),
            subscribe: args.subscribe.clone(),
            certificate: presented
                .first()
                .and_then(|leaf| PeerCertificate::parse(leaf).ok())
                .map(Certificate::of),
            ..Self::default()
        };
        for step in &decision.trace {
            explanation.add(step, trust);
        }
        match decision.outcome {
            Ok(_) => explanation.allowed = true,
            Err(refusal) => {
                explanation.reason = Some(refusal.reason.as_str());
                explanation.evidence = Some(refusal.evidence);
            }
        }
        explanation
    }

    /// Adds what a step of the decision found.
    fn add(&mut self, step: &Step, trust: &TrustReport) {
        match step {
            Step::Chain(chain) => {
                self.trust = Some(chain.trust_name().to_string());
                self.role = Some(chain.role().as_str());
                let summary = trust.trusts.iter().find(|summary| summary.name == *chain.trust_name());
                let issuer = chain.leaf().issuer().to_string();
                let crl = summary.and_then(|summary| summary.crls.iter().find(|list| list.issuer == issuer));
                self.crl_number = crl.map(|list| list.number.to_string());
                self.crl_next_update = crl.map(|list| timestamp(list.next_update));
            }
            Step::Identity(client) => {
                self.identity = Some(client.identity().to_string());
                self.namespace = Some(client.identity().namespace().to_string());
            }
            Step::Policy(permit) => self.policy = Some(permit.policy_name().to_owned()),
            Step::ClientId(binding) => self.client_id = Some(binding.as_str().to_owned()),
            // The topic or filter that was asked about is shown whether it is allowed or not.
            Step::Standing | Step::Will | Step::Publish | Step::Subscribe => {}
        }
    }
}

impl Certificate {
    fn of(certificate: PeerCertificate) -> Self {
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: certificate.serial().to_string(),
            fingerprint_sha256: certificate.fingerprint_sha256().to_string(),
            not_before: timestamp(certificate.not_before()),
            not_after: timestamp(certificate.not_after()),
        }
    }
}
