//! `sessions`, `kick`, `status`, `reload`: asking a running broker.

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::admin::{Ambiguous, Answer, AskError, Request, SessionLine, Status, ask};
use crate::args::{ConfigArgs, KickArgs, ReloadArgs, SessionsArgs, StatusArgs};
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
        Ok(Answer::Status(status)) if args.json => json(&status),
        Ok(Answer::Status(status)) => exit::print(&status_page(&status)),
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

fn put(config: &ConfigArgs, request: &Request) -> Result<Answer, ExitCode> {
    ask(&config.admin_socket(), request).map_err(|error| {
        let help = match &error {
            AskError::NoBroker { .. } => "start it with countersign-broker run, as the same user",
            AskError::NoAnswer { .. } => "use the countersign-broker of the same version as the running one",
        };
        exit::fail(exit::FAILED, error, help)
    })
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
            session.subscriptions,
            session.queued,
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
    line(
        "retained messages",
        &format_args!("{} ({} bytes)", status.retained_messages, status.retained_bytes),
    );
    line("queued for clients", &format_args!("{} bytes", status.queued_bytes));
    line("log lines lost", &status.log_lines_lost);
    if let Some(why) = &status.reload_refused {
        line("reload refused", why);
    }
    for listener in &status.listeners {
        line("listener", &listener.address);
        line("  trust generation", &listener.trust_generation);
        line("  certificate ends", &listener.server_certificate_not_after);
        for trust in &listener.trusts {
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
    for (name, value) in &status.counters {
        line(&name.replace('_', " "), value);
    }
    page
}
