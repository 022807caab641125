//! No file descriptor is left for the origin.

use std::time::{Duration, Instant};

use integration_tests::client::PATIENCE;
use integration_tests::descriptors::{leave_descriptors, restore_descriptors};

use crate::place::Place;

#[test]
fn without_a_descriptor_for_the_origin_the_answer_is_a_bad_gateway_and_what_runs_goes_on() {
    let place = Place::new();
    let (mut kept, mut downloading) = (place.device(), place.service());
    assert_eq!(kept.get("/files/a", "").expect("an answer").status, 200);
    downloading.send(b"GET /files/endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(downloading.read_more());
    let process = place.site.broker.process_id();
    leave_descriptors(process, 0);
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(2) {
        let answer = kept.get("/files/a", "").expect("an answer");
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert!(answer.json().get("reason").is_none(), "nobody has refused it");
        assert_eq!(kept.get("/.well-known/countersign", "").expect("an answer").status, 200);
        assert!(downloading.read_more(), "it has its connection");
    }
    // Whoever comes now is served as soon as there is room.
    let mut waiting = std::net::TcpStream::connect(place.site.address()).map(|socket| {
        integration_tests::http_caller::Caller::over(
            socket,
            &place.site.fleet,
            Some(&place.site.device),
            "localhost",
            &[],
        )
    });
    restore_descriptors(process);
    let since = Instant::now();
    assert_eq!(kept.get("/files/a", "").expect("an answer").status, 200);
    let waiting = waiting.as_mut().expect("the system accepts it");
    assert_eq!(waiting.get("/files/a", "").expect("an answer").status, 200);
    assert!(since.elapsed() < PATIENCE);
    assert!(downloading.read_more());
}
