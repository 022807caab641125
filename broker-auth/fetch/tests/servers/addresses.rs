//! Addresses where somebody listens, and where nobody does.

use std::net::TcpListener;

use fetch::{FetchFault, Stage};

use crate::fetching::{BOUNDS, get};
use crate::server::Server;

#[tokio::test]
async fn nobody_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = get(&format!("http://{closed}/file"), BOUNDS).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::Connect { address, .. } if address == closed), "{error}");
    assert!(error.to_string().starts_with(&format!("http://{closed}/file: cannot connect to {closed}: ")));
    let error = get("http://nobody.invalid/file", BOUNDS).await.unwrap_err();
    let is_expected = matches!(error.fault, FetchFault::Lookup(_) | FetchFault::TimedOut(Stage::Lookup));
    assert!(is_expected, "{error}");
}

#[tokio::test]
async fn without_a_ca_there_is_no_tls() {
    let server = Server::start(|client, _| client.hang());
    let error = get(&format!("https://{}/file", server.address), BOUNDS).await.unwrap_err();
    assert!(matches!(error.fault, FetchFault::NoRoots), "{error}");
}

/// `localhost` is `::1` first on many machines, where nobody listens here.
#[tokio::test]
async fn a_name_is_tried_at_all_its_addresses() {
    let server = Server::says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    get(&format!("http://localhost:{}/file", server.address.port()), BOUNDS).await.unwrap();
}
