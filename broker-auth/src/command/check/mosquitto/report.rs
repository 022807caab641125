//! [`Report`]: a configuration for the plugin in mosquitto, and what is found in mosquitto.conf.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use broker_rules::clock::{Clock, SystemClock};
use broker_rules::config::HostedConfig;
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::CrlNumbers;
use serde::Serialize;

use super::conf::MosquittoConf;
use super::finding::{Finding, Severity};
use super::password_cost::PasswordCost;
use super::{client_authorities, listeners, plugins, whole_broker};
use crate::command::check::fault::Fault;
use crate::command::check::findings::{PolicyFinding, Trust};
use crate::command::check::second_factors::SecondFactorFindings;
use crate::command::check::text::{write_policy, write_second_factors, write_trust};

/// What both files amount to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) config: String,
    pub(super) mosquitto: String,
    /// What is found in mosquitto.conf: by file, as they are read, and line.
    pub(super) findings: Vec<Finding>,
    pub(super) trusts: Vec<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_factors: Option<SecondFactorFindings>,
    /// How long mosquitto stands still for a password. `None`: no policy asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_cost: Option<PasswordCost>,
    pub(super) policies: Vec<PolicyFinding>,
    pub(super) warnings: Vec<String>,
}

impl Report {
    /// What is found in `conf`, beside the configuration in `file`.
    pub(super) fn of(conf: &MosquittoConf, file: &Path) -> Self {
        let mut findings = whole_broker::findings(conf);
        findings.extend(listeners::findings(conf, SystemClock.now()));
        findings.extend(plugins::findings(conf, file));
        Self {
            config: file.display().to_string(),
            mosquitto: conf.file.display().to_string(),
            findings,
            trusts: Vec::new(),
            second_factors: None,
            password_cost: None,
            policies: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds what the plugin would load, and returns every fault of it.
    pub(super) fn add(&mut self, conf: &MosquittoConf, config: &HostedConfig) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.findings.extend(client_authorities::findings(conf, &config.trusts));
        self.warnings.extend(config.policy_warnings());
        self.policies.extend(config.access.policies.iter().map(PolicyFinding::of));
        if self.policies.is_empty() {
            self.warnings.push("there is no [[policy]], so nobody gets in".to_owned());
        }
        self.second_factors =
            SecondFactorFindings::of(&config.second_factors, &mut self.warnings, &mut faults);
        self.password_cost = PasswordCost::measure(&config.access, &config.second_factors);
        if let Err(error) = StateDirectory::try_out(&config.state) {
            faults.push((error.to_string(), error.help().into()));
        }
        match CrlNumbers::read_only(&config.state.directory) {
            Ok(numbers) => {
                self.trusts =
                    Trust::load(&config.trusts, &Arc::new(numbers), &mut self.warnings, &mut faults);
            }
            Err(error) => faults.push((error.to_string(), "restore the file, or delete it".into())),
        }
        faults
    }

    /// The findings by which clients are not judged, or nobody gets in.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// The same for people. Errors go elsewhere.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "config {}", self.config)?;
        writeln!(text, "mosquitto {}", self.mosquitto)?;
        self.trusts.iter().try_for_each(|trust| write_trust(text, trust))?;
        self.second_factors.iter().try_for_each(|factors| write_second_factors(text, factors))?;
        self.password_cost.iter().try_for_each(|cost| {
            writeln!(
                text,
                "  a password takes {:.0} ms here (m={},t={},p={}), during which mosquitto does nothing else",
                cost.milliseconds, cost.memory_kib, cost.passes, cost.lanes
            )
        })?;
        self.policies.iter().try_for_each(|policy| write_policy(text, policy))?;
        let warnings = self.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        for finding in warnings {
            writeln!(
                text,
                "warning: {}: {}: {}\n  instead: {}",
                finding.place(),
                finding.setting,
                finding.what,
                finding.instead
            )?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(text, "warning: {warning}"))
    }
}
