//! Every refusal has a text of its own: two that read alike could not be told apart in a log.

use std::collections::BTreeSet;
use std::fmt::Display;

use countersign_agent::tls::{HandshakeFault, RecordFault, ServerHelloFault};
use countersign_agent::x509::{CertificateError, DerError, UsageError};

/// Checks that every text is unique and has no full stop, because it stands within a longer line.
fn all_distinct(errors: &[&dyn Display]) {
    let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len(), "{texts:#?}");
    assert!(texts.iter().all(|text| !text.is_empty() && !text.ends_with('.')), "{texts:#?}");
}

#[test]
fn every_refusal_of_a_connection_has_its_own_words() {
    use HandshakeFault as Handshake;
    use RecordFault as Record;
    use ServerHelloFault as Hello;
    all_distinct(&[
        &Record::Length,
        &Record::Version,
        &Record::Plaintext,
        &Record::Alert { description: 40 },
        &Record::Alert { description: 70 },
        &Record::NoServerHello,
        &Record::Outgoing,
        &Record::Interrupted,
        &Record::Ended,
        &Record::Transport,
        &Record::Refused,
        &Record::ServerHello(Hello::Malformed),
        &Record::ServerHello(Hello::Version),
        &Record::ServerHello(Hello::HelloRetryRequest),
        &Record::ServerHello(Hello::SessionId),
        &Record::ServerHello(Hello::CipherSuite),
        &Record::ServerHello(Hello::Compression),
        &Record::ServerHello(Hello::Extensions),
        &Record::ServerHello(Hello::KeyShare),
        &Handshake::NoCertificate,
        &Handshake::SecondCertificate,
        &Handshake::NoCertificateVerify,
        &Handshake::CertificateVerifyOutOfPlace,
        &Handshake::SignatureScheme,
        &Handshake::BadSignature,
        &Handshake::NoCertificateRequest,
    ]);
}

#[test]
fn every_refusal_of_a_certificate_has_its_own_words() {
    use CertificateError as Error;
    all_distinct(&[
        &Error::TooLong { length: 2000 },
        &Error::Der(DerError::Truncated),
        &Error::Der(DerError::Tag { expected: 0x30, found: 0x31 }),
        &Error::Der(DerError::LongTag),
        &Error::Der(DerError::Length),
        &Error::Der(DerError::Trailing),
        &Error::Der(DerError::Boolean),
        &Error::Der(DerError::Integer),
        &Error::Der(DerError::BitString),
        &Error::Der(DerError::ObjectIdentifier),
        &Error::Version,
        &Error::SerialNumber { length: 21 },
        &Error::AlgorithmMismatch,
        &Error::SignatureAlgorithm,
        &Error::NoIssuer,
        &Error::Validity,
        &Error::KeyAlgorithm,
        &Error::Point,
        &Error::DuplicateExtension,
        &Error::UnknownCriticalExtension,
        &Error::PathLengthWithoutCa,
        &Error::SubjectAltName,
        &UsageError::NotACa,
        &UsageError::ConstraintsNotCritical,
        &UsageError::PathTooLong { allowed: 0 },
        &UsageError::MayNotSignCertificates,
        &UsageError::IsACa,
        &UsageError::MayNotSignHandshakes,
        &UsageError::NotForServers,
        &UsageError::OtherName,
    ]);
}
