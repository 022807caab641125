//! Who is answered at all, and with what.

use std::io::Write;
use std::net::TcpStream;
use std::process::Stdio;

use integration_tests::broker::{Mark, operate};
use integration_tests::credential::Credential;
use integration_tests::http_caller::Caller;
use integration_tests::peer::Peer;
use integration_tests::pki::{DAY, Forger, now};
use integration_tests::program::{finish, run};
use serde_json::Value;

use crate::place::{Listener, Place, curl, site};

const WHO: &str = "/.well-known/countersign";

#[test]
fn curl_is_told_who_it_is_and_gets_a_file() {
    let Some(peer) = Peer::curl() else { return };
    let place = Place::new();
    let base = format!("https://localhost:{}", place.site.address().port());
    let ask =
        |credential: Option<&Credential>, args: &[&str]| run(curl(&peer, &place.site, credential).args(args));
    for (credential, identity, namespace, policy) in [
        (&place.site.device, "dev-1", "device-ca", "devices"),
        (&place.site.service, "backend", "service-ca", "services"),
    ] {
        let said = ask(Some(credential), &[&format!("{base}{WHO}")]).json();
        assert_eq!((&said["identity"], &said["namespace"]), (&identity.into(), &namespace.into()), "{said}");
        assert_eq!((&said["verdict"], &said["policy"]), (&"SUCCESS".into(), &policy.into()), "{said}");
        assert!(said["decision_id"].is_string() && said["fingerprint_sha256"].is_string(), "{said}");
    }
    let file = ask(Some(&place.site.device), &[&format!("{base}/files/a?b=c")]).stdout_of_success();
    assert!(file.starts_with("GET /files/a?b=c HTTP/1.1\r\n"), "{file}");
    let head = ask(Some(&place.site.device), &["-I", &format!("{base}{WHO}")]).stdout_of_success();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("no-store"), "{head}");
    // A body that is announced and waited for, and one in chunks.
    let upload =
        ["-X", "POST", "--data-binary", "hello", "-H", "Expect: 100-continue", &format!("{base}/files/x")];
    let posted = ask(Some(&place.site.service), &upload).stdout_of_success();
    assert!(posted.ends_with("\r\n\r\nhello") && !posted.to_lowercase().contains("expect"), "{posted}");
    let upload = ["-X", "PUT", "-T", "-", &format!("{base}/files/x")];
    let mut child = curl(&peer, &place.site, Some(&place.site.service))
        .args(upload)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("curl starts");
    child.stdin.take().expect("a pipe").write_all(b"in chunks").expect("curl reads it");
    let put = finish(child).stdout_of_success();
    assert!(
        put.contains("transfer-encoding: chunked") && put.contains("9\r\nin chunks\r\n0\r\n\r\n"),
        "{put}"
    );
    // A request after a request, over one connection.
    let (one, other) = (format!("{base}/files/1"), format!("{base}/files/2"));
    let twice = ask(Some(&place.site.device), &["-v", &one, &other]);
    assert!(twice.stderr.contains("Re-using existing connection"), "{}", twice.stderr);
}

#[test]
fn in_enforce_a_bad_certificate_is_an_alert() {
    let (Some(peer), Some(openssl)) = (Peer::curl(), Peer::openssl()) else { return };
    let place = Place::new();
    let url = format!("https://localhost:{}{WHO}", place.site.address().port());
    let stranger = Forger::stranger(&place.site.fleet).certificate("dev-1");
    for (credential, alert) in [(None, "certificate required"), (Some(&stranger), "unknown ca")] {
        let refused = run(curl(&peer, &place.site, credential).arg(&url));
        assert_ne!(refused.code, 0, "{}", refused.stdout);
        assert!(refused.stderr.contains(alert), "{alert}: {}", refused.stderr);
    }
    // What OpenSSL says of the handshake: the protocol that was agreed on, and that none other is.
    for (offered, wanted) in [("h2,http/1.1", "ALPN protocol: http/1.1"), ("h2", "no application protocol")] {
        let mut command = openssl.command();
        command.args(["s_client", "-alpn", offered, "-connect", &place.site.address().to_string()]);
        command.arg("-cert").arg(&place.site.device.certificate).arg("-key").arg(&place.site.device.key);
        let said = run(&mut command);
        assert!(format!("{}{}", said.stdout, said.stderr).contains(wanted), "{}{}", said.stdout, said.stderr);
    }
    let mut caller = Caller::dial_as(
        place.site.address(),
        &place.site.fleet,
        Some(&place.site.device),
        "localhost",
        &["http/1.1"],
    );
    assert_eq!(caller.get(WHO, "").expect("an answer").status, 200);
    assert_eq!(caller.protocol().as_deref(), Some("http/1.1"));
    assert!(place.origin.received().is_empty());
}

/// What a permissive listener answers, by hand: who comes, and what policies make of it.
#[test]
fn in_permissive_the_policies_decide_and_say_so() {
    let policies = "[[policy]]\nname = \"no-late\"\nmatch = { verdict = \"FAILED:expired\" }\naction = \"deny\"\n\n\
                    [[policy]]\nname = \"watch\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"report\"\n\n\
                    [[policy]]\nname = \"lobby\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"allow\"\n\n";
    let tables = "[[listener.path]]\nprefix = \"/files/open\"\npolicies = [\"devices\", \"lobby\"]\n\n\
                  [[listener.path]]\nprefix = \"/files\"\npolicies = [\"devices\"]\n\n";
    let place = Place::with(Listener { mode: "permissive", policies, tables, ..Listener::default() });
    let insider = Forger::with_key_of(&place.site.fleet, "device-ca");
    let ended = insider.altered("dev-1", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let stranger = Forger::stranger(&place.site.fleet).certificate("dev-1");
    for (credential, open, closed, verdict) in [
        (Some(&place.site.device), 200, 200, "SUCCESS"),
        (Some(&stranger), 200, 403, "FAILED:unknown_ca"),
        (None, 200, 403, "NONE"),
        (Some(&ended), 403, 403, ""),
    ] {
        let ask = |target: &str| place.caller(credential).get(target, "").expect("an answer");
        let said = ask(WHO);
        assert_eq!(said.status, open, "{verdict}: {said:?}");
        if open == 200 {
            assert_eq!(said.json()["verdict"], verdict);
        }
        for (target, wanted) in [("/files/open/a", open), ("/files/a", closed)] {
            let answer = ask(target);
            assert_eq!(answer.status, wanted, "{verdict} {target}: {answer:?}");
            if wanted == 403 {
                assert_eq!(answer.field("content-type"), Some("application/problem+json"));
                let problem = answer.json();
                assert_eq!((&problem["reason"], &problem["status"]), (&"policy_denied".into(), &403.into()));
                assert_eq!(
                    (&problem["title"], &problem["type"]),
                    (&"Forbidden".into(), &"about:blank".into())
                );
                // The operator finds more under the id, and a stranger does not.
                let id = problem["decision_id"].clone();
                let line = place.site.broker.log().line(Mark::START, |line| line["decision_id"] == id);
                assert_eq!((&line["event"], &line["status"]), (&"http".into(), &403.into()), "{line}");
                assert!(line["evidence"].as_str().is_some_and(|evidence| !answer.text().contains(evidence)));
            }
        }
    }
    // One without a certificate has one name for as long as it is connected.
    let mut nobody = place.caller(None);
    let names: Vec<_> =
        (0..2).map(|_| nobody.get(WHO, "").expect("an answer").json()["identity"].clone()).collect();
    assert!(names[0] == names[1] && names[0].as_str().is_some_and(|name| name.starts_with("anonymous-")));
    let status = operate(&place.site.fleet, "status", &["--json"]).json();
    let reported = status["listeners"][0]["reported"]["clients"].as_array().expect("a list");
    assert!(reported.iter().any(|client| client["reason"] == "unknown_ca"), "{status}");
    assert_eq!(status["listeners"][0]["transport"], "https");
    assert!(status["counters"]["requests"].as_u64() > status["counters"]["requests_refused"].as_u64());
    assert!(operate(&place.site.fleet, "sessions", &["--json"]).json().as_array().is_some_and(Vec::is_empty));
}

#[test]
fn without_an_origin_nothing_else_is_found_and_who_may_not_ask_is_not_told_so() {
    let site = site(Listener::default(), None, |_| {});
    let mut caller = Caller::dial(site.address(), &site.fleet, Some(&site.device));
    for (target, status) in [(WHO, 200), ("/files/a", 404), ("/elsewhere", 403), (WHO, 200)] {
        assert_eq!(caller.get(target, "").expect("an answer").status, status, "{target}");
    }
    let posted = caller.ask(&format!("POST {WHO} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(posted.expect("an answer").status, 403);
}

#[test]
fn every_request_is_a_line_in_the_log() {
    let place = Place::new();
    let mut caller = place.device();
    let mark = place.site.broker.log().mark();
    for target in ["/files/a%20b?secret=1", WHO, "/other"] {
        caller.get(target, "").expect("an answer");
    }
    caller.get("/a//b", "").expect("an answer");
    let lines = place.site.broker.log().lines(mark, 4, |line| line["event"] == "http");
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "http")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
            (
                text("method"),
                text("path"),
                line["status"].clone(),
                text("outcome"),
                text("identity"),
                text("reason"),
            )
        })
        .collect();
    let line = |method: &str, path: &str, status: u16, outcome: &str, identity: &str, reason: &str| {
        let texts = [method, path, outcome, identity, reason].map(str::to_owned);
        let [method, path, outcome, identity, reason] = texts;
        (method, path, Value::from(status), outcome, identity, reason)
    };
    assert_eq!(
        told,
        [
            line("GET", "/files/a%20b", 200, "allowed", "dev-1", "-"),
            line("GET", WHO, 200, "allowed", "dev-1", "-"),
            line("GET", "/other", 403, "refused", "dev-1", "policy_denied"),
            line("-", "-", 400, "refused", "-", "malformed"),
        ]
    );
}

/// A balancer's header comes before TLS, and the origin and policies are told where the client is.
#[test]
fn the_proxy_protocol_says_where_the_client_is() {
    let policies =
        "[[policy]]\nname = \"abroad\"\nmatch = { source = \"198.51.100.0/24\" }\naction = \"deny\"\n\n";
    let place = Place::with(Listener { keys: "proxy = \"127.0.0.1\"\n", policies, ..Listener::default() });
    for (header, status, told) in [
        ("PROXY TCP4 203.0.113.7 192.0.2.9 4660 8443\r\n", 200, Some("203.0.113.7")),
        ("PROXY TCP4 198.51.100.7 192.0.2.9 4660 8443\r\n", 403, None),
        ("PROXY UNKNOWN\r\n", 200, None),
    ] {
        let mut socket = TcpStream::connect(place.site.address()).expect("the broker accepts connections");
        socket.write_all(header.as_bytes()).expect("the broker takes it");
        let device = Some(&place.site.device);
        let mut caller = Caller::over(socket, &place.site.fleet, device, "localhost", &[]);
        let answer = caller.get("/files/a", "X-Forwarded-For: 10.0.0.1\r\n").expect("an answer");
        assert_eq!(answer.status, status, "{header}");
        if status == 200 {
            let request = place.origin.take();
            let line = request.split("\r\n").find_map(|line| line.strip_prefix("x-forwarded-for: "));
            assert_eq!(line, told, "{header}");
        }
    }
    // curl's header is one, too; and without one nobody is heard.
    let Some(peer) = Peer::curl() else { return };
    let url = format!("https://localhost:{}/files/a", place.site.address().port());
    let device = Some(&place.site.device);
    let asked = run(curl(&peer, &place.site, device).args(["--haproxy-protocol", "-4", &url]));
    assert!(asked.stdout_of_success().starts_with("GET /files/a HTTP/1.1\r\n"));
    assert_ne!(run(curl(&peer, &place.site, device).arg(&url)).code, 0);
}
