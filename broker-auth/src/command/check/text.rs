//! Findings for people.

use std::fmt::Write;

use super::findings::{Findings, Listener, PolicyFinding, Trust};
use super::second_factors::SecondFactorFindings;

/// One paragraph per listener, one line per policy, and the warnings last.
pub(super) fn of(findings: &Findings) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut text, findings);
    text
}

fn write(text: &mut String, findings: &Findings) -> std::fmt::Result {
    writeln!(text, "config {}", findings.config)?;
    findings.listeners.iter().try_for_each(|listener| write_listener(text, listener))?;
    findings.fetched_lists.iter().try_for_each(|list| match &list.cached_since {
        Some(since) => writeln!(text, "fetched list {}: cached since {since} in {}", list.url, list.file),
        None => writeln!(text, "fetched list {}: not fetched yet", list.url),
    })?;
    findings.second_factors.iter().try_for_each(|factors| write_second_factors(text, factors))?;
    findings.policies.iter().try_for_each(|policy| write_policy(text, policy))?;
    findings.warnings.iter().try_for_each(|warning| writeln!(text, "warning: {warning}"))
}

fn write_listener(text: &mut String, listener: &Listener) -> std::fmt::Result {
    writeln!(text, "listener {}", listener.address)?;
    if !listener.server_names.is_empty() {
        writeln!(text, "  server names {}", listener.server_names.join(", "))?;
    }
    if let Some(certificate) = &listener.server_certificate {
        writeln!(text, "  server certificate {}: {certificate}", listener.server_cert)?;
    }
    if listener.transport == "https" {
        writeln!(text, "  https, upstream {}", listener.upstream.as_deref().unwrap_or("none"))?;
        listener.paths.iter().try_for_each(|path| writeln!(text, "    path {path}"))?;
    }
    listener.trusts.iter().try_for_each(|trust| write_trust(text, trust))
}

pub(super) fn write_trust(text: &mut String, trust: &Trust) -> std::fmt::Result {
    writeln!(
        text,
        "  trust {} ({}), crl-check {}, stale-crl {}",
        trust.name, trust.role, trust.crl_check, trust.stale_crl
    )?;
    if trust.legacy_leaf == "warn" {
        write!(text, "    legacy-leaf warn: ")?;
        match (trust.legacy_leaves, &trust.legacy_leaves_unknown) {
            (Some(admitted), _) => {
                let more = if trust.legacy_leaves_exceeded { " or more" } else { "" };
                writeln!(text, "{admitted}{more} such certificates admitted since the broker started")?;
            }
            (None, why) => {
                let why = why.as_deref().unwrap_or_default();
                writeln!(text, "how many are admitted is known to a running broker only ({why})")?;
            }
        }
    }
    for anchor in &trust.anchors {
        writeln!(text, "    anchor {}, {} to {}", anchor.subject, anchor.not_before, anchor.not_after)?;
    }
    for crl in &trust.crls {
        let number =
            crl.number.as_ref().map_or_else(|| "no number".to_owned(), |number| format!("number {number}"));
        writeln!(
            text,
            "    crl of {}: {number}, {} revoked, {} to {}, {}",
            crl.issuer, crl.entries, crl.this_update, crl.next_update, crl.freshness
        )?;
    }
    Ok(())
}

pub(super) fn write_second_factors(text: &mut String, factors: &SecondFactorFindings) -> std::fmt::Result {
    let count =
        |count: Option<usize>| count.map_or_else(|| "not loaded".to_owned(), |count| count.to_string());
    if let Some(password) = &factors.password {
        writeln!(text, "second factor password: {} in {}", count(password.passwords), password.file)?;
    }
    if let Some(token) = &factors.token {
        let (audience, algorithms) = (token.audience.join(", "), token.algorithms.join(", "));
        writeln!(text, "second factor token: {} key(s) in {}", count(token.keys), token.keys_file)?;
        if let Some(url) = &token.keys_url {
            match (&token.keys_confirmed_at, &token.keys_too_old_at) {
                (Some(confirmed), Some(too_old)) => {
                    writeln!(text, "  fetched from {url}: confirmed at {confirmed}, too old at {too_old}")?;
                }
                _ => writeln!(text, "  fetched from {url}: not fetched yet")?,
            }
        }
        let namespace = token.namespace.as_ref();
        let namespace = namespace.map_or_else(String::new, |namespace| format!(" of namespace {namespace}"));
        writeln!(
            text,
            "  issuer {}, audience {audience}, {algorithms}, claim {}{namespace}",
            token.issuer, token.claim
        )?;
    }
    Ok(())
}

pub(super) fn write_policy(text: &mut String, policy: &PolicyFinding) -> std::fmt::Result {
    write!(text, "policy {}: {}", policy.name, policy.action)?;
    if let Some(trust) = &policy.trust {
        write!(text, " trust {trust}")?;
    }
    if let Some(identities) = &policy.identities {
        write!(text, " identity {}", identities.join(" "))?;
    }
    if let Some(factor) = policy.second_factor {
        write!(text, ", second factor {factor}")?;
    }
    writeln!(text, ", client id {}", policy.client_id)?;
    policy.publish.iter().try_for_each(|topic| writeln!(text, "    publish {topic}"))?;
    policy.subscribe.iter().try_for_each(|topic| writeln!(text, "    subscribe {topic}"))
}
