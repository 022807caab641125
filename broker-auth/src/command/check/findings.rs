//! What is loaded, what is wrong, and what should be looked at.

use std::sync::Arc;
use std::time::SystemTime;

use authenticator::certificate::{OwnCertificate, timestamp};
use authenticator::factor::FactorKind;
use authenticator::policy::Policy;
use authenticator::ruleset::AccessRules;
use authenticator::trust::{CrlReport, Freshness, TrustConfig, TrustSummary};
use broker_rules::clock::{Clock, SystemClock};
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::{CrlNumbers, RulesetStore};
use fetch::Fetcher;
use rustls_pki_types::UnixTime;
use serde::Serialize;

use super::fault::Fault;
use super::second_factors::SecondFactorFindings;
use crate::config::{Config, FetchedFile, FetchedKind, HttpsConfig, ListenerConfig};
use crate::transport::{ServerCertificate, UNUSABLE_CERTIFICATE};

/// What a configuration amounts to.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    pub(super) config: String,
    pub(super) listeners: Vec<Listener>,
    /// The revocation lists that a running broker fetches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fetched_lists: Vec<FetchedListFinding>,
    /// What clients are asked for beside their certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_factors: Option<SecondFactorFindings>,
    pub(super) policies: Vec<PolicyFinding>,
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Listener {
    pub(super) address: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) server_names: Vec<String>,
    pub(super) transport: &'static str,
    /// The origin that it is in front of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upstream: Option<String>,
    /// Who may ask that for what, a rule each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) paths: Vec<String>,
    pub(super) server_cert: String,
    pub(super) server_cert_not_after: Option<String>,
    pub(super) server_cert_not_before: Option<String>,
    pub(super) server_cert_names: Vec<String>,
    pub(super) server_cert_key: Option<String>,
    /// The same in a line for people.
    #[serde(skip)]
    pub(super) server_certificate: Option<String>,
    pub(super) trusts: Vec<Trust>,
}

#[derive(Debug, Serialize)]
pub(super) struct FetchedListFinding {
    pub(super) url: String,
    pub(super) file: String,
    /// Since when the file is as it is. `None`: it has not been fetched yet.
    pub(super) cached_since: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Trust {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) crl_check: &'static str,
    pub(super) stale_crl: &'static str,
    pub(super) legacy_leaf: &'static str,
    /// How many certificates the running broker has let in by that. `None`: there is none to ask.
    pub(super) legacy_leaves: Option<u64>,
    /// Whether there were more, which it did not tell apart.
    pub(super) legacy_leaves_exceeded: bool,
    /// Why that is not known.
    #[serde(skip)]
    pub(super) legacy_leaves_unknown: Option<String>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) crls: Vec<Crl>,
}

#[derive(Debug, Serialize)]
pub(super) struct Anchor {
    pub(super) subject: String,
    pub(super) file: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Crl {
    pub(super) issuer: String,
    /// A text, because JSON numbers end at 53 bits. Some lists have none.
    pub(super) number: Option<String>,
    pub(super) this_update: String,
    pub(super) next_update: String,
    pub(super) entries: usize,
    pub(super) freshness: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct PolicyFinding {
    pub(super) name: String,
    pub(super) trust: Option<String>,
    pub(super) identities: Option<Vec<String>>,
    pub(super) action: &'static str,
    /// What it asks for beside the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_factor: Option<&'static str>,
    pub(super) client_id: &'static str,
    pub(super) publish: Vec<String>,
    pub(super) subscribe: Vec<String>,
}

impl Findings {
    /// Everything that could be loaded, and every fault.
    pub(super) fn of(config: &Config) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut findings = Self {
            config: config.file.display().to_string(),
            listeners: Vec::new(),
            fetched_lists: config
                .fetched_files
                .iter()
                .filter(|file| file.kind == FetchedKind::RevocationList)
                .map(FetchedListFinding::of)
                .collect(),
            second_factors: None,
            policies: config.access.policies.iter().map(PolicyFinding::of).collect(),
            warnings: config
                .exposed_secrets()
                .iter()
                .map(|secret| {
                    format!(
                        "{} can be read here: a broker host should get `export-broker` only",
                        secret.display()
                    )
                })
                .collect(),
        };
        findings.warnings.extend(config.policy_warnings());
        findings.warnings.extend(config.https_warnings());
        findings.second_factors =
            SecondFactorFindings::of(&config.second_factors, &mut findings.warnings, &mut faults);
        if findings.policies.is_empty() {
            findings.warnings.push("there is no [[policy]], so nobody gets in".to_owned());
        }
        if let Err(error) = StateDirectory::try_out(&config.state) {
            faults.push((error.to_string(), error.help().into()));
        }
        if let Err(error) = Fetcher::new(&config.fetch.roots) {
            faults.push((error.to_string(), error.help().into()));
        }
        match CrlNumbers::read_only(&config.state_directory()) {
            Ok(numbers) => {
                let numbers = Arc::new(numbers);
                for listener in &config.listeners {
                    let listener = findings.load(listener, &numbers, &mut faults);
                    findings.listeners.push(listener);
                }
            }
            Err(error) => faults.push((error.to_string(), "restore the file, or delete it".into())),
        }
        (findings, faults)
    }

    /// The lists that are stale: issuer, and when each was due to be replaced.
    pub(super) fn stale_lists(&self) -> impl Iterator<Item = (&str, &str)> {
        self.listeners.iter().flat_map(|listener| stale_lists(&listener.trusts))
    }

    fn load(
        &mut self,
        config: &ListenerConfig,
        numbers: &Arc<CrlNumbers>,
        faults: &mut Vec<Fault>,
    ) -> Listener {
        let own = match ServerCertificate::load(
            &config.server_cert,
            &config.server_key,
            &config.settings.server_names.names,
        ) {
            Ok(certificate) => {
                let now = SystemClock.now();
                // A running broker would go on with it, so a broker starts with it; but nobody could connect.
                let of_certificate = certificate.faults(now);
                let refused = of_certificate.by_clients.into_iter();
                faults.extend(refused.map(|fault| (fault, UNUSABLE_CERTIFICATE.into())));
                self.warnings.extend(of_certificate.by_agents);
                self.warnings.extend(certificate.end_is_near(now));
                self.warnings.extend(certificate.warnings());
                Some(certificate.certificate())
            }
            Err(error) => {
                faults.push((error.to_string(), error.help().into()));
                None
            }
        };
        let trusts = Trust::load(&config.trusts, numbers, &mut self.warnings, faults);
        if let Err(error) = config.transport.load() {
            faults.push((error.to_string(), "put the files of [listener.upstream-tls] right".into()));
        }
        Listener {
            address: config.settings.address.to_string(),
            server_names: config.settings.server_names.names.iter().map(ToString::to_string).collect(),
            transport: config.transport.as_str(),
            upstream: config.transport.https().and_then(HttpsConfig::upstream),
            paths: config.transport.https().map(HttpsConfig::paths).unwrap_or_default(),
            server_cert: config.server_cert.display().to_string(),
            server_cert_not_after: own.as_ref().map(|own| timestamp(own.not_after())),
            server_cert_not_before: own.as_ref().map(|own| timestamp(own.not_before())),
            server_cert_names: own.as_ref().map(OwnCertificate::names).unwrap_or_default(),
            server_cert_key: own.as_ref().and_then(|own| own.key().map(ToString::to_string)),
            server_certificate: own.as_ref().map(ToString::to_string),
            trusts,
        }
    }
}

/// The lists of `trusts` that are stale: issuer, and when each was due to be replaced.
pub(super) fn stale_lists(trusts: &[Trust]) -> impl Iterator<Item = (&str, &str)> {
    let lists = trusts.iter().flat_map(|trust| &trust.crls);
    let stale = lists.filter(|list| list.freshness == Freshness::Stale.as_str());
    stale.map(|list| (list.issuer.as_str(), list.next_update.as_str()))
}

impl FetchedListFinding {
    fn of(list: &FetchedFile) -> Self {
        let modified = std::fs::metadata(&list.path).and_then(|metadata| metadata.modified());
        let since = modified.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            url: list.url.to_string(),
            file: list.path.display().to_string(),
            cached_since: since.map(|since| timestamp(UnixTime::since_unix_epoch(since))),
        }
    }
}

impl Trust {
    /// Loads trusts whole; none, if one of them is refused.
    pub(super) fn load(
        configs: &[TrustConfig],
        numbers: &Arc<CrlNumbers>,
        warnings: &mut Vec<String>,
        faults: &mut Vec<Fault>,
    ) -> Vec<Self> {
        let rules =
            RulesetStore::new(Arc::new(SystemClock), Arc::clone(numbers), Arc::new(AccessRules::default()));
        match rules.load(configs) {
            Ok(report) => {
                warnings.extend(report.warnings);
                return report.trusts.into_iter().map(Self::of).collect();
            }
            // Nothing is fetched for a check, and a broker starts without.
            Err(error) if error.is_not_fetched() => warnings
                .push(format!("{error}: until it is there, clients that need it are refused (stale_crl)")),
            Err(error) => faults.push((error.to_string(), error.help())),
        }
        Vec::new()
    }

    fn of(summary: TrustSummary) -> Self {
        Self {
            name: summary.name.to_string(),
            role: summary.role.as_str(),
            crl_check: summary.crl_check.as_str(),
            stale_crl: summary.stale_crl.as_str(),
            legacy_leaf: summary.legacy_leaf.as_str(),
            legacy_leaves: None,
            legacy_leaves_exceeded: false,
            legacy_leaves_unknown: None,
            anchors: summary
                .anchors
                .into_iter()
                .map(|anchor| Anchor {
                    subject: anchor.subject,
                    file: anchor.file.display().to_string(),
                    not_before: timestamp(anchor.not_before),
                    not_after: timestamp(anchor.not_after),
                })
                .collect(),
            crls: summary.crls.into_iter().map(Crl::of).collect(),
        }
    }
}

impl Crl {
    fn of(report: CrlReport) -> Self {
        Self {
            issuer: report.issuer,
            number: report.number.map(|number| number.to_string()),
            this_update: timestamp(report.this_update),
            next_update: timestamp(report.next_update),
            entries: report.entries,
            freshness: report.freshness.as_str(),
        }
    }
}

impl PolicyFinding {
    pub(super) fn of(policy: &Policy) -> Self {
        Self {
            name: policy.name.to_string(),
            trust: policy.matches.trust.as_ref().map(ToString::to_string),
            identities: policy
                .matches
                .identity
                .as_ref()
                .map(|identities| identities.iter().map(ToString::to_string).collect()),
            action: policy.action.as_str(),
            second_factor: policy.second_factor.map(FactorKind::as_str),
            client_id: policy.client_id.as_str(),
            publish: policy.publish.iter().map(|topic| topic.as_str().to_owned()).collect(),
            subscribe: policy.subscribe.iter().map(|topic| topic.as_str().to_owned()).collect(),
        }
    }
}
