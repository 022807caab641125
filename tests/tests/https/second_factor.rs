//! A password beside the certificate: asked for, looked at once for each connection, and not handed on.

use std::thread;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use integration_tests::http_caller::Answer;
use integration_tests::http_origin::HttpOrigin;
use integration_tests::password_file::set_password;
use integration_tests::peer::Peer;
use integration_tests::program::run;

use crate::place::{Listener, Place, curl, site};

/// Devices show passwords, and services do not.
fn place() -> Place {
    let origin = HttpOrigin::start();
    let site = site(Listener::default(), Some(&origin.url()), |fleet| {
        fleet.configure("[identity]", "[second-factor.password]\nfile = \"passwords\"\n\n[identity]");
        fleet.configure("name = \"devices\"", "name = \"devices\"\nsecond-factor = \"password\"");
        set_password(fleet, "dev-1", "sesame");
    });
    Place { site, origin }
}

fn basic(user_name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64.encode(format!("{user_name}:{password}").as_bytes()))
}

fn is_asked(answer: &Answer) -> bool {
    let challenge = answer.field("www-authenticate").unwrap_or_default();
    let is_offered = challenge.contains("Basic realm=") && challenge.contains("Bearer realm=");
    answer.status == 401 && is_offered && answer.json()["reason"] == "second_factor"
}

#[test]
fn whoever_shows_none_is_asked_and_may_show_it_on_the_same_connection() {
    let place = place();
    let mut device = place.device();
    assert!(is_asked(&device.get("/files/a", "").expect("an answer")));
    assert!(is_asked(&device.get("/files/a", "Authorization: Digest a\r\n").expect("an answer")));
    assert!(is_asked(&device.get("/files/a", "Authorization: Basic !\r\n").expect("an answer")));
    let twice = basic("dev-1", "sesame").repeat(2);
    assert!(is_asked(&device.get("/files/a", &twice).expect("an answer")), "which of the two is it?");
    assert!(place.origin.received().is_empty());
    assert_eq!(device.get("/files/a", &basic("dev-1", "sesame")).expect("an answer").status, 200);
    assert_eq!(place.service().get("/files/a", "").expect("an answer").status, 200);
    // curl says it as browsers do.
    let Some(peer) = Peer::curl() else { return };
    let url = format!("https://localhost:{}/files/a", place.site.address().port());
    for (user, code) in [("dev-1:sesame", "200"), ("dev-2:sesame", "401")] {
        let mut command = curl(&peer, &place.site, Some(&place.site.device));
        command.args([
            "--basic",
            "--user",
            user,
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            &url,
        ]);
        assert_eq!(run(&mut command).stdout_of_success(), code, "{user}");
    }
}

/// It was for the broker. Where nobody was asked, it is for the origin.
#[test]
fn the_password_stays_with_the_broker() {
    let place = place();
    let line = basic("dev-1", "sesame");
    for spelt in [line.clone(), line.to_uppercase().replace(&line[21..].to_uppercase(), &line[21..])] {
        let lines = format!("X-Kept: yes\r\n{spelt}");
        assert_eq!(place.device().get("/files/a", &lines).expect("an answer").status, 200);
        let told = place.origin.take().to_ascii_lowercase();
        assert!(told.contains("x-kept: yes") && !told.contains("authorization"), "{told}");
    }
    place.service().get("/files/a", "Authorization: Bearer of-the-origin\r\n").expect("an answer");
    assert!(place.origin.take().to_ascii_lowercase().contains("authorization: bearer of-the-origin\r\n"));
}

/// Wrong passwords keep the identity waiting, so whoever is answered meanwhile was not looked at again.
#[test]
fn the_same_words_on_the_same_connection_are_looked_at_once() {
    let place = place();
    let right = basic("dev-1", "sesame");
    let mut kept = place.device();
    assert_eq!(kept.get("/files/a", &right).expect("an answer").status, 200);
    assert!(is_asked(&place.device().get("/files/a", &basic("dev-1", "wrong")).expect("an answer")));
    thread::sleep(Duration::from_millis(1_100));
    assert!(is_asked(&place.device().get("/files/a", &basic("dev-1", "wrong")).expect("an answer")));
    let since = Instant::now();
    assert!(is_asked(&place.device().get("/files/a", &right).expect("an answer")), "it waits");
    for _ in 0..20 {
        assert_eq!(kept.get("/files/a", &right).expect("an answer").status, 200);
    }
    // What it may not ask for is no reason to look again either.
    assert_eq!(kept.get("/secrets", &right).expect("an answer").status, 403);
    assert!(is_asked(&kept.get("/files/a", "").expect("an answer")), "each request shows it");
    assert!(
        is_asked(&kept.get("/files/a", &basic("", "sesame")).expect("an answer")),
        "other words are looked at"
    );
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "this machine is too slow to tell: {:?}",
        since.elapsed()
    );
    thread::sleep(Duration::from_millis(2_100).saturating_sub(since.elapsed()));
    assert_eq!(place.device().get("/files/a", &right).expect("an answer").status, 200);
}

#[test]
fn another_password_ends_what_the_old_one_has_begun() {
    let place = place();
    let right = basic("dev-1", "sesame");
    let mut kept = place.device();
    assert_eq!(kept.get("/files/a", &right).expect("an answer").status, 200);
    let mut downloading = place.device();
    downloading.send(format!("GET /files/endless HTTP/1.1\r\nHost: localhost\r\n{right}\r\n").as_bytes());
    let mut other = place.service();
    other.send(b"GET /files/endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(downloading.read_more() && other.read_more());
    let since = Instant::now();
    set_password(&place.site.fleet, "dev-1", "another");
    while downloading.read_more() {
        assert!(since.elapsed() < Duration::from_secs(2), "it goes on");
    }
    assert!(is_asked(&kept.get("/files/a", &right).expect("an answer")));
    assert!(other.read_more(), "nobody else is touched");
}
