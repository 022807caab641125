//! Whole journeys: a fleet made by the provisioning command, a broker process, and clients on real sockets.
//!
//! | module | what it stands for |
//! |---|---|
//! | [`program`] | the commands under test, each a fresh process |
//! | [`fleet`] | a fleet directory of its own for each test |
//! | [`broker`] | a running broker, its address and its log |
//! | [`credential`] | a certificate and the key that goes with it |
//! | [`pki`] | certificates and CRLs that no honest tool makes |
//! | [`certificate_fault`] | what can be wrong with a client's certificate |
//! | [`mqtt`] | MQTT packets, byte by byte |
//! | [`client`] | a client that may say anything, and hears every answer |
//! | [`http_caller`] | a client of HTTPS that may say anything, and reads whole answers |
//! | [`http_origin`] | the server behind the broker, which keeps what it was sent |
//! | [`password_file`] | passwords, set by the command |
//! | [`token_issuer`] | an issuer of tokens: PyJWT |
//! | [`simulated`] | simulated devices, as a process |
//! | [`site`] | the smallest place where something can happen |
//! | [`turned_clock`] | the clock of one process, which a test can turn |
//! | [`descriptors`] | how many files a running process may open |
//! | [`full_disk`] | a disk that is full for one process |
//! | [`large_fleet`] | a place for thousands of clients |
//! | [`file_server`] | a web server for revocation lists and key sets, which can do worse |
//! | [`markdown_table`] | a table that was written by hand |
//! | [`ocsp_authority`] | a CA that says by OpenSSL what has become of its certificates |
//! | [`transcript`] | what commands said, compared with what they always say |
//! | [`wiretap`] | a wire with somebody listening |
//! | [`peer`] | programs that nobody here wrote |
//! | [`mosquitto`] | one of them, as a broker for a fleet |
//! | [`board`] | a microcontroller, emulated, and firmware for it |
//! | [`torture`] | clients that send anything at all, beside others that must not notice |
//!
//! Nothing here knows the crates under test: they are met as their users meet them, at command lines, files and
//! sockets.

#![forbid(unsafe_code)]

pub mod board;
pub mod broker;
pub mod certificate_fault;
pub mod client;
pub mod credential;
pub mod descriptors;
pub mod file_server;
pub mod fleet;
pub mod full_disk;
pub mod http_caller;
pub mod http_origin;
pub mod large_fleet;
pub mod markdown_table;
pub mod mosquitto;
pub mod mqtt;
pub mod ocsp_authority;
pub mod password_file;
pub mod peer;
pub mod pki;
pub mod program;
pub mod simulated;
pub mod site;
pub mod token_issuer;
pub mod torture;
pub mod transcript;
pub mod turned_clock;
pub mod wiretap;
