//! A key set by URL: the last good one is in force whatever its server does, as long as it is not too old.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use integration_tests::broker::{lines_of, operate};
use integration_tests::client::{Client, Tls};
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::peer::Peer;
use integration_tests::token_issuer::TokenIssuer;

use crate::live_sessions::ends;
use crate::place::{IN, OUT, Place, TOKEN, fetch_keys_from, fleet};

/// The file that the only key set is fetched into.
fn cached_file(place: &Place) -> PathBuf {
    let file = place.status()["fetched_key_sets"][0]["file"].as_str().map(PathBuf::from);
    file.expect("a fetched key set has a file")
}

/// Python's web server with TLS, which nobody here wrote. It ends with the value.
struct HttpsServer {
    child: Child,
    port: u16,
}

const HTTPS_SERVER: &str = r#"
import functools, http.server, ssl, sys
files, fleet = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=files)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(fleet + "/broker/cert.pem", fleet + "/broker/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

impl HttpsServer {
    /// Serves what is in `files`.
    fn start(python: &Peer, fleet: &Fleet, files: &std::path::Path) -> Self {
        let mut command = python.command();
        command.args(["-c", HTTPS_SERVER]).arg(files).arg(fleet.directory());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python can be run");
        let lines = lines_of(child.stdout.take().expect("stdout is piped"));
        let port = lines.recv_timeout(Duration::from_secs(20)).expect("it says where it is");
        Self { child, port: port.parse().expect("a port") }
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_are_fetched_by_https_from_a_server_whose_certificate_is_right() {
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let Some(python) = Peer::python() else { return };
    let files = fleet.beside("published");
    fs::create_dir_all(&files).expect("a directory");
    fs::write(files.join("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
    let server = HttpsServer::start(&python, &fleet, &files);
    let device = fleet.device("dev-1");
    let url = format!("https://localhost:{}/jwks.json", server.port);
    fetch_keys_from(&fleet, &url, "1s", "");
    fleet.configure("[fetch]\n", "[fetch]\nca = [\"broker-ca/root.pem\"]\n");
    let place = Place::of(fleet);
    let token = issuer.token("a", "dev-1", 3600);
    assert_eq!(place.met(&device, "dev-1", &token), IN);
    // It goes on being confirmed: Python says "not modified".
    let confirmed = place.status()["fetched_key_sets"][0]["confirmed_at"].clone();
    place.wait_for_status("it is confirmed again", |status| {
        let now = &status["fetched_key_sets"][0]["confirmed_at"];
        now.is_string() && *now != confirmed
    });
    let page = operate(&place.fleet, "status", &[]).stdout_of_success();
    assert!(
        page.contains(&format!("fetched key set          {url}\n")) && page.contains(", too old at "),
        "{page}"
    );

    // A CA that has not issued the server's certificate.
    place.fleet.configure("ca = [\"broker-ca/root.pem\"]", "ca = [\"device-ca/root.pem\"]");
    fs::remove_file(cached_file(&place)).expect("the file can be removed");
    let place = place.restarted();
    assert_eq!(place.met(&device, "dev-1", &token), OUT);
    let status = place.status();
    let why = status["fetched_key_sets"][0]["refused"].as_str().expect("a reason");
    assert!(why.contains("TLS") && why.contains(&url), "{why}");
    assert!(status["tokens_refused"].as_str().expect("a reason").contains("has not been fetched yet"));
}

#[test]
fn whatever_a_server_does_the_last_good_key_set_is_in_force() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let device = fleet.device("dev-1");
    let good = issuer.key_set(&["a"]).into_bytes();
    let token = issuer.token("a", "dev-1", 3600);
    server.set(Behaviour::Sends(good.clone()));
    fetch_keys_from(&fleet, &server.url("jwks.json"), "1s", "");
    let mut place = Place::of(fleet);
    let file = cached_file(&place);
    let secret = br#"{"keys": [{"kty": "oct", "kid": "a", "k": "AAAA"}]}"#;
    for (what, behaviour, words) in [
        ("nothing comes", Behaviour::Hangs, "not done in time"),
        ("not found", Behaviour::Fails(404), "404"),
        ("unavailable", Behaviour::Fails(503), "503"),
        ("half of it comes", Behaviour::Cuts(good.clone()), "no whole answer"),
        ("half of it as if it were all", Behaviour::Sends(good[..good.len() / 2].to_vec()), "no JSON"),
        ("nothing, as a file", Behaviour::Sends(Vec::new()), "empty file"),
        ("a web page", Behaviour::Sends(b"<html>It works!</html>".to_vec()), "no JSON"),
        ("another JSON", Behaviour::Sends(b"{\"issuer\": \"https://id.example\"}".to_vec()), "RFC 7517"),
        ("an empty set", Behaviour::Sends(b"{\"keys\": []}".to_vec()), "no key that can be used"),
        (
            "an encryption key",
            Behaviour::Sends(br#"{"keys": [{"kty": "EC", "use": "enc"}]}"#.to_vec()),
            "no key that",
        ),
        ("a secret", Behaviour::Sends(secret.to_vec()), "secret"),
        ("bytes without end", Behaviour::Floods, "more than 65536 bytes"),
        ("a gigabyte", Behaviour::Announces(1 << 30), "more than 65536 bytes"),
        (
            "a byte too many",
            Behaviour::Sends([vec![b' '; 65_537 - good.len()], good.clone()].concat()),
            "more than",
        ),
    ] {
        let mut session = place.session(&device, "dev-1/a", &token);
        server.set(behaviour);
        place.wait_for_status(what, |status| {
            let set = &status["fetched_key_sets"][0];
            let why = set["refused"].as_str().unwrap_or_default();
            set["failures"].as_u64() > Some(0)
                && why.contains(&server.url("jwks.json"))
                && why.contains(words)
        });
        assert!(fs::read(&file).expect("a file") == good, "{what}: the file is replaced by a key set only");
        assert!(session.is_alive(), "{what}");
        assert_eq!(place.met(&device, "dev-1", &token), IN, "{what}");
        server.set(Behaviour::Fails(503));
        place = place.restarted();
        assert_eq!(place.met(&device, "dev-1", &token), IN, "{what}, then a restart");
        server.set(Behaviour::Sends(good.clone()));
        place.wait_for_status(what, |status| status["fetched_key_sets"][0]["failures"] == 0);
    }
}

/// Keys of which nobody says that they are still good are used for `keys-max-age`, over a restart too.
#[test]
fn keys_that_are_not_confirmed_become_too_old() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let devices = fleet.devices(&["dev-1", "dev-2"]);
    let set = issuer.key_set(&["a"]).into_bytes();
    let [token, other] = ["dev-1", "dev-2"].map(|name| issuer.token("a", name, 3600));
    server.set(Behaviour::Tags(set.clone()));
    fetch_keys_from(&fleet, &server.url("jwks.json"), "1s", "keys-max-age = \"12s\"");
    let place = Place::of(fleet);
    let mut session = place.session(&devices[0], "dev-1", &token);
    // "Not modified" is a confirmation: without one they would be too old by now.
    std::thread::sleep(Duration::from_secs(14));
    assert!(session.is_alive());
    server.set(Behaviour::Fails(503));
    place
        .wait_for_status("it is away", |status| status["fetched_key_sets"][0]["failures"].as_u64() > Some(0));
    drop(session);
    let place = place.restarted();
    assert_eq!(place.met(&devices[1], "dev-2", &other), IN, "not too old yet");
    let mut session = place.session(&devices[0], "dev-1", &token);
    let mark = place.broker.log().mark();
    let begin = Instant::now();
    while place.status()["tokens_refused"].is_null() {
        assert!(begin.elapsed() < Duration::from_secs(14), "it uses them for longer than it was told");
        std::thread::sleep(Duration::from_millis(50));
    }
    ends(&place, &mut session, "dev-1");
    assert_eq!(place.met(&devices[1], "dev-2", &other), OUT);
    let refusal =
        place.broker.log().line(mark, |line| line["identity"] == "dev-2" && line["outcome"] == "refused");
    let evidence = refusal["evidence"].as_str().expect("evidence");
    assert!(
        evidence.contains("are too old since 20") && evidence.contains("last confirmed them at 20"),
        "{evidence}"
    );
    place.broker.log().complaint(mark, "too old since");
    let page = operate(&place.fleet, "status", &[]).stdout_of_success();
    assert!(page.contains("tokens                   refused: the keys of http://"), "{page}");
    let checked = operate(&place.fleet, "check", &[]).stdout_of_success();
    assert!(checked.contains("are too old since 20"), "{checked}");

    let place = place.restarted();
    assert_eq!(place.met(&devices[0], "dev-1", &token), OUT, "a restart makes nothing younger");
    server.set(Behaviour::Tags(set));
    place.wait_for_status("they are confirmed", |status| status["tokens_refused"].is_null());
    assert_eq!(place.met(&devices[0], "dev-1", &token), IN);
}

/// A clock that was ahead when the keys were confirmed, and is right again.
#[test]
fn keys_of_the_future_are_as_old_as_they_are_known() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let device = fleet.device("dev-1");
    let token = issuer.token("a", "dev-1", 3600);
    server.set(Behaviour::Sends(issuer.key_set(&["a"]).into_bytes()));
    fetch_keys_from(&fleet, &server.url("jwks.json"), "1s", "keys-max-age = \"12s\"");
    let place = Place::of(fleet);
    let file = cached_file(&place);
    server.set(Behaviour::Fails(503));
    place
        .wait_for_status("it is away", |status| status["fetched_key_sets"][0]["failures"].as_u64() > Some(0));
    let future = SystemTime::now() + Duration::from_secs(10 * 24 * 3600);
    let opened = fs::File::open(&file).expect("a file");
    opened.set_modified(future).expect("a time can be set");
    let begin = Instant::now();
    let place = place.restarted();
    assert_eq!(place.met(&device, "dev-1", &token), IN);
    let place = place.restarted();
    while place.status()["tokens_refused"].is_null() {
        assert!(begin.elapsed() < Duration::from_secs(25), "they are young for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(place.met(&device, "dev-1", &token), OUT);
}

#[test]
fn a_broker_starts_without_keys_and_takes_tokens_when_they_come() {
    let server = FileServer::start(Behaviour::Hangs);
    let fleet = fleet(TOKEN);
    let Some(issuer) = TokenIssuer::beside(&fleet) else { return };
    let device = fleet.device("dev-1");
    let backend = fleet.service("backend");
    let token = issuer.token("a", "dev-1", 3600);
    fetch_keys_from(&fleet, &server.url("jwks.json"), "1s", "");
    let checked = operate(&fleet, "check", &[]).stdout_of_success();
    let expected = format!("fetched from {}: not fetched yet", server.url("jwks.json"));
    assert!(checked.contains(&expected) && checked.contains("every token is refused until"), "{checked}");
    assert_eq!(server.requests(), 0, "check asks nobody");
    let place = Place::of(fleet);
    assert_eq!(place.met(&device, "dev-1", &token), OUT);
    let tls = Tls::new(&place.fleet, Some(&backend));
    let connect = Connect::new(Version::V5, "backend");
    let mut service = Client::connect(place.broker.address(), &tls, &connect);
    server.set(Behaviour::Sends(issuer.key_set(&["a"]).into_bytes()));
    place.wait_for_status("they come", |status| status["tokens_refused"].is_null());
    assert_eq!(place.met(&device, "dev-1", &token), IN);
    assert!(service.is_alive());
    let checked = operate(&place.fleet, "check", &["--json"]).json();
    let found = &checked["second_factors"]["token"];
    assert_eq!((&found["keys"], found["keys_url"].as_str()), (&1.into(), Some(&*server.url("jwks.json"))));
    assert!(found["keys_confirmed_at"].is_string() && found["keys_too_old_at"].is_string(), "{found}");
}
