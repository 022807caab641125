//! The TLS core against `openssl s_server`, a third-party TLS server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_agent::credential::Credential;
use countersign_agent::tls::{Buffers, ChainError, HandshakeFault, Link, RecordFault, TlsError, connect};
use countersign_agent::x509::{Time, UsageError};
use embedded_io_async::{Read as _, Write as _};
use tokio::time::timeout;

use crate::pki::{Certified, Fleet, NOW, pem};
use crate::random::Random;
use crate::transport::Tcp;

/// Arguments under which a client is not asked for its certificate.
const ANONYMOUS: &[&str] = &["-num_tickets", "1"];

/// `openssl s_server`, which answers every line with its reverse; stopped when dropped.
struct OpenSsl {
    child: Child,
    port: u16,
}

impl OpenSsl {
    fn start(folder: &Path, fleet: &Fleet, broker: &Certified, more: &[&str]) -> Self {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut child = Command::new("openssl")
            .args(["s_server", "-rev", "-accept", "127.0.0.1:0"])
            .args(if more == ANONYMOUS { &[][..] } else { &["-Verify", "2", "-verify_return_error"] })
            .arg("-cert")
            .arg(write("cert.pem", &broker.pem()))
            .arg("-key")
            .arg(write("key.pem", &pem("PRIVATE KEY", &broker.key.serialize_der())))
            .arg("-cert_chain")
            .arg(write("chain.pem", &fleet.broker_issuing.pem()))
            .arg("-CAfile")
            .arg(write("devices.pem", &fleet.device_root.pem()))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("s_server says where it listens").unwrap();
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a line and reads its reverse.
async fn exchange_line(slot: &[u8], port: u16) -> Result<String, TlsError> {
    let mut credential = Credential::read(slot).unwrap();
    let mut buffers = Buffers::new();
    let transport = Tcp::connect(port).await;
    let mut stream =
        connect(transport, &mut credential, Time::Clock(NOW), &mut Random::new(), &mut buffers).await?;
    let mut line = Vec::new();
    stream.write_all(b"hello\n").await?;
    stream.flush().await?;
    while line.last() != Some(&b'\n') {
        let mut some = [0; 16];
        match stream.read(&mut some).await? {
            0 => break,
            length => line.extend_from_slice(&some[..length]),
        }
    }
    stream.close().await?;
    Ok(String::from_utf8(line).unwrap())
}

/// Starts a server with this certificate and these arguments, and has the device of the fleet exchange a line with it.
async fn connect_to(fleet: &Fleet, broker: &Certified, more: &[&str]) -> Result<String, TlsError> {
    connect_with_image(fleet, broker, more, &fleet.slot()).await
}

async fn connect_with_image(
    fleet: &Fleet,
    broker: &Certified,
    more: &[&str],
    slot: &[u8],
) -> Result<String, TlsError> {
    let folder = tempfile::tempdir().unwrap();
    let server = OpenSsl::start(folder.path(), fleet, broker, more);
    timeout(Duration::from_secs(20), exchange_line(slot, server.port)).await.expect("no hang")
}

fn hello() -> Result<String, TlsError> {
    Ok("olleh\n".to_string())
}

#[tokio::test]
async fn openssl_and_the_device_prove_themselves_to_each_other() {
    let fleet = Fleet::new();
    assert_eq!(connect_to(&fleet, &fleet.broker, &[]).await, hello());
}

#[tokio::test]
async fn options_of_openssl_that_the_profile_allows_make_no_difference() {
    let fleet = Fleet::new();
    for more in [
        ["-num_tickets", "0"],
        ["-num_tickets", "10"],
        ["-groups", "X25519:P-256"],
        ["-record_padding", "512"],
        ["-max_send_frag", "1024"],
        ["-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"],
        ["-alpn", "mqtt"],
        ["-alpn", "h2,mqtt"],
    ] {
        assert_eq!(connect_to(&fleet, &fleet.broker, &more).await, hello(), "{more:?}");
    }
}

#[tokio::test]
async fn a_broker_may_be_named_by_an_address() {
    let fleet = Fleet::new();
    let broker = fleet.broker_issuing.broker_with(|params| {
        params.subject_alt_names = vec![rcgen::SanType::IpAddress("127.0.0.1".parse().unwrap())];
    });
    let slot = fleet.slot_with(|image| image.server_name = "127.0.0.1");
    assert_eq!(connect_with_image(&fleet, &broker, &[], &slot).await, hello());
}

#[tokio::test]
async fn a_server_that_cannot_meet_the_profile_is_refused_with_its_reason() {
    let fleet = Fleet::new();
    let refusal =
        async |more: &[&str]| connect_to(&fleet, &fleet.broker, more).await.expect_err(&format!("{more:?}"));
    assert_eq!(refusal(&["-groups", "X25519"]).await, RecordFault::Alert { description: 40 }.into());
    assert_eq!(
        refusal(&["-ciphersuites", "TLS_AES_256_GCM_SHA384"]).await,
        RecordFault::Alert { description: 40 }.into()
    );
    // Too small for the chain: the Certificate comes in two records.
    assert_eq!(refusal(&["-max_send_frag", "512"]).await, TlsError::Undecipherable);
    assert_eq!(refusal(&["-tls1_2"]).await, RecordFault::Alert { description: 70 }.into());
    // no_application_protocol: we offer `mqtt` alone.
    assert_eq!(refusal(&["-alpn", "h2"]).await, RecordFault::Alert { description: 120 }.into());
    assert_eq!(refusal(ANONYMOUS).await, HandshakeFault::NoCertificateRequest.into());
}

#[tokio::test]
async fn a_server_of_another_name_or_another_ca_is_refused() {
    let fleet = Fleet::new();
    let other = fleet.broker_issuing.broker_with(|params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    });
    let other_name = ChainError::Usage { link: Link::EndEntity, source: UsageError::OtherName };
    assert_eq!(connect_to(&fleet, &other, &[]).await, Err(other_name.into()));
    let foreign = Certified::root("broker issuing").broker();
    let foreign_ca = ChainError::Signature { link: Link::EndEntity };
    assert_eq!(connect_to(&fleet, &foreign, &[]).await, Err(foreign_ca.into()));
}

#[tokio::test]
async fn a_server_that_refuses_the_device_certificate_sends_an_alert() {
    let mut fleet = Fleet::new();
    let slot = fleet.slot();
    fleet.device_root = Certified::root("another device root");
    assert_eq!(connect_with_image(&fleet, &fleet.broker, &[], &slot).await, Err(TlsError::Alert));
}

#[tokio::test]
async fn connect_has_no_deadline_of_its_own() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slot = Fleet::new().slot();
    let attempt = exchange_line(&slot, listener.local_addr().unwrap().port());
    assert!(timeout(Duration::from_millis(300), attempt).await.is_err());
}
