//! [`Finding`]: what undoes the plugin, or should be looked at.

use std::fmt;

use serde::Serialize;

use super::conf::Listener;
use super::directives::Directive;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Clients are not judged, or nobody gets in.
    Error,
    /// It works, and something about it should be known.
    Warning,
}

/// Something about a line of mosquitto.conf, or about one that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) file: String,
    /// The line, from 1. `None`: the line is missing.
    pub(super) line: Option<usize>,
    /// The setting it is about.
    pub(super) setting: &'static str,
    /// What happens.
    pub(super) what: String,
    /// What to write instead.
    pub(super) instead: String,
}

impl Finding {
    /// What is wrong with a line.
    pub(super) fn error(
        at: &Directive,
        setting: &'static str,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            file: at.file.display().to_string(),
            line: Some(at.line),
            setting,
            what: what.into(),
            instead: instead.into(),
        }
    }

    /// What should be known of a line.
    pub(super) fn warning(
        at: &Directive,
        setting: &'static str,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, setting, what, instead) }
    }

    /// What is wrong with a file that lacks a line.
    pub(super) fn missing(
        file: &std::path::Path,
        setting: &'static str,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            file: file.display().to_string(),
            line: None,
            setting,
            what: what.into(),
            instead: instead.into(),
        }
    }

    /// What is wrong with a listener that lacks a line: where the listener stands.
    pub(super) fn of_listener(
        file: &std::path::Path,
        listener: &Listener,
        setting: &'static str,
        what: impl fmt::Display,
        instead: impl Into<String>,
    ) -> Self {
        let what = format!("{}: {what}", listener.title());
        match &listener.opened_by {
            Some(line) => Self::error(line, setting, what, instead),
            None => Self::missing(file, setting, what, instead),
        }
    }

    /// Where it is.
    pub(super) fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}
