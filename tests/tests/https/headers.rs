//! What the origin is told of the client, and that nobody else tells it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integration_tests::http_caller::Caller;
use integration_tests::http_origin::fields;
use integration_tests::peer::Peer;
use integration_tests::pki::Forger;
use integration_tests::program::run;
use serde_json::Value;

use crate::place::{FILES, Listener, Place, site};

/// The field lines of a request as CGI has them: everything that is no letter or digit is one character.
fn folded(request: &str) -> Vec<(String, String)> {
    let fold = |name: String| name.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
    fields(request).into_iter().map(|(name, value)| (fold(name), value)).collect()
}

fn only(fields: &[(String, String)], name: &str) -> String {
    let values: Vec<_> = fields.iter().filter(|(found, _)| found == name).map(|(_, value)| value).collect();
    assert_eq!(values.len(), 1, "{name}: {fields:?}");
    values[0].clone()
}

/// In the second in which it is issued, a certificate has as many days left as it is valid for, and after it one less.
fn let_the_second_of_issue_pass() {
    std::thread::sleep(Duration::from_millis(1_100));
}

/// What OpenSSL says of a certificate.
fn openssl(peer: &Peer, place: &Place, args: &[&str]) -> String {
    let mut command = peer.command();
    command.arg("x509").arg("-in").arg(&place.site.device.certificate).args(args);
    run(&mut command).stdout_of_success().trim().to_owned()
}

#[test]
fn the_variables_are_there_under_the_names_of_every_style() {
    let Some(peer) = Peer::openssl() else { return };
    let styles = ["azion", "app-gateway", "client-cert", "none"];
    for style in styles {
        let headers = format!(
            "[listener.headers]\nstyle = \"{style}\"\nset = {{ \"X-Device\" = \"{{namespace}}/{{identity}}\", \
             \"X-Serial\" = \"{{serial}}\", \"X-Why\" = \"{{policy}} {{verdict}} {{decision-id}}\" }}\n\n"
        );
        let place = Place::with(Listener { tables: &(headers + FILES), ..Listener::default() });
        place.device().get("/files/a", "").expect("an answer");
        let request = place.origin.take();
        let told = fields(&request);
        let sha1 = openssl(&peer, &place, &["-noout", "-fingerprint", "-sha1"]).to_lowercase();
        let sha1: String = sha1.rsplit('=').next().expect("a value").replace(':', "");
        let serial = openssl(&peer, &place, &["-noout", "-serial"]).to_lowercase();
        let serial = serial.rsplit('=').next().expect("a value").trim_start_matches('0').to_owned();
        let subject = openssl(&peer, &place, &["-noout", "-subject", "-nameopt", "RFC2253"]);
        let subject = subject.strip_prefix("subject=").expect("a subject").to_owned();
        let pem = openssl(&peer, &place, &["-outform", "PEM"]);
        let unescaped = |text: &str| {
            let mut parts = text.split('%');
            let mut plain = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                plain.push(char::from(u8::from_str_radix(&part[..2], 16).expect("an escape")));
                plain.push_str(&part[2..]);
            }
            plain
        };
        let ours: Vec<_> = told.iter().filter(|(name, _)| name.contains("client")).collect();
        let count = match style {
            "azion" => {
                assert_eq!(only(&told, "x-ssl-client-fingerprint"), sha1);
                assert_eq!(only(&told, "x-ssl-client-serial").trim_start_matches('0'), serial);
                assert_eq!(only(&told, "x-ssl-client-s-dn"), subject);
                assert_eq!(only(&told, "x-ssl-client-s-dn-parsed"), subject.replace(',', "; "));
                assert!(only(&told, "x-ssl-client-i-dn").contains("CN="));
                assert_eq!(only(&told, "x-ssl-client-verify"), "SUCCESS");
                assert_eq!(unescaped(&only(&told, "x-ssl-client-escaped-cert")).trim(), pem);
                assert_eq!(only(&told, "x-ssl-client-cert"), pem.replace('\n', " "));
                assert!(only(&told, "x-ssl-client-v-start") < only(&told, "x-ssl-client-v-end"));
                assert!(only(&told, "x-ssl-client-v-remain").parse::<u32>().is_ok_and(|days| days > 100));
                11
            }
            "app-gateway" => {
                assert_eq!(unescaped(&only(&told, "x-client-certificate")).trim(), pem);
                assert_eq!(only(&told, "x-client-certificate-fingerprint"), sha1);
                assert_eq!(only(&told, "x-client-certificate-subject"), subject);
                assert!(only(&told, "x-client-certificate-issuer").contains("CN="));
                assert_eq!(only(&told, "x-client-certificate-serial").trim_start_matches('0'), serial);
                assert!(
                    only(&told, "x-client-certificate-start-date")
                        < only(&told, "x-client-certificate-end-date")
                );
                assert_eq!(only(&told, "x-client-certificate-verification"), "SUCCESS");
                8
            }
            "client-cert" => {
                let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
                assert_eq!(only(&told, "client-cert"), format!(":{base64}:"));
                1
            }
            _ => 0,
        };
        assert_eq!(ours.len(), count, "{style}: {ours:?}");
        assert_eq!(only(&told, "x-device"), "device-ca/dev-1");
        assert_eq!(only(&told, "x-serial").trim_start_matches('0'), serial);
        assert!(only(&told, "x-why").starts_with("devices SUCCESS "), "{told:?}");
        assert_eq!(only(&told, "host"), place.origin.authority());
        assert_eq!(only(&told, "x-forwarded-host"), "localhost");
        assert_eq!(only(&told, "x-forwarded-for"), "127.0.0.1");
        assert_eq!(only(&told, "x-forwarded-proto"), "https");
    }
}

/// What a client says under our names, in any spelling, twice, or so that the connection would take ours away.
const SPOOFED: &[&str] = &[
    "X-SSL-Client-Verify: SUCCESS",
    "x_ssl_client_verify: SUCCESS",
    "X_SSL-CLIENT_Verify: SUCCESS",
    "X.SSL.Client.Verify: SUCCESS",
    "x~ssl~client!verify: SUCCESS",
    "X-SSL-Client-Verify:",
    "X-SSL-Client-Verify: a\r\nx-ssl-client-verify: b",
    "Connection: x-ssl-client-verify, X_SSL_CLIENT_S_DN, x-spoofed\r\nX-SSL-Client-Verify: SUCCESS",
    "Connection: close, host, x-forwarded-for\r\nX-Forwarded-For: 10.0.0.1",
    "X-Client-Certificate-Subject: CN=root",
    "x_client_certificate: a",
    "Client-Cert: :AAAA:",
    "CLIENT_CERT: :AAAA:\r\nClient-Cert-Chain: :AAAA:",
    "X-Device: service-ca/backend",
    "x_device: service-ca/backend",
    "X.Device: service-ca/backend",
    "X-Forwarded-For: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nX-Forwarded-Host: elsewhere",
    "X-Forwarded-Client-Cert: Hash=a\r\nX-Real-IP: 10.0.0.1\r\nX-Forwarded-Prefix: /a",
    "Content_Length: 5",
    "Transfer_Encoding: chunked",
    "HOST_: elsewhere\r\nProxy: http://elsewhere\r\nProxy-Authorization: a\r\nTE: trailers\r\nTrailer: X\r\nKeep-Alive: 1",
    "HTTP2-Settings: AAAA\r\nProxy_Connection: close\r\nUpgrade_: x\r\nConnection:",
];

#[test]
fn nothing_that_a_client_says_under_our_names_gets_through() {
    let headers = "[listener.headers]\nset = { X-Device = \"{namespace}/{identity}\" }\n\n";
    let place = Place::with(Listener { tables: &(headers.to_owned() + FILES), ..Listener::default() });
    let_the_second_of_issue_pass();
    let plain = {
        place.device().get("/files/a", "").expect("an answer");
        folded(&place.origin.take())
    };
    for spoofed in SPOOFED {
        let lines = format!("X-Kept: yes\r\n{spoofed}\r\nX-Spoofed: yes\r\n");
        let answer = place.device().get("/files/a", &lines).expect("an answer");
        assert_eq!(answer.status, 200, "{spoofed:?}: {}", answer.text());
        let told = folded(&place.origin.take());
        for (name, value) in &plain {
            assert_eq!(&only(&told, name), value, "{spoofed:?}");
        }
        let mut others: Vec<_> =
            told.iter().filter(|(name, _)| !plain.iter().any(|(known, _)| known == name)).collect();
        others.retain(|(name, value)| !(name == "host_" && value == "elsewhere" || name == "upgrade_"));
        let is_named = spoofed.contains("x-spoofed");
        assert_eq!(others.len(), if is_named { 1 } else { 2 }, "{spoofed:?}: {others:?}");
        assert_eq!(only(&told, "x_kept"), "yes");
    }
}

/// In permissive mode nobody is told for proven who is not.
#[test]
fn of_an_unproven_client_only_what_it_is_is_said() {
    let policies =
        "[[policy]]\nname = \"lobby\"\nmatch = { verdict = [\"FAILED\", \"NONE\"] }\naction = \"allow\"\n\n";
    let rules = "[[listener.path]]\nprefix = \"/files\"\npolicies = [\"devices\", \"lobby\"]\n\n";
    for (style, verify, of_nobody) in [
        ("azion", "x-ssl-client-verify", 1),
        ("app-gateway", "x-client-certificate-verification", 1),
        ("client-cert", "", 0),
    ] {
        let headers =
            format!("[listener.headers]\nstyle = \"{style}\"\nset = {{ X-Id = \"{{device-id}}\" }}\n\n");
        let place = Place::with(Listener {
            mode: "permissive",
            policies,
            tables: &(headers + rules),
            ..Listener::default()
        });
        let stranger = Forger::stranger(&place.site.fleet).certificate("dev-1");
        for (credential, verdict) in [(Some(&stranger), "FAILED:unknown_ca"), (None, "NONE")] {
            let spoofed = "Client-Cert: :AAAA:\r\nX-Id: dev-1\r\nX-SSL-Client-S-DN: CN=dev-1\r\n";
            place.caller(credential).get("/files/a", spoofed).expect("an answer");
            let told = fields(&place.origin.take());
            let ours: Vec<_> = told.iter().filter(|(name, _)| name.contains("client")).collect();
            assert!(!told.iter().any(|(name, _)| name == "client-cert" || name == "x-id"), "{told:?}");
            if !verify.is_empty() {
                assert_eq!(only(&told, verify), verdict);
            }
            if credential.is_none() {
                assert_eq!(ours.len(), of_nobody, "{ours:?}");
            }
        }
    }
}

/// An application of Python's own server, which makes CGI's variables of the fields.
const WSGI: &str = "
import json, sys
from wsgiref.simple_server import make_server, WSGIRequestHandler
class Quiet(WSGIRequestHandler):
    def log_message(self, *args): pass
def application(environ, start):
    start('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()]
server = make_server('127.0.0.1', 0, application, handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
";

struct Wsgi(Child);

impl Drop for Wsgi {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and waiting returns at once.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_that_folds_names_is_told_the_truth() {
    let Some(peer) = Peer::python() else { return };
    let mut command: Command = peer.command();
    let child = command.args(["-c", WSGI]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut wsgi = Wsgi(child.expect("python starts"));
    let mut port = String::new();
    BufReader::new(wsgi.0.stdout.take().expect("a pipe")).read_line(&mut port).expect("a port");
    let headers = "[listener.headers]\nset = { X-Device = \"{identity}\" }\n\n".to_owned() + FILES;
    let upstream = format!("http://127.0.0.1:{}", port.trim());
    let site = site(Listener { tables: &headers, ..Listener::default() }, Some(&upstream), |_| {});
    let_the_second_of_issue_pass();
    let mut plain: Option<Value> = None;
    for spoofed in [&""].into_iter().chain(SPOOFED) {
        let mut caller = Caller::dial(site.address(), &site.fleet, Some(&site.device));
        let lines = if spoofed.is_empty() { String::new() } else { format!("{spoofed}\r\n") };
        let mut environ = caller.get("/files/a?b", &lines).expect("an answer").json();
        assert_eq!(
            (&environ["HTTP_X_SSL_CLIENT_VERIFY"], &environ["HTTP_X_DEVICE"]),
            (&"SUCCESS".into(), &"dev-1".into())
        );
        assert_eq!((&environ["PATH_INFO"], &environ["QUERY_STRING"]), (&"/files/a".into(), &"b".into()));
        let environ = environ.as_object_mut().expect("an object");
        // The folded name of `Proxy` would choose a proxy for the programs behind it.
        assert!(!environ.contains_key("HTTP_PROXY") && !environ.contains_key("HTTP_TRANSFER_ENCODING"));
        environ.retain(|name, _| {
            name.starts_with("HTTP_") && !["HTTP_HOST_", "HTTP_UPGRADE_"].contains(&name.as_str())
        });
        let environ = Value::Object(environ.clone());
        match &plain {
            None => plain = Some(environ),
            Some(plain) => assert_eq!(plain, &environ, "{spoofed:?}"),
        }
    }
}
