//! In front of a web application: requests are answered by what the responder says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::credential::Credential;
use integration_tests::program::run;

use crate::conduct::Conduct;
use crate::place::Place;
use integration_tests::ocsp_authority::Status;

/// An origin that has a file for everybody; its URL.
fn origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(stream.try_clone().expect("a socket").take(16 * 1024)).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            // Whether it is taken is what is tested.
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    url
}

#[test]
fn requests_of_a_revoked_client_are_refused_and_those_of_a_good_one_are_not() {
    let place = Place::new("require");
    place
        .fleet
        .configure("transport = \"tls\"\n", &format!("transport = \"https\"\nupstream = \"{}\"\n", origin()));
    let path = "[[listener.path]]\nprefix = \"/files\"\npolicies = [\"devices\"]\n\n[identity]";
    place.fleet.configure("[identity]", path);
    let clients = [
        ("dev-1", Status::Good, "200", "hello"),
        ("dev-2", Status::Revoked, "403", "\"revoked\""),
        ("dev-3", Status::OnHold, "403", "\"suspended\""),
        ("dev-4", Status::Unknown, "403", "\"ocsp_unavailable\""),
    ];
    let devices = clients.map(|(id, status, ..)| place.device(id, Conduct::Says(status)));
    let broker = place.start();
    let asked = |device: &Credential| {
        let url = format!("https://localhost:{}/files/a", broker.address().port());
        let finished = run(Command::new("curl")
            .args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"])
            .arg(place.fleet.file("broker-ca/root.pem"))
            .arg("--cert")
            .arg(&device.certificate)
            .arg("--key")
            .arg(&device.key)
            .args(["--write-out", "\n%{http_code}", &url]));
        finished.stdout_of_success()
    };
    for ((id, _, code, word), device) in clients.iter().zip(&devices) {
        let answer = asked(device);
        assert!(answer.ends_with(&format!("\n{code}")) && answer.contains(word), "{id}: {answer}");
    }
    // The one that is good is asked about again, though it has no session.
    place.responder.set("dev-1", Conduct::Says(Status::Revoked));
    let begin = Instant::now();
    loop {
        let answer = asked(&devices[0]);
        if answer.ends_with("\n403") && answer.contains("\"revoked\"") {
            break;
        }
        assert!(answer.ends_with("\n200"), "{answer}");
        assert!(begin.elapsed() < Duration::from_secs(5), "it is still let in: {answer}");
        thread::sleep(Duration::from_millis(100));
    }
}
