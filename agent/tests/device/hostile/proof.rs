//! Servers that do not prove, or not properly, that they are the broker.

use countersign_agent::tls::{ChainError, HandshakeFault, Link, TlsError};
use countersign_agent::x509::UsageError;

use super::server::{ECDSA_SECP256R1_SHA256, Server, certificate};
use super::{Case, completes, refused, run};
use crate::pki::Certified;

#[test]
fn only_a_server_that_proves_itself_step_by_step_sees_the_device_certificate() {
    run(&cases());
}

fn cases() -> Vec<Case> {
    use HandshakeFault as Fault;
    vec![
        completes("the honest broker", |server| server.handshake()),
        refused(
            "no Certificate, no CertificateRequest",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_finished().send();
            },
            |error| error == Fault::NoCertificate.into(),
        ),
        refused(
            "no Certificate, but a CertificateRequest",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add_finished().send();
            },
            |error| error == Fault::NoCertificate.into(),
        ),
        refused(
            "Certificate without CertificateVerify",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate().add_finished().send();
            },
            |error| error == Fault::NoCertificateVerify.into(),
        ),
        refused(
            "Certificate and CertificateRequest without CertificateVerify",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add_certificate();
                server.add_finished().send();
            },
            |error| error == Fault::NoCertificateVerify.into(),
        ),
        refused(
            "CertificateVerify first",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().send();
                server.add_certificate_verify().send();
                server.add_certificate().add_finished().send();
            },
            |error| error == Fault::CertificateVerifyOutOfPlace.into(),
        ),
        refused(
            "CertificateVerify twice",
            |server| {
                up_to_certificate(server);
                server.add_certificate_verify().send();
                server.add_certificate_verify().add_finished().send();
            },
            |error| error == Fault::CertificateVerifyOutOfPlace.into(),
        ),
        refused(
            "CertificateVerify under another key",
            |server| {
                up_to_certificate(server);
                let proof = server.proof(&server.fleet.broker_issuing);
                server.add_proof(ECDSA_SECP256R1_SHA256, &proof).add_finished().send();
            },
            |error| error == Fault::BadSignature.into(),
        ),
        refused(
            "CertificateVerify in the client's words",
            |server| {
                up_to_certificate(server);
                let proof = server.proof_with(&server.fleet.broker, "TLS 1.3, client CertificateVerify");
                server.add_proof(ECDSA_SECP256R1_SHA256, &proof).add_finished().send();
            },
            |error| error == Fault::BadSignature.into(),
        ),
        refused(
            "CertificateVerify over an earlier transcript",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request();
                let proof = server.proof(&server.fleet.broker);
                server.add_certificate().add_proof(ECDSA_SECP256R1_SHA256, &proof).add_finished().send();
            },
            |error| error == Fault::BadSignature.into(),
        ),
        refused(
            "CertificateVerify without a signature",
            |server| {
                up_to_certificate(server);
                server.add_proof(ECDSA_SECP256R1_SHA256, &[]).add_finished().send();
            },
            |error| error == Fault::BadSignature.into(),
        ),
        refused(
            "CertificateVerify with a byte behind the signature",
            |server| {
                up_to_certificate(server);
                let proof = [server.proof(&server.fleet.broker), vec![0]].concat();
                server.add_proof(ECDSA_SECP256R1_SHA256, &proof).add_finished().send();
            },
            |error| error == Fault::BadSignature.into(),
        ),
        refused(
            "CertificateVerify said to be on P-384",
            |server| {
                up_to_certificate(server);
                let proof = server.proof(&server.fleet.broker);
                server.add_proof(0x0503, &proof).add_finished().send();
            },
            |error| error == Fault::SignatureScheme.into(),
        ),
        refused(
            "CertificateVerify said to be RSA-PSS",
            |server| {
                up_to_certificate(server);
                let proof = server.proof(&server.fleet.broker);
                server.add_proof(0x0804, &proof).add_finished().send();
            },
            |error| error == Fault::SignatureScheme.into(),
        ),
        refused(
            "CertificateVerify said to be ECDSA with SHA-1",
            |server| {
                up_to_certificate(server);
                let proof = server.proof(&server.fleet.broker);
                server.add_proof(0x0203, &proof).add_finished().send();
            },
            |error| error == Fault::SignatureScheme.into(),
        ),
        refused(
            "CertificateVerify of an unheard-of scheme",
            |server| {
                up_to_certificate(server);
                let proof = server.proof(&server.fleet.broker);
                server.add_proof(0x7a7a, &proof).add_finished().send();
            },
            |error| matches!(error, TlsError::Protocol(_)),
        ),
        refused(
            "a second Certificate before CertificateVerify",
            |server| {
                up_to_certificate(server);
                server.send();
                server.add_certificate().add_certificate_verify().add_finished().send();
            },
            |error| error == Fault::SecondCertificate.into(),
        ),
        refused(
            "a second Certificate after CertificateVerify",
            |server| {
                up_to_certificate(server);
                server.add_certificate_verify().send();
                server.add_certificate().add_finished().send();
            },
            |error| error == Fault::SecondCertificate.into(),
        ),
        refused(
            "an empty Certificate",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate_request().add(&certificate(&[]));
                server.add_finished().send();
            },
            |error| error == ChainError::Empty.into(),
        ),
        refused(
            "no CertificateRequest",
            |server| {
                server.begin();
                server.add_encrypted_extensions().add_certificate().add_certificate_verify();
                server.add_finished().send();
            },
            |error| error == Fault::NoCertificateRequest.into(),
        ),
        refused(
            "a device certificate, with its key",
            |server| {
                server.begin();
                let fleet = server.fleet;
                server.add_encrypted_extensions().add_certificate_request();
                server.add(&certificate(&[&fleet.device.der, &fleet.device_root.der]));
                let proof = server.proof(&fleet.device);
                server.add_proof(ECDSA_SECP256R1_SHA256, &proof).add_finished().send();
            },
            |error| error == usage(Link::EndEntity, UsageError::NotForServers),
        ),
        refused(
            "a certificate of the broker's name, of another CA",
            |server| impostor(server, &Certified::root("broker root").issuing("broker issuing")),
            |error| error == ChainError::Signature { link: Link::Intermediate }.into(),
        ),
        refused(
            "a certificate that a broker has issued",
            |server| impostor(server, &server.fleet.broker.issuing("a CA, by grace of a broker")),
            |error| matches!(error, TlsError::Chain(ChainError::UnknownIssuer { link: Link::Intermediate })),
        ),
    ]
}

fn up_to_certificate(server: &mut Server<'_>) {
    server.begin();
    server.add_encrypted_extensions().add_certificate_request().add_certificate();
}

/// A complete handshake with a certificate that `ca` issues for the purpose.
fn impostor(server: &mut Server<'_>, ca: &Certified) {
    let own = ca.broker();
    server.begin();
    server.add_encrypted_extensions().add_certificate_request();
    server.add(&certificate(&[&own.der, &ca.der]));
    let proof = server.proof(&own);
    server.add_proof(ECDSA_SECP256R1_SHA256, &proof).add_finished().send();
}

fn usage(link: Link, source: UsageError) -> TlsError {
    ChainError::Usage { link, source }.into()
}
