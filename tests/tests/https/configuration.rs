//! What `check` says of a configuration, and `explain` of a request.

use std::fs;

use integration_tests::broker::operate;

use crate::place::{FILES, Listener, Place, site};

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_is_doubtful_is_warned_of() {
    let place = Place::new();
    let fleet = &place.site.fleet;
    let file = fleet.file("broker.toml");
    let text = fs::read_to_string(&file).expect("a configuration");
    let check = |change: (&str, &str)| {
        assert!(text.contains(change.0), "{}", change.0);
        fs::write(&file, text.replacen(change.0, change.1, 1)).expect("a file can be written");
        operate(fleet, "check", &[])
    };
    let https = "transport = \"https\"";
    let upstream = format!("upstream = \"{}\"", place.origin.url());
    for (with, wanted) in [
        ((https, "transport = \"tls\""), "`upstream`: it is for a listener with transport = \"https\""),
        ((https, "transport = \"http\""), "\"http\" is none of \"tls\", \"https\""),
        ((upstream.as_str(), "upstream = \"ftp://a\""), "it is no origin"),
        ((upstream.as_str(), "upstream = \"http://a/b\""), "it is no origin"),
        ((upstream.as_str(), "upstream = \"https://a\""), "[[listener]] lacks `upstream-tls`"),
        (
            (upstream.as_str(), "upsteam = \"http://a\""),
            "unknown key `upsteam` in [[listener]], did you mean `upstream`?",
        ),
        ((upstream.as_str(), "upstream-timeout = \"0s\""), "a deadline of zero answers nobody"),
        (("prefix = \"/files\"", "prefix = \"files\""), "does not begin with a slash"),
        (("prefix = \"/files\"", "prefix = \"/files/../x\""), "dot segment"),
        (("prefix = \"/files\"", "prefix = \"/files%2fx\""), "the escape of 0x2f"),
        (("prefix = \"/files\"", "prefix = \"/files//x\""), "empty segment"),
        (
            ("policies = [\"devices\", ", "policies = [\"device\", "),
            "no policy called \"device\", did you mean \"devices\"?",
        ),
        (("policies = [\"devices\", \"services\"]", "policies = []"), "an empty list is for nothing"),
        (("policies = [\"devices\", \"services\"]", "methods = \"GET\""), "lacks `policies`"),
        (("methods = [\"POST\"", "methods = [\"TRACE\""), "none of GET, HEAD"),
        (("methods = [\"POST\"", "methods = [\"post\""), "none of GET, HEAD"),
        (("[identity]", "[listener.headers]\nstyle = \"aws\"\n[identity]"), "\"aws\" is none of"),
        (
            ("[identity]", "[listener.headers]\nset = { Host = \"x\" }\n[identity]"),
            "belongs to the connection",
        ),
        (
            ("[identity]", "[listener.headers]\nset = { x_forwarded_for = \"x\" }\n[identity]"),
            "belongs to the connection",
        ),
        (
            ("[identity]", "[listener.headers]\nset = { X_SSL_Client_Verify = \"x\" }\n[identity]"),
            "in another spelling",
        ),
        (
            ("[identity]", "[listener.headers]\nset = { x = \"{identty}\" }\n[identity]"),
            "the nearest is \"identity\"",
        ),
        (
            ("[identity]", "[listener.upstream-tls]\nca = \"a\"\n[identity]"),
            "it is for an upstream that begins with https://",
        ),
    ] {
        let checked = check(with);
        assert_eq!(checked.code, 3, "{with:?}: {}", checked.stdout);
        assert!(checked.stderr.contains(wanted), "{with:?}: {}", checked.stderr);
        assert!(checked.stderr.contains("broker.toml:"), "{with:?} has a line: {}", checked.stderr);
    }
    for (with, wanted) in [
        ((upstream.as_str(), "upstream = \"http://192.0.2.1:80\""), "asks its upstream in plain text"),
        (
            (
                "name = \"services\"\nmatch = { trust = \"service-ca\" }\naction = \"allow\"",
                "name = \"services\"\nmatch = { trust = \"service-ca\" }\naction = \"deny\"",
            ),
            "is for policies that let nobody in",
        ),
    ] {
        let checked = check(with);
        assert!(checked.code == 0 && checked.stdout.contains(wanted), "{}{}", checked.stdout, checked.stderr);
    }
    let quiet = check(("[identity]", "[identity]"));
    assert!(quiet.code == 0 && !quiet.stdout.contains("plain text"), "{}", quiet.stdout);
    assert!(quiet.stdout.contains("path /files: GET HEAD by devices services"), "{}", quiet.stdout);
    // A file that is not there.
    let tls = format!("{FILES}[listener.upstream-tls]\nca = \"absent.pem\"\n");
    fs::write(
        &file,
        text.replacen(&upstream, "upstream = \"https://localhost\"", 1).replacen(FILES, &tls, 1),
    )
    .expect("a file can be written");
    let checked = operate(fleet, "check", &[]);
    assert!(checked.code == 3 && checked.stderr.contains("absent.pem"), "{}", checked.stderr);
}

/// `explain` and the listener decide by one function; here both are asked, and compared with what the rules say.
#[test]
fn explain_says_what_a_request_meets() {
    let place = Place::new();
    for (is_device, credential) in [(true, &place.site.device), (false, &place.site.service)] {
        for (method, target, device, service) in [
            ("GET", "/files/a?b=/../c", 200, 200),
            ("HEAD", "/files/a", 200, 200),
            ("POST", "/files/a", 403, 200),
            ("GET", "/.well-known/countersign", 200, 200),
            ("GET", "/other", 403, 403),
            ("GET", "/files/../a", 400, 400),
            ("TRACE", "/files", 501, 501),
        ] {
            let wanted = if is_device { device } else { service };
            let certificate = credential.certificate.display().to_string();
            let args = ["--json", "--cert", &certificate, "--method", method, "--path", target];
            let explained = operate(&place.site.fleet, "explain", &args);
            let said = explained.json();
            assert_eq!(explained.code == 0, wanted == 200, "{method} {target}: {said}");
            assert_eq!(said["running"]["allowed"], wanted == 200, "{method} {target}: {said}");
            let reason = match wanted {
                200 => None,
                403 => Some("policy_denied"),
                _ => Some("malformed"),
            };
            assert_eq!(said["reason"].as_str(), reason, "{method} {target}: {said}");
            let mut caller = place.caller(Some(credential));
            let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
            let met = caller.ask(&format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"));
            assert_eq!(met.expect("an answer").status, wanted, "{method} {target}");
        }
    }
    // A question about MQTT is none for this listener.
    let certificate = place.site.device.certificate.display().to_string();
    let asked = operate(&place.site.fleet, "explain", &["--cert", &certificate, "--publish", "a"]);
    assert_eq!(asked.code, 3, "{}", asked.stdout);
    let plain = operate(&place.site.fleet, "explain", &["--cert", &certificate]);
    assert!(plain.code == 0 && plain.stdout.contains("dev-1"), "{}{}", plain.stdout, plain.stderr);
}

#[test]
fn a_broker_that_stops_lets_answers_end() {
    let site = site(Listener::default(), None, |_| {});
    let mut caller =
        integration_tests::http_caller::Caller::dial(site.address(), &site.fleet, Some(&site.device));
    assert_eq!(caller.get("/.well-known/countersign", "").expect("an answer").status, 200);
    site.broker.terminate();
    assert!(caller.has_ended());
    assert_eq!(site.broker.wait(), 0);
}
