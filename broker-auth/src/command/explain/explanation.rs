//! The whole way of one certificate, from the chain to the topic.

use rustls_pki_types::CertificateDer;
use serde::Serialize;

use crate::args::ExplainArgs;
use crate::certificate::{PeerCertificate, timestamp};
use crate::config::{Config, ListenerConfig};
use crate::identity::identify;
use crate::policy::Permit;
use crate::reason::Refusal;
use crate::trust::{TrustReport, TrustStore};

/// What a certificate meets with. A field is `null` where the way ended before it.
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
        config: &Config,
        listener: &ListenerConfig,
        store: &TrustStore,
        trust: &TrustReport,
        chain: &[CertificateDer<'_>],
    ) -> Self {
        let mut explanation = Self {
            at: timestamp(store.now()),
            listener: listener.address.to_string(),
            publish: args.publish.clone(),
            subscribe: args.subscribe.clone(),
            certificate: chain
                .first()
                .and_then(|leaf| PeerCertificate::parse(leaf).ok())
                .map(Certificate::of),
            ..Self::default()
        };
        match explanation.follow(args, config, store, trust, chain) {
            Ok(()) => explanation.allowed = true,
            Err(refusal) => {
                explanation.reason = Some(refusal.reason.as_str());
                explanation.evidence = Some(refusal.evidence);
            }
        }
        explanation
    }

    /// The same steps, in the same order, as the broker's.
    fn follow(
        &mut self,
        args: &ExplainArgs,
        config: &Config,
        store: &TrustStore,
        trust: &TrustReport,
        chain: &[CertificateDer<'_>],
    ) -> Result<(), Refusal> {
        let chain = store.verify(chain)?;
        self.trust = Some(chain.trust_name().to_string());
        self.role = Some(chain.role().as_str());
        let summary = trust.trusts.iter().find(|summary| summary.name == *chain.trust_name());
        let crl = summary.and_then(|summary| {
            let issuer = chain.leaf().issuer().to_string();
            summary.crls.iter().find(|list| list.issuer == issuer)
        });
        self.crl_number = crl.map(|list| list.number.to_string());
        self.crl_next_update = crl.map(|list| timestamp(list.next_update));

        let device = identify(chain, &config.identity)?;
        self.identity = Some(device.identity().to_string());
        let permit = config.policies.decide(&device)?;
        self.policy = Some(permit.policy_name().to_owned());
        self.act(args, &permit)
    }

    fn act(&mut self, args: &ExplainArgs, permit: &Permit) -> Result<(), Refusal> {
        if let Some(requested) = &args.client_id {
            self.client_id = Some(permit.client_id(requested)?.as_str().to_owned());
        }
        if let Some(topic) = &args.publish {
            permit.publish(topic)?;
        }
        if let Some(filter) = &args.subscribe {
            permit.subscribe(filter)?;
        }
        Ok(())
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
