//! Origins that are down, slow, or lie; and one that is asked by TLS and wants to know who asks.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, Mark, operate};
use integration_tests::client::PATIENCE;
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::peer::Peer;

use crate::PROGRAMS;
use crate::place::{FILES, Listener, Place, configure, site};

const QUICK: &str = "upstream-timeout = \"1s\"\nidle-timeout = \"2s\"\n";

#[test]
fn what_an_origin_does_wrong_is_a_bad_gateway_and_no_whole_answer() {
    let place = Place::with(Listener { keys: QUICK, ..Listener::default() });
    for (target, status) in
        [("silent", 504), ("garbage", 502), ("closed", 502), ("switch", 502), ("both", 502)]
    {
        let since = Instant::now();
        let answer = place.device().get(&format!("/files/{target}"), "").expect("an answer");
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        assert_eq!(answer.field("content-type"), Some("application/problem+json"), "{target}");
        assert_eq!(answer.json()["status"], status, "{target}");
        assert!(answer.json().get("reason").is_none(), "nobody has refused it");
        assert!(since.elapsed() < Duration::from_secs(4), "{target}: {:?}", since.elapsed());
    }
    // Whoever waits for more can tell that it is not all.
    for target in ["short", "torn", "stuck"] {
        let since = Instant::now();
        let mut caller = place.device();
        let answer = caller.get(&format!("/files/{target}"), "").expect("an answer");
        assert!(answer.status == 200 && !answer.is_whole, "{target}: {answer:?}");
        assert!(since.elapsed() < Duration::from_secs(5), "{target}: {:?}", since.elapsed());
    }
    let answer = place.device().get("/files/trailers", "").expect("an answer");
    assert_eq!((answer.status, answer.text().as_str(), answer.is_whole), (200, "hello", true));
    for gone in ["x-hop", "trailer", "keep-alive", "proxy-authenticate", "x-late"] {
        assert_eq!(answer.field(gone), None, "{gone}");
    }
    assert_eq!(answer.field("x-kept"), Some("1"));
    let line = place.site.broker.log().line(Mark::START, |line| line["path"] == "/files/garbage");
    assert!(line["note"].as_str().is_some_and(|note| note.starts_with("the origin: ")), "{line}");
}

#[test]
fn an_origin_that_answers_before_it_has_read_all_is_heard() {
    let place = Place::with(Listener { keys: QUICK, ..Listener::default() });
    let mut caller = place.service();
    caller.send(b"POST /files/early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
    caller.send(&[b'x'; 100_000]);
    let answer = caller.answer(true).expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (413, "no\n"));
    assert!(caller.has_ended());
    // A client that announces a body and sends none holds its place only so long.
    let since = Instant::now();
    let mut caller = place.service();
    caller.send(b"POST /files/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    assert!(caller.answer(true).is_none_or(|answer| answer.status == 504));
    assert!((0.8..5.0).contains(&since.elapsed().as_secs_f64()), "{:?}", since.elapsed());
}

#[test]
fn nobody_keeps_a_connection_without_a_request() {
    let place = Place::with(Listener {
        keys: QUICK,
        tables: &format!("[listener.limits]\nconnect-timeout = \"1s\"\n\n{FILES}"),
        ..Listener::default()
    });
    let ends_within = |caller: &mut Caller, seconds: std::ops::Range<f64>| {
        let since = Instant::now();
        assert!(caller.has_ended());
        assert!(seconds.contains(&since.elapsed().as_secs_f64()), "{:?}", since.elapsed());
    };
    let mut silent = place.device();
    silent.send(b"");
    ends_within(&mut silent, 0.5..1.9);
    let mut slow = place.device();
    slow.send(b"GET /files/a HT");
    ends_within(&mut slow, 0.5..1.9);
    let mut idle = place.device();
    idle.get("/files/a", "").expect("an answer");
    ends_within(&mut idle, 1.5..3.5);
    let mut second = place.device();
    second.get("/files/a", "").expect("an answer");
    second.send(b"GET /files/a HT");
    ends_within(&mut second, 0.5..1.9);
    // One that takes nothing of what it has asked for is no better.
    let mut deaf = place.device();
    deaf.send(b"GET /files/flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
    thread::sleep(Duration::from_secs(4));
    while deaf.read_more() {
        assert!(deaf.pending() < 64 << 20, "it was cut long ago");
    }
    // Bytes that flow are good for as long as they flow.
    let mut downloading = place.device();
    downloading.send(b"GET /files/endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(4) {
        assert!(downloading.read_more());
    }
}

#[test]
fn an_origin_that_is_down_is_a_bad_gateway_and_no_other_client_waits() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let site =
        site(Listener { keys: QUICK, ..Listener::default() }, Some(&format!("http://{closed}")), |_| {});
    let mut caller = Caller::dial(site.address(), &site.fleet, Some(&site.device));
    let answer = caller.get("/files/a", "").expect("an answer");
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains(&closed.to_string()), "where the origin is is nobody's business");
    let mut caller = Caller::dial(site.address(), &site.fleet, Some(&site.device));
    assert_eq!(caller.get("/.well-known/countersign", "").expect("an answer").status, 200);
}

/// OpenSSL's server as an origin. It ends with the value.
struct TlsOrigin {
    child: Child,
    port: u16,
}

impl TlsOrigin {
    /// Presents the broker's own certificate, and wants one of the fleet's services.
    fn start(openssl: &Peer, fleet: &Fleet) -> Self {
        // OpenSSL takes no port 0 that it would tell of in time.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut command: Command = openssl.command();
        command.args([
            "s_server",
            "-quiet",
            "-www",
            "-naccept",
            "20",
            "-Verify",
            "3",
            "-verify_return_error",
        ]);
        command.args(["-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-cert").arg(fleet.file("broker/cert.pem")).arg("-key").arg(fleet.file("broker/key.pem"));
        command.arg("-cert_chain").arg(fleet.file("broker/cert.pem"));
        command.arg("-CAfile").arg(fleet.file("service-ca/root.pem"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("openssl starts");
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "openssl does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }
}

impl Drop for TlsOrigin {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and waiting returns at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_origin_is_asked_by_tls_and_told_who_asks() {
    let Some(openssl) = Peer::openssl() else { return };
    let fleet = Fleet::new(PROGRAMS);
    let device = fleet.device("dev-1");
    fleet.service("front");
    let origin = TlsOrigin::start(&openssl, &fleet);
    for (host, ca, shown, status) in [
        (
            "localhost",
            "broker-ca/root.pem",
            "cert = \"services/front.cert.pem\"\nkey = \"services/front.key.pem\"\n",
            200,
        ),
        ("localhost", "broker-ca/root.pem", "", 502),
        (
            "localhost",
            "device-ca/root.pem",
            "cert = \"services/front.cert.pem\"\nkey = \"services/front.key.pem\"\n",
            502,
        ),
        (
            "127.0.0.2",
            "broker-ca/root.pem",
            "cert = \"services/front.cert.pem\"\nkey = \"services/front.key.pem\"\n",
            502,
        ),
    ] {
        let before = std::fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
        let tables = format!("[listener.upstream-tls]\nca = \"{ca}\"\n{shown}\n{FILES}");
        let url = format!("https://{host}:{}", origin.port);
        configure(&fleet, Listener { tables: &tables, keys: QUICK, ..Listener::default() }, Some(&url));
        let checked = operate(&fleet, "check", &[]);
        assert!(
            checked.code == 0 && checked.stdout.contains(&format!("https, upstream {url}")),
            "{}",
            checked.stderr
        );
        let broker = Broker::start(&fleet);
        let mut caller = Caller::dial(broker.address(), &fleet, Some(&device));
        let answer = caller.get("/files/a", "").expect("an answer");
        assert_eq!(answer.status, status, "{host} {ca} {shown}: {}", answer.text());
        drop(broker);
        fleet.replace("broker.toml", before.as_bytes());
    }
}

/// A certificate that is about to end, or a CA that is replaced, needs no restart.
#[test]
fn files_of_upstream_tls_are_noticed_when_they_change() {
    let Some(openssl) = Peer::openssl() else { return };
    let fleet = Fleet::new(PROGRAMS);
    let device = fleet.device("dev-1");
    fleet.service("front");
    let origin = TlsOrigin::start(&openssl, &fleet);
    let read = |file: &str| std::fs::read(fleet.file(file)).expect("a file");
    let (right, wrong) = (read("broker-ca/root.pem"), read("device-ca/root.pem"));
    let (shown, of_device) = (read("services/front.cert.pem"), read("images/dev-1.cert.pem"));
    let (key, of_device_key) = (read("services/front.key.pem"), read("images/dev-1.key.pem"));
    fleet.replace("origin-ca.pem", &wrong);
    fleet.replace("front.cert.pem", &shown);
    fleet.replace("front.key.pem", &key);
    let tables = format!(
        "[listener.upstream-tls]\nca = \"origin-ca.pem\"\ncert = \"front.cert.pem\"\nkey = \"front.key.pem\"\n{FILES}"
    );
    let url = format!("https://localhost:{}", origin.port);
    configure(&fleet, Listener { tables: &tables, keys: QUICK, ..Listener::default() }, Some(&url));
    let broker = Broker::start(&fleet);
    let status = || {
        Caller::dial(broker.address(), &fleet, Some(&device)).get("/files/a", "").expect("an answer").status
    };
    let becomes = |wanted: u16, what: &str| {
        let deadline = Instant::now() + PATIENCE;
        while status() != wanted {
            assert!(Instant::now() < deadline, "{what}: no {wanted}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    becomes(502, "the CA of somebody else");
    fleet.replace("origin-ca.pem", &right);
    becomes(200, "its CA");
    let refused = || operate(&fleet, "status", &["--json"]).stdout.contains("origin-ca.pem");
    for torn in [
        "".as_bytes(),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        &right[..right.len() / 2],
    ] {
        fleet.replace("origin-ca.pem", torn);
        let deadline = Instant::now() + PATIENCE;
        while !refused() {
            assert!(Instant::now() < deadline, "status does not say that the file is refused");
            thread::sleep(Duration::from_millis(50));
        }
        becomes(200, "a torn file changes nothing");
        let reload = operate(&fleet, "reload", &[]);
        assert!(
            reload.code == 3 && reload.stderr.contains("origin-ca.pem"),
            "{} {}",
            reload.code,
            reload.stderr
        );
        fleet.replace("origin-ca.pem", &right);
        assert_eq!(operate(&fleet, "reload", &[]).code, 0);
        assert!(!refused(), "status goes on to say that the file is refused");
    }
    // A certificate and another's key go nowhere; a device's own is not one that the origin trusts.
    fleet.replace("front.cert.pem", &of_device);
    thread::sleep(Duration::from_millis(300));
    becomes(200, "a certificate without its key changes nothing");
    fleet.replace("front.key.pem", &of_device_key);
    becomes(502, "a certificate that the origin does not trust");
    fleet.replace("front.key.pem", &key);
    fleet.replace("front.cert.pem", &shown);
    let reload = operate(&fleet, "reload", &[]);
    assert_eq!(reload.code, 0, "{}", reload.stderr);
    becomes(200, "its own again");
}

/// The connection to the origin is one request's: what one client sends never comes before another's.
#[test]
fn every_request_has_a_connection_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("a connection each");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).expect("a request");
            // More than one answer: the second is nobody's.
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream
                .write_all(format!("{answer}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").as_bytes())
                .expect("it is taken");
        }
    });
    let site = site(Listener::default(), Some(&url), |_| {});
    let mut caller = Caller::dial(site.address(), &site.fleet, Some(&site.device));
    for _ in 0..2 {
        assert_eq!(caller.get("/files/a", "").expect("an answer").text(), "ok");
    }
    serving.join().expect("both were asked");
}
