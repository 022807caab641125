//! The gate: what embedded-tls may do for us, and when.
//!
//! embedded-tls finishes a handshake with a server that proves nothing, and shows it our certificate. So nothing of
//! ours is given out before the broker has proved its key, and afterwards the gate is asked whether it has.

use embedded_tls::{
    Certificate, CertificateEntryRef, CertificateRef, CertificateVerifyRef, CryptoProvider, SignatureScheme,
    TlsError as Code, TlsVerifier,
};
use p256::ecdsa::signature::{self, SignerMut};
use p256::elliptic_curve::rand_core::CryptoRngCore;

use super::chain::{BrokerCertificate, verify_chain};
use super::error::{HandshakeFault, TlsError};
use super::latch::Latch;
use super::record::RecordFault;
use super::suite::Suite;
use crate::credential::{Credential, Signer};
use crate::ecdsa;
use crate::x509::Time;

type Transcript = <Suite as embedded_tls::TlsCipherSuite>::Hash;

/// 64 spaces, a context string with its zero byte, and a SHA-256 (RFC 8446 §4.4.3).
const SIGNED_LEN: usize = 64 + CONTEXT.len() + 32;
const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify\0";

/// One handshake's worth of proofs.
pub(super) struct Gate<'g, 'a, S, R> {
    credential: &'g mut Credential<'a, S>,
    time: Time,
    rng: &'g mut R,
    latch: &'g Latch,
    stage: Stage,
    /// The first thing that went wrong, in more words than embedded-tls has.
    fault: Option<TlsError>,
}

/// How far the handshake has come. There is one way through, and no way back.
enum Stage {
    Nothing,
    /// The chain is good. Signed must be this hash of the transcript, which ends with the certificate.
    Certified(BrokerCertificate, [u8; 32]),
    /// The key is the peer's.
    Proven(BrokerCertificate),
    /// The broker has asked for our certificate and got it.
    Shown(BrokerCertificate),
    /// And our signature.
    Signed(BrokerCertificate),
}

/// A broker that has proved itself, to which we have proved ourselves.
#[derive(Debug)]
pub(super) struct ProvenBroker {
    certificate: BrokerCertificate,
}

impl ProvenBroker {
    pub(super) const fn certificate(&self) -> &BrokerCertificate {
        &self.certificate
    }
}

impl<'g, 'a, S: Signer, R: CryptoRngCore> Gate<'g, 'a, S, R> {
    pub(super) const fn new(
        credential: &'g mut Credential<'a, S>,
        time: Time,
        rng: &'g mut R,
        latch: &'g Latch,
    ) -> Self {
        Self { credential, time, rng, latch, stage: Stage::Nothing, fault: None }
    }

    /// Once more, when embedded-tls says that the handshake is done: is it?
    pub(super) fn finish(self) -> Result<ProvenBroker, TlsError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.stage {
            Stage::Signed(certificate) => Ok(ProvenBroker { certificate }),
            Stage::Nothing => Err(HandshakeFault::NoCertificate.into()),
            Stage::Certified(..) => Err(HandshakeFault::NoCertificateVerify.into()),
            Stage::Proven(_) | Stage::Shown(_) => Err(HandshakeFault::NoCertificateRequest.into()),
        }
    }

    /// Whether the broker, proven, has been shown who we are.
    pub(super) const fn has_shown(&self) -> bool {
        matches!(self.stage, Stage::Shown(_) | Stage::Signed(_))
    }

    /// What went wrong here, if anything did.
    pub(super) const fn fault(&self) -> Option<TlsError> {
        self.fault
    }

    /// Remembers why, and lets nothing more out.
    fn refuse(&mut self, fault: impl Into<TlsError>) {
        self.latch.shut(RecordFault::Refused);
        self.fault.get_or_insert_with(|| fault.into());
    }

    fn certify(&mut self, transcript: &Transcript, sent: &CertificateRef<'_>) -> Result<(), TlsError> {
        if !matches!(self.stage, Stage::Nothing) {
            return Err(HandshakeFault::SecondCertificate.into());
        }
        let sent = sent.entries.iter().map(|entry| match entry {
            CertificateEntryRef::X509(der) | CertificateEntryRef::RawPublicKey(der) => *der,
        });
        let certificate =
            verify_chain(sent, self.credential.anchors(), &self.credential.server_name(), self.time)?;
        self.stage = Stage::Certified(certificate, hash(transcript));
        Ok(())
    }

    fn prove(&mut self, proof: &CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        let Stage::Certified(certificate, transcript) = &self.stage else {
            return Err(HandshakeFault::CertificateVerifyOutOfPlace.into());
        };
        if proof.signature_scheme != SignatureScheme::EcdsaSecp256r1Sha256 {
            return Err(HandshakeFault::SignatureScheme.into());
        }
        let mut message = [b' '; SIGNED_LEN];
        let (_, signed) = message.split_at_mut(64);
        for (to, from) in signed.iter_mut().zip(CONTEXT.iter().chain(transcript)) {
            *to = *from;
        }
        certificate.verify(&message, proof.signature).map_err(|_| HandshakeFault::BadSignature)?;
        self.stage = Stage::Proven(certificate.clone());
        Ok(())
    }
}

fn hash(transcript: &Transcript) -> [u8; 32] {
    use p256::ecdsa::signature::digest::Digest as _;
    transcript.clone().finalize().into()
}

impl<S: Signer, R: CryptoRngCore> TlsVerifier<Suite> for Gate<'_, '_, S, R> {
    /// The name to prove is the credential's, whatever was put into the ClientHello.
    fn set_hostname_verification(&mut self, _sent: &str) -> Result<(), Code> {
        Ok(())
    }

    fn verify_certificate(&mut self, transcript: &Transcript, sent: CertificateRef<'_>) -> Result<(), Code> {
        self.certify(transcript, &sent).map_err(|fault| {
            self.refuse(fault);
            Code::InvalidCertificate
        })
    }

    fn verify_signature(&mut self, proof: CertificateVerifyRef<'_>) -> Result<(), Code> {
        self.prove(&proof).map_err(|fault| {
            self.refuse(fault);
            Code::InvalidSignature
        })
    }
}

impl<S: Signer, R: CryptoRngCore> CryptoProvider for Gate<'_, '_, S, R> {
    type CipherSuite = Suite;
    type Signature = WireSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut *self.rng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Suite>, Code> {
        Ok(self)
    }

    /// embedded-tls asks after the server's Finished. `None` would let it go on with an empty Certificate; by then
    /// the guard below lets nothing out.
    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        match core::mem::replace(&mut self.stage, Stage::Nothing) {
            Stage::Proven(certificate) => {
                self.stage = Stage::Shown(certificate);
                self.latch.show();
                Some(Certificate::X509(self.credential.certificate()))
            }
            stage => {
                self.refuse(match stage {
                    Stage::Certified(..) => HandshakeFault::NoCertificateVerify,
                    _ => HandshakeFault::NoCertificate,
                });
                None
            }
        }
    }

    fn signer(&mut self) -> Result<(impl SignerMut<WireSignature>, SignatureScheme), Code> {
        match core::mem::replace(&mut self.stage, Stage::Nothing) {
            Stage::Shown(certificate) => {
                self.stage = Stage::Signed(certificate);
                Ok((GatedSigner(self), SignatureScheme::EcdsaSecp256r1Sha256))
            }
            _ => {
                self.refuse(HandshakeFault::NoCertificate);
                Err(Code::InvalidPrivateKey)
            }
        }
    }
}

/// The DER of an ECDSA signature, or nothing.
pub(super) struct WireSignature(Option<p256::ecdsa::DerSignature>);

impl AsRef<[u8]> for WireSignature {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], p256::ecdsa::DerSignature::as_bytes)
    }
}

/// Signs for the handshake of its gate.
struct GatedSigner<'s, 'g, 'a, S, R>(&'s mut Gate<'g, 'a, S, R>);

impl<S: Signer, R: CryptoRngCore> SignerMut<WireSignature> for GatedSigner<'_, '_, '_, S, R> {
    /// Never an error: embedded-tls would panic. A signer that fails shuts the guard, so the empty signature that
    /// is returned in its place is not sent.
    fn try_sign(&mut self, message: &[u8]) -> Result<WireSignature, signature::Error> {
        match self.0.credential.signer().sign(message) {
            Ok(signature) => Ok(WireSignature(Some(ecdsa::to_der(&signature)))),
            Err(error) => {
                self.0.refuse(TlsError::Signer(error));
                Ok(WireSignature(None))
            }
        }
    }
}
