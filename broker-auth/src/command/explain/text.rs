//! An explanation for people.

use std::fmt::Write;

use broker_rules::explanation::Explanation;

use super::answers::Answers;

/// What the files say, and what the running broker says where that is something else.
pub(super) fn of(answers: &Answers) -> String {
    let mut text = steps(&answers.files);
    match &answers.running {
        Some(running) if answers.differs => {
            text.push_str("\nthe running broker decides otherwise:\n");
            text.push_str(&steps(running));
        }
        Some(_) => text.push_str("the running broker decides the same\n"),
        None => {}
    }
    text
}

/// One line per step, and the decision last.
fn steps(explanation: &Explanation) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{label:<12} {value}");
    };
    if let Some(certificate) = &explanation.certificate {
        line("certificate", &certificate.subject);
        line("issuer", &certificate.issuer);
        line("serial", &certificate.serial);
        line("fingerprint", &certificate.fingerprint_sha256);
        line("valid", &format!("{} to {}", certificate.not_before, certificate.not_after));
    }
    line("listener", &explanation.listener);
    if let Some(name) = &explanation.server_name {
        line("server name", name);
    }
    line("as of", &explanation.at);
    if let (Some(trust), Some(role)) = (&explanation.trust, &explanation.role) {
        line("trust", &format!("{trust} ({role})"));
    }
    match (&explanation.crl_number, &explanation.crl_next_update) {
        (Some(number), Some(due)) => line("crl", &format!("number {number}, due to be replaced at {due}")),
        (None, Some(due)) => line("crl", &format!("no number, due to be replaced at {due}")),
        _ if explanation.trust.is_some() => line("crl", "none is checked"),
        _ => {}
    }
    for reported in &explanation.reported {
        line("reported", reported);
    }
    let given = [
        ("ocsp", &explanation.ocsp),
        ("verdict", &explanation.verdict),
        ("identity", &explanation.identity),
        ("namespace", &explanation.namespace),
        ("policy", &explanation.policy),
        ("client id", &explanation.client_id),
        ("factor", &explanation.second_factor),
        ("publish", &explanation.publish),
        ("subscribe", &explanation.subscribe),
        ("request", &explanation.request),
    ];
    for (label, value) in given {
        if let Some(value) = value {
            line(label, value);
        }
    }
    match (&explanation.reason, &explanation.evidence) {
        (Some(reason), Some(evidence)) => {
            line("decision", &format!("refused: {reason}"));
            line("because", evidence);
        }
        (None, Some(evidence)) => {
            line("decision", "refused");
            line("because", evidence);
        }
        _ if explanation.would_ask.is_empty() && explanation.quarantined => {
            line("decision", "allowed, in quarantine");
        }
        _ if explanation.would_ask.is_empty() => line("decision", "allowed"),
        _ => {
            let asked = explanation.would_ask.join(", ");
            line(
                "decision",
                &format!("would be allowed, if all is well with what a broker would ask for: {asked}"),
            );
        }
    }
    text
}
