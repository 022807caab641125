//! `sessions`, `kick`, `status`, `reload`: asking a running broker.

use std::fmt::Write;
use std::process::ExitCode;

use broker_rules::config::StateConfig;
use broker_rules::protocol::{Ambiguous, Answer, Request, SessionLine, Status};
use serde::Serialize;

use crate::admin::{AskError, ask};
use crate::args::{ClockAcceptArgs, ConfigArgs, KickArgs, ReloadArgs, SessionsArgs, StatusArgs};
use crate::exit;

pub(crate) fn sessions(args: &SessionsArgs) -> ExitCode {
    match put(&args.config, &Request::Sessions) {
        Ok(Answer::Sessions(sessions)) if args.json => json(&sessions),
        Ok(Answer::Sessions(sessions)) => exit::print(&session_table(&sessions)),
        Ok(_) => unexpected(),
        Err(code) => code,
    }
}

pub(crate) fn kick(args: &KickArgs) -> ExitCode {
    match put(&args.config, &Request::Kick { id: args.id.clone() }) {
        Ok(Answer::Kicked(kicked)) if kicked.sessions == 0 => exit::fail(
            exit::UNKNOWN,
            format!("{:?} has no session", args.id),
            "countersign-broker sessions lists those there are",
        ),
        Ok(Answer::Ambiguous(Ambiguous { id, identities })) => exit::fail(
            exit::CONFLICT,
            format!("{id:?} stands for several clients, and none was closed"),
            format!("name one with its namespace: {}", identities.join(", ")),
        ),
        Ok(Answer::Kicked(kicked)) if args.json => json(&kicked),
        Ok(Answer::Kicked(kicked)) => {
            exit::print(&format!("closed {} session(s) of {}\n", kicked.sessions, kicked.id))
        }
        Ok(_) => unexpected(),
        Err(code) => code,
    }
}

pub(crate) fn status(args: &StatusArgs) -> ExitCode {
    match put(&args.config, &Request::Status) {
        Ok(Answer::Status(status)) => {
            let code = if args.json { json(&status) } else { exit::print(&status_page(&status)) };
            let trusts = status.listeners.iter().flat_map(|listener| &listener.trusts);
            let stale = trusts.flat_map(|trust| &trust.crls).filter(|list| list.freshness == "stale");
            exit::stale(stale.map(|list| (list.issuer.as_str(), list.next_update.as_str())), code)
        }
        Ok(_) => unexpected(),
        Err(code) => code,
    }
}

pub(crate) fn reload(args: &ReloadArgs) -> ExitCode {
    match put(&args.config, &Request::Reload) {
        Ok(Answer::Reloaded(reloaded)) => {
            let text = if reloaded.changed { "reloaded\n" } else { "nothing had changed\n" };
            let code = if args.json { json(&reloaded) } else { exit::print(text) };
            exit::warn(&reloaded.warnings);
            if reloaded.refused.is_empty() {
                return code;
            }
            exit::fail(
                exit::INPUT_REFUSED,
                reloaded.refused.join("; "),
                "what was in force before stays in force; put the files right and reload again",
            )
        }
        Ok(_) => unexpected(),
        Err(code) => code,
    }
}

pub(crate) fn accept_time(args: &ClockAcceptArgs) -> ExitCode {
    let now = match exit::parse_time("--now", &args.now) {
        Ok(now) => now,
        Err(code) => return code,
    };
    match put(&args.config, &Request::AcceptTime { now: now.as_secs() }) {
        Ok(Answer::TimeAccepted { floor }) => {
            exit::print(&format!("certificates are judged by the clock again: the floor was {floor}\n"))
        }
        Ok(Answer::TimeRefused(why)) => exit::fail(
            exit::INPUT_REFUSED,
            why,
            "countersign-broker status shows the clock and the floor; a floor that is right needs no change",
        ),
        Ok(_) => unexpected(),
        Err(code) => code,
    }
}

fn put(config: &ConfigArgs, request: &Request) -> Result<Answer, ExitCode> {
    let state = StateConfig::of_file(&config.file());
    let answer = ask(&state.admin_socket(), request).map_err(|error| {
        let help = match &error {
            AskError::NoBroker { .. } => "start it with countersign-broker run, as the same user",
            AskError::NoAnswer { .. } => "use the countersign-broker of the same version as the running one",
        };
        exit::fail(exit::FAILED, error, help)
    })?;
    match answer {
        Answer::Denied => Err(exit::fail(
            exit::DENIED,
            "only the user that the broker runs as may do that",
            "members of admin-group may run status, sessions and explain",
        )),
        answer => Ok(answer),
    }
}

fn unexpected() -> ExitCode {
    exit::fail(
        exit::FAILED,
        "the broker answered another question",
        "use the countersign-broker of the same version as the running one",
    )
}

fn json(document: &impl Serialize) -> ExitCode {
    exit::print_json(document)
}

fn session_table(sessions: &[SessionLine]) -> String {
    let widest = |column: fn(&SessionLine) -> &str, title: &str| {
        sessions.iter().map(|session| column(session).len()).max().unwrap_or(0).max(title.len())
    };
    let client = widest(|session| &session.client_id, "CLIENT ID");
    let identity = widest(|session| &session.identity, "IDENTITY");
    let namespace = widest(|session| &session.namespace, "NAMESPACE");
    let mut table = format!(
        "{:client$}  {:namespace$}  {:identity$}  {:9}  {:5}  {:21}  {:20}  {:>4}  {:>6}\n",
        "CLIENT ID", "NAMESPACE", "IDENTITY", "POLICY", "MQTT", "PEER", "SINCE", "SUBS", "QUEUED"
    );
    for session in sessions {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let or_unknown = |count: Option<usize>| count.map_or_else(|| "-".into(), |count| count.to_string());
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{:client$}  {:namespace$}  {:identity$}  {:9}  {:5}  {:21}  {:20}  {:>4}  {:>6}",
            session.client_id,
            session.namespace,
            session.identity,
            or_dash(&session.policy),
            or_dash(&session.protocol),
            session.peer.as_deref().unwrap_or("away"),
            or_dash(&session.connected_at),
            or_unknown(session.subscriptions),
            or_unknown(session.queued),
        );
    }
    let _ = writeln!(table, "{} session(s)", sessions.len());
    table
}

fn status_page(status: &Status) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:24} {value}");
    };
    line("version", &status.version);
    line("pid", &status.pid);
    line("up for", &format_args!("{} s", status.uptime_seconds));
    line(
        "engine",
        &format_args!("{} ({})", status.engine, if status.engine_alive { "running" } else { "stopped" }),
    );
    line("sessions", &status.sessions);
    if let (Some(messages), Some(bytes)) = (status.retained_messages, status.retained_bytes) {
        line("retained messages", &format_args!("{messages} ({bytes} bytes)"));
    }
    if let Some(bytes) = status.queued_bytes {
        line("queued for clients", &format_args!("{bytes} bytes"));
    }
    line("log lines lost", &status.log_lines_lost);
    line("clock", &status.clock);
    line("time floor", &status.time_floor);
    if let Some(why) = &status.reload_refused {
        line("reload refused", why);
    }
    if let Some(why) = &status.second_factors_refused {
        line("second factors", &format_args!("verified as before: {why}"));
    }
    if let Some(why) = &status.tokens_refused {
        line("tokens", &format_args!("refused: {why}"));
    }
    for listener in &status.listeners {
        line("listener", &listener.address);
        if !listener.server_names.is_empty() {
            line("  server names", &listener.server_names.join(", "));
        }
        if listener.transport == "https" {
            line("  transport", &listener.transport);
        }
        line("  trust generation", &listener.trust_generation);
        match &listener.server_certificate {
            Some(certificate) => {
                let names =
                    if certificate.names.is_empty() { "no name" } else { &certificate.names.join(" ") };
                let key = certificate.key.as_deref().unwrap_or("cannot be read");
                line("  certificate", &format_args!("{names} ({key}), since {}", certificate.not_before));
                let (left, end) = (left(certificate.left_seconds), &certificate.not_after);
                line("  certificate ends", &format_args!("{end}, {left}"));
                for warning in &certificate.warnings {
                    line("  warning", warning);
                }
            }
            None => {
                if let Some(end) = &listener.server_certificate_not_after {
                    line("  certificate ends", end);
                }
            }
        }
        for why in &listener.refused {
            line("  refused", why);
        }
        if listener.mode == "permissive" {
            line("  mode", &listener.mode);
            for client in &listener.reported.clients {
                let who = client.subject.as_deref().unwrap_or("no certificate");
                line(
                    "  would be refused",
                    &format_args!(
                        "{}: {who}, {} times, last {} from {} (policy {})",
                        client.reason, client.count, client.last, client.peer, client.policy
                    ),
                );
            }
            let beyond = listener.reported.beyond;
            if beyond > 0 {
                line("  would be refused", &format_args!("and {beyond} visits of others"));
            }
        }
        for trust in &listener.trusts {
            for list in &trust.crls {
                let number = list.number.as_ref();
                let number =
                    number.map_or_else(|| "no number".to_owned(), |number| format!("number {number}"));
                let (age, left) = (days(list.age_seconds), left(list.left_seconds));
                line(
                    "  revocation list",
                    &format_args!(
                        "of {}: {number}, {} revoked, {age} old, {left}, {}",
                        list.issuer, list.entries, list.freshness
                    ),
                );
            }
            if trust.legacy_leaf == "warn" || trust.legacy_leaves > 0 {
                let more = if trust.legacy_leaves_exceeded { " or more" } else { "" };
                line(
                    "  legacy leaves",
                    &format_args!(
                        "{}{more} admitted by trust {} (legacy-leaf {})",
                        trust.legacy_leaves, trust.name, trust.legacy_leaf
                    ),
                );
            }
        }
    }
    let of_kind = |name| move |file| (name, file);
    let lists = status.fetched_lists.iter().map(of_kind("fetched list"));
    for (name, file) in lists.chain(status.fetched_key_sets.iter().map(of_kind("fetched key set"))) {
        line(name, &file.url);
        line("  fetched", &file.fetched_at.as_deref().unwrap_or("not since the start"));
        if let (Some(confirmed), Some(too_old)) = (&file.confirmed_at, &file.too_old_at) {
            line("  confirmed", &format_args!("{confirmed}, too old at {too_old}"));
        }
        if let Some(why) = &file.refused {
            line("  refused", &format_args!("{} times in a row: {why}", file.failures));
        }
        line("  next fetch", &file.next_fetch);
    }
    for (name, value) in &status.counters {
        line(&name.replace('_', " "), value);
    }
    page
}

/// How long until a time that is so far away; negative: it is past.
fn left(seconds: i64) -> String {
    let length = days(seconds.unsigned_abs());
    if seconds < 0 { format!("late by {length}") } else { format!("{length} left") }
}

/// A length of time in the two units that say most.
fn days(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        _ if days > 0 => format!("{days} d {} h", hours % 24),
        _ if hours > 0 => format!("{hours} h {} min", minutes % 60),
        _ if minutes > 0 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{seconds} s"),
    }
}
