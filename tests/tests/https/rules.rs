//! `[[listener.path]]`: methods, prefixes, policies.

use crate::place::{Listener, Place};

const TABLES: &str = "[[listener.path]]\nprefix = \"/files\"\npolicies = [\"devices\", \"services\"]\n\n\
                      [[listener.path]]\nprefix = \"/files\"\nmethods = [\"PUT\"]\npolicies = \"services\"\n\n\
                      [[listener.path]]\nprefix = \"/files/private\"\npolicies = \"services\"\n\n\
                      [[listener.path]]\nprefix = \"/files/private/inbox/\"\nmethods = [\"POST\"]\npolicies = \"devices\"\n\n";

/// What the rules say, worked out by hand: target, method, and whether the device and the service are answered.
const MATRIX: &[(&str, &str, bool, bool)] = &[
    ("/files", "GET", true, true),
    ("/files/", "GET", true, true),
    ("/files/a/b", "GET", true, true),
    ("/files/a", "HEAD", true, true),
    ("/files/a?x=/../y;z", "GET", true, true),
    ("/files/a", "PUT", false, true),
    ("/files/a", "POST", false, false),
    ("/files/a", "DELETE", false, false),
    ("/files/a", "OPTIONS", false, false),
    ("/files/a", "PATCH", false, false),
    ("/filesystem", "GET", false, false),
    ("/Files/a", "GET", false, false),
    ("/", "GET", false, false),
    ("/other", "GET", false, false),
    ("/files/private", "GET", false, true),
    ("/files/private/", "GET", false, true),
    ("/files/private?a", "GET", false, true),
    ("/files/privat%65", "GET", false, true),
    ("/f%69les/%70rivate/x", "GET", false, true),
    ("/files/privately", "GET", true, true),
    ("/files/private/x", "PUT", false, false),
    ("/files/private/inbox", "POST", true, false),
    ("/files/private/inbox/x", "POST", true, false),
    ("/files/private/inbox/x", "GET", false, false),
    ("/files/private/%69nbox", "GET", false, false),
];

#[test]
fn the_longest_prefix_says_who_may_do_what() {
    let place = Place::with(Listener { tables: TABLES, ..Listener::default() });
    for (is_device, mut caller) in [(true, place.device()), (false, place.service())] {
        for (target, method, device, service) in MATRIX {
            let wanted = if is_device { *device } else { *service };
            let length = if *method == "GET" || *method == "HEAD" { "" } else { "Content-Length: 0\r\n" };
            let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n");
            let answer = caller.ask(&request).expect("an answer, and the connection goes on");
            let status = if wanted { 200 } else { 403 };
            assert_eq!(answer.status, status, "{is_device} {method} {target}: {}", answer.text());
            if wanted {
                let received = place.origin.take();
                assert!(received.starts_with(&format!("{method} {target} HTTP/1.1\r\n")), "{received}");
            }
        }
    }
    assert!(place.origin.received().is_empty(), "and what is refused is not asked for");
}
