//! What `explain` says of a client, by the files and by the running broker.

use std::path::Path;

use serde_json::Value;

use crate::cell::Cell;
use crate::column::{Action, Mode, policy_name};
use crate::https::WHO;
use crate::matrix::Certificate;
use crate::protocol::Protocol;
use crate::running::Running;
use crate::shown::Shown;

/// What is wrong with what `explain` says of a client that is to meet `wanted`.
pub(crate) fn faults(
    running: &Running<'_>,
    certificate: Certificate,
    shown: Shown,
    protocol: Protocol,
    wanted: &Cell,
) -> Vec<String> {
    // Whether a client holds its key, no file says.
    if certificate.name == "expired, and another's key" && running.column.mode == Mode::Permissive {
        return Vec::new();
    }
    let device = shown.device(protocol);
    let file = running.matrix_fleet.certificates.of(certificate.name, &device);
    let file = file.map(|credential| credential.certificate.as_path());
    let path = if let Cell::In(area) = wanted { area.path(&device) } else { WHO.to_owned() };
    let said = said(running, file, shown, protocol, &path);
    let wanted = Explained::wanted(running, certificate, shown, wanted);
    [("files", &said), ("running", &said["running"])]
        .into_iter()
        .filter_map(|(who, answer)| {
            let found = Explained::of(answer);
            (found != wanted).then(|| format!("explain ({who}) says {found:?}, and not {wanted:?}"))
        })
        .collect()
}

/// What `explain` says of the device with the certificate in `file` that asks for `path`, or connects.
pub(crate) fn said(
    running: &Running<'_>,
    file: Option<&Path>,
    shown: Shown,
    protocol: Protocol,
    path: &str,
) -> Value {
    let device = shown.device(protocol);
    let file = file.map(|file| file.display().to_string());
    let mut args = match &file {
        Some(file) => vec!["--cert", file],
        None => vec!["--no-certificate"],
    };
    args.extend(shown.supposed().into_iter().flat_map(|word| ["--factor", word]));
    match protocol {
        Protocol::Mqtt311 => args.extend(["--client-id", &device, "--mqtt-version", "3.1.1"]),
        Protocol::Mqtt5 => args.extend(["--client-id", &device, "--mqtt-version", "5"]),
        Protocol::Https => args.extend(["--path", path]),
    }
    running.explain(&args)
}

/// What is compared.
#[derive(Debug, PartialEq, Eq)]
struct Explained {
    is_allowed: bool,
    verdict: Option<String>,
    reason: Option<String>,
    policy: Option<String>,
    is_reported: bool,
}

impl Explained {
    fn of(answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().map(str::to_owned);
        Self {
            is_allowed: answer["allowed"] == true,
            verdict: text("verdict"),
            reason: text("reason"),
            policy: text("policy"),
            is_reported: answer["reported"].as_array().is_some_and(|list| !list.is_empty()),
        }
    }

    fn wanted(running: &Running<'_>, certificate: Certificate, shown: Shown, wanted: &Cell) -> Self {
        let action = running.column.action;
        let is_reported = !certificate.is_proven
            && !matches!(wanted, Cell::Alert(_))
            && matches!(action, Action::Report | Action::ReportThenAllow);
        let said = |reason: Option<&str>, policy: Option<String>| Self {
            is_allowed: reason.is_none(),
            verdict: certificate.verdict(),
            reason: reason.map(str::to_owned),
            policy,
            is_reported,
        };
        match wanted {
            Cell::Alert(_) => Self { verdict: None, ..said(certificate.reason, None) },
            Cell::In(area) => said(None, Some(policy_name(*area, shown.asked))),
            Cell::Refused(reason) if reason == "second_factor" => {
                let area = running.column.areas().map(|[of_devices, _]| of_devices);
                said(Some(reason), area.map(|area| policy_name(area, shown.asked)))
            }
            Cell::Refused(reason) => said(Some(reason), None),
            Cell::Odd(what) => panic!("the matrix has {what}"),
        }
    }
}
