//! `explain`: would this client be let in, as whom, and why or why not; by the files, and by the running broker.

mod answers;
mod client;
mod text;

use std::process::ExitCode;
use std::sync::Arc;

use authenticator::evidence::OcspEvidence;
use broker_rules::clock::SystemClock;
use broker_rules::explanation::{AskedListener, Explanation, Question};
use broker_rules::protocol::{Answer, Explain, Request, Subject};
use broker_rules::store::{CrlNumbers, RulesetStore};
use data_encoding::BASE64;
use rustls_pki_types::UnixTime;

use crate::admin::ask;
use crate::args::ExplainArgs;
use crate::config::Config;
use crate::exit;

use answers::Answers;
use client::Client;

pub(crate) fn run(args: &ExplainArgs) -> ExitCode {
    match explain(args) {
        Ok(answers) => print(args, &answers),
        Err(code) => code,
    }
}

fn print(args: &ExplainArgs, answers: &Answers) -> ExitCode {
    let printed = if args.json { exit::print_json(answers) } else { exit::print(&text::of(answers)) };
    let is_allowed = answers.files.allowed && answers.running.as_ref().is_none_or(|running| running.allowed);
    // A pipe that broke does not change the answer.
    if printed == ExitCode::SUCCESS && !is_allowed { ExitCode::from(exit::DENIED) } else { printed }
}

fn explain(args: &ExplainArgs) -> Result<Answers, ExitCode> {
    let at = args.at.as_deref().map(|text| exit::parse_time("--at", text)).transpose()?;
    let question = Question {
        client_id: args.client_id.clone(),
        publish: args.publish.clone(),
        subscribe: args.subscribe.clone(),
        path: args.path.clone(),
        method: args.method.clone(),
        source: args.source,
        ocsp: args.ocsp,
        factor: args.factor,
        server_name: args.server_name.as_ref().map(ToString::to_string),
        mqtt_version: args.mqtt_version.clone(),
    };
    let file = args.config.file();
    let config =
        || Config::load(&file).map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, error.fault.help()));
    // What cannot be read about the client is said before what is wrong with the configuration.
    let (client, config) = match Client::of_file(args)? {
        Some(client) => (client, config()?),
        None => {
            let config = config()?;
            (Client::called(args, &config)?, config)
        }
    };
    let files = by_files(&question, &config, &client, at)?;
    let running = by_running_broker(question, &config, &client, at);
    let differs = running.as_ref().is_some_and(|running| !running.agrees_with(&files));
    Ok(Answers { files, source: client.source, running, differs })
}

/// What a broker would decide that is started with the files as they are.
fn by_files(
    question: &Question,
    config: &Config,
    client: &Client,
    at: Option<UnixTime>,
) -> Result<Explanation, ExitCode> {
    let numbers = CrlNumbers::read_only(&config.state_directory())
        .map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, "restore the file, or delete it"))?;
    let numbers = Arc::new(numbers);
    let (mut explanations, mut latest) = (Vec::new(), None);
    for listener in &config.listeners {
        let rules = RulesetStore::of_listener(
            Arc::new(SystemClock),
            Arc::clone(&numbers),
            Arc::clone(&config.access),
            listener.mode,
            listener.transport.http_rules().cloned(),
        );
        // Loaded as of now, judged as of then: the question is what today's trust will say.
        rules
            .load(&listener.trusts)
            .map_err(|error| exit::fail(exit::INPUT_REFUSED, &error, error.help()))?;
        let now = at.unwrap_or_else(|| rules.now());
        latest = latest.max(Some(now));
        let is_https = listener.transport.https().is_some();
        let settings = &listener.settings;
        let listener = AskedListener {
            place: settings.place,
            address: settings.address.to_string(),
            server_names: &settings.server_names,
            is_https,
        };
        if !listener.is_met_by(question) {
            continue;
        }
        explanations.push(Explanation::of(
            question,
            &listener,
            &rules.present(),
            now,
            &client.presents,
            |_| OcspEvidence::NotAsked,
        ));
    }
    Explanation::best(explanations)
        .or_else(|| {
            let is_named = question.server_name.is_some();
            latest.filter(|_| is_named).map(|now| Explanation::of_no_listener(question, now))
        })
        .ok_or_else(|| {
            exit::fail(
                exit::INPUT_REFUSED,
                "there is no listener for that question",
                "ask about an MQTT client, or with --path about an HTTP request",
            )
        })
}

/// What the running broker decides, if one answers.
fn by_running_broker(
    question: Question,
    config: &Config,
    client: &Client,
    at: Option<UnixTime>,
) -> Option<Explanation> {
    let certificates = client.presents.iter().map(|certificate| BASE64.encode(certificate)).collect();
    let request = Request::Explain(Box::new(Explain {
        client: Subject::Presents(certificates),
        question,
        at: at.map(|at| at.as_secs()),
    }));
    match ask(&config.state.admin_socket(), &request) {
        Ok(Answer::Explained(explained)) => explained.map(|explained| explained.explanation),
        _ => None,
    }
}
