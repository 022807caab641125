//! The certificate of an HTTPS server is the right one, or nothing is asked.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::Server;
use fetch::{Bounds, FetchError, FetchFault, Fetched, Fetcher, RedirectFault, Roots, Stage, Validators};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const BOUNDS: Bounds = Bounds { max_bytes: 100_000, timeout: Duration::from_secs(10) };

struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Ca {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A server whose certificate is for `names`, until the end of `last_year`.
    async fn server(&self, names: &[&str], last_year: i32, answer: impl Into<String>) -> TlsServer {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsServer::start(config, answer.into()).await
    }
}

/// At the end of an answer: the connection ends below TLS.
const CUT: &str = "{cut}";

/// A server that reads a request and says one thing, in TLS: its own port for `{port}`.
struct TlsServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl TlsServer {
    async fn start(config: ServerConfig, answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = answer.replace("{port}", &address.port().to_string());
        let (requests, acceptor) = (Arc::new(AtomicUsize::new(0)), TlsAcceptor::from(Arc::new(config)));
        let counted = Arc::clone(&requests);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                if stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                let says = async {
                    let whole = answer.strip_suffix(CUT);
                    stream.write_all(whole.unwrap_or(&answer).as_bytes()).await?;
                    stream.flush().await?;
                    if whole.is_some() {
                        stream.get_mut().0.shutdown().await
                    } else {
                        stream.shutdown().await
                    }
                };
                let _: io::Result<()> = says.await;
            }
        });
        Self { address, requests, serving }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/file", self.address.port())
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn get(url: &str, ca: &Ca) -> Result<Fetched, FetchError> {
    let fetcher = Fetcher::new(&Roots::Files(vec![ca.file()])).unwrap();
    fetcher.get(&url.parse().unwrap(), &Validators::default(), &BOUNDS).await
}

const FILE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn the_right_certificate_is_accepted() {
    let ca = Ca::new("right");
    let server = ca.server(&["localhost", "127.0.0.1"], 2090, FILE).await;
    for host in ["localhost", "LocalHost", "127.0.0.1"] {
        let fetched = get(&server.url(host), &ca).await.unwrap();
        assert!(matches!(fetched, Fetched::Body { bytes, .. } if &bytes[..] == b"ok"));
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn every_other_certificate_is_refused_before_anything_is_asked() {
    let (ca, other) = (Ca::new("right"), Ca::new("other"));
    for (what, server) in [
        ("another CA's", other.server(&["localhost"], 2090, FILE).await),
        ("another host's", ca.server(&["localhost.example"], 2090, FILE).await),
        ("an address's", ca.server(&["127.0.0.1"], 2090, FILE).await),
        ("an expired one", ca.server(&["localhost"], 2024, FILE).await),
    ] {
        let error = get(&server.url("localhost"), &ca).await.unwrap_err();
        assert!(matches!(&error.fault, FetchFault::Tls(_)), "{what}: {error}");
        assert!(error.to_string().contains("certificate"), "{what}: {error}");
        assert_eq!(server.requests.load(Ordering::SeqCst), 0, "{what}");
    }
    // The system trusts neither.
    let server = ca.server(&["localhost"], 2090, FILE).await;
    let fetcher = Fetcher::new(&Roots::System).unwrap();
    let url = server.url("localhost").parse().unwrap();
    let error = fetcher.get(&url, &Validators::default(), &BOUNDS).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::Tls(_) | FetchFault::NoRoots), "{error}");
}

#[tokio::test]
async fn no_redirect_leads_out_of_tls() {
    let ca = Ca::new("right");
    for (location, fault) in [
        ("http://localhost:{port}/file", RedirectFault::ToHttp),
        ("https://localhost:1/file", RedirectFault::OtherHost),
        ("https://127.0.0.1:{port}/file", RedirectFault::OtherHost),
        ("/file", RedirectFault::TooMany),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = ca.server(&["localhost"], 2090, answer).await;
        let error = get(&server.url("localhost"), &ca).await.unwrap_err();
        let is_expected = matches!(error.fault, FetchFault::Redirect(found) if found == fault);
        assert!(is_expected, "{location}: {error}");
    }
}

/// Without a length, TLS alone tells whether a file is whole (RFC 9112 §9.8).
#[tokio::test]
async fn a_connection_cut_below_tls_is_no_end_of_a_file() {
    let ca = Ca::new("right");
    let server = ca.server(&["localhost"], 2090, "HTTP/1.0 200 OK\r\n\r\nhello").await;
    let fetched = get(&server.url("localhost"), &ca).await.unwrap();
    assert!(matches!(fetched, Fetched::Body { bytes, .. } if &bytes[..] == b"hello"));
    let server = ca.server(&["localhost"], 2090, format!("HTTP/1.0 200 OK\r\n\r\nhello{CUT}")).await;
    let error = get(&server.url("localhost"), &ca).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::Connection { .. }), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_none() {
    let ca = Ca::new("right");
    let plain = Server::says(FILE);
    let error = get(&format!("https://{}/file", plain.address), &ca).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::Tls(_)), "{error}");
    // One that says nothing at all is left in time.
    let silent = Server::start(|client, _| client.hang());
    let fetcher = Fetcher::new(&Roots::Files(vec![ca.file()])).unwrap();
    let bounds = Bounds { timeout: Duration::from_millis(500), ..BOUNDS };
    let url = format!("https://{}/file", silent.address).parse().unwrap();
    let error = fetcher.get(&url, &Validators::default(), &bounds).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::TimedOut(Stage::Tls)), "{error}");
}
