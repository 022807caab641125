//! Files from servers that others wrote: Python's, and OpenSSL's.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fetch::{Bounds, Fetched, Fetcher, Roots, Validators};
use rcgen::{CertificateParams, KeyPair};

const BOUNDS: Bounds = Bounds { max_bytes: 10_000_000, timeout: Duration::from_secs(20) };

/// A program that is stopped with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn get(fetcher: &Fetcher, url: &str, validators: &Validators) -> Fetched {
    fetcher.get(&url.parse().unwrap(), validators, &BOUNDS).await.unwrap()
}

/// Every byte, and enough of them to come in many pieces.
fn write_file(folder: &Path) -> Vec<u8> {
    let content: Vec<u8> = (0..2_000_003_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(folder.join("ca.crl"), &content).unwrap();
    content
}

#[tokio::test]
async fn python_serves_a_file_and_knows_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let content = write_file(folder.path());
    // It says on which port it is before it serves.
    let program = "import http.server as h\n\
                   class Handler(h.SimpleHTTPRequestHandler):\n\
                   \x20   def log_message(self, *_): pass\n\
                   server = h.ThreadingHTTPServer(('127.0.0.1', 0), Handler)\n\
                   print(server.server_address[1], flush=True)\n\
                   server.serve_forever()\n";
    let mut server = Command::new("python3")
        .args(["-c", program])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let _running = Running(server);
    let url = format!("http://127.0.0.1:{}/ca.crl", port.trim());
    let fetcher = Fetcher::new(&Roots::System).unwrap();
    let Fetched::Body { bytes, validators, max_age } = get(&fetcher, &url, &Validators::default()).await
    else {
        panic!("nothing was known")
    };
    assert!(bytes == content && max_age.is_none() && validators != Validators::default());
    assert!(matches!(get(&fetcher, &url, &validators).await, Fetched::NotModified { .. }));
}

#[tokio::test]
async fn openssl_serves_a_file_in_both_versions_of_tls() {
    let folder = tempfile::tempdir().unwrap();
    let content = write_file(folder.path());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    let fetcher = Fetcher::new(&Roots::Files(vec![folder.path().join("cert.pem")])).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let server = Command::new("openssl")
            .args(["s_server", "-WWW", "-quiet", "-cert", "cert.pem", "-key", "key.pem", version])
            .args(["-accept", &address])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _running = Running(server);
        let begin = Instant::now();
        while TcpStream::connect(&address).is_err() {
            assert!(begin.elapsed() < BOUNDS.timeout, "openssl does not listen");
            sleep(Duration::from_millis(20));
        }
        let url = format!("https://localhost:{port}/ca.crl");
        let fetched = get(&fetcher, &url, &Validators::default()).await;
        assert!(matches!(fetched, Fetched::Body { bytes, .. } if bytes == content), "{version}");
    }
}

/// OpenSSL does not say which port it was given: one that was free just now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
