//! Who signed an answer, and whether they may answer for the CA (RFC 6960 §4.2.2.2).

use certificate_path::{Certificate, DistinguishedName, PublicKey, Purpose};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};

use super::cert_id::sha_1;
use super::fault::{OcspFault, SignerFault};
use crate::certificate::{AuthorityCertificate, OcspResponseFrame, PeerCertificate, ResponderId, Serial};
use crate::trust::SIGNATURE_ALGORITHMS;

/// How many certificates may come along: that of the signer, and the CAs above it.
const MAX_CERTIFICATES: usize = 8;

/// How many signatures are verified at most: one by the CA, and those of one delegate, or another of the same name.
const MAX_VERIFICATIONS: u32 = 4;

/// Who signed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// The CA that issued the certificate.
    Issuer,
    /// Whoever holds the certificate of this serial number, which that CA issued for the purpose.
    Delegate(Serial),
}

/// Finds who signed `frame`: `issuer`, or somebody whom it delegated that to by a certificate that came along.
///
/// The delegate's certificate is issued by the key of `issuer`, directly; a trust in other responders cannot be configured.
/// Its purpose is id-kp-OCSPSigning, for which "any" does not stand. It is valid at `now`.
///
/// # Errors
/// Neither is so. The first candidate's fault is told.
pub(super) fn signer(
    frame: &OcspResponseFrame<'_>,
    issuer: &AuthorityCertificate,
    now: UnixTime,
) -> Result<Signer, OcspFault> {
    if frame.certificates().nth(MAX_CERTIFICATES).is_some() {
        return Err(OcspFault::TooManyCertificates(MAX_CERTIFICATES));
    }
    let mut work = Work { frame, left: MAX_VERIFICATIONS };
    if algorithms_of(frame).next().is_none() {
        return Err(OcspFault::UnsupportedSignature);
    }
    let mut fault = None;
    if is_named(&frame.responder, issuer.subject(), issuer.public_key()) {
        match work.refuse_unsigned(issuer.subject(), issuer.public_key()) {
            Ok(()) => return Ok(Signer::Issuer),
            Err(unsigned) => fault = Some(unsigned),
        }
    }
    for der in frame.certificates() {
        match work.delegate(der, issuer, now) {
            Ok(Some(serial)) => return Ok(Signer::Delegate(serial)),
            Ok(None) => {}
            Err(unfit) => _ = fault.get_or_insert(unfit),
        }
    }
    Err(fault.unwrap_or(OcspFault::UnknownSigner))
}

/// What is left of the work that an answer is worth.
struct Work<'a, 'f> {
    frame: &'a OcspResponseFrame<'f>,
    left: u32,
}

impl Work<'_, '_> {
    /// The serial number of the certificate in `der`, if its holder signed. `None`: the answer does not say to be by them.
    fn delegate(
        &mut self,
        der: &[u8],
        issuer: &AuthorityCertificate,
        now: UnixTime,
    ) -> Result<Option<Serial>, OcspFault> {
        let certificate = Certificate::parse(der).map_err(SignerFault::from)?;
        let (subject, key) = (certificate.subject(), certificate.public_key());
        if !is_named(&self.frame.responder, subject, key) {
            return Ok(None);
        }
        self.refuse_unfit(&certificate, issuer, now)?;
        self.refuse_unsigned(subject, key)?;
        let read = PeerCertificate::parse(&CertificateDer::from(der));
        let read =
            read.map_err(|error| OcspFault::Malformed(format!("the signer's certificate: {error}")))?;
        Ok(Some(*read.serial()))
    }

    /// Refuses a certificate that `issuer` has not made for answering in its place.
    fn refuse_unfit(
        &mut self,
        certificate: &Certificate,
        issuer: &AuthorityCertificate,
        now: UnixTime,
    ) -> Result<(), SignerFault> {
        if !issuer.ca().may_have_issued(certificate) {
            return Err(SignerFault::OtherIssuer { issuer: certificate.issuer().to_string() });
        }
        certificate.refuse_unfit_end_entity(Purpose::OcspSigning)?;
        if now < certificate.not_before() {
            return Err(SignerFault::NotYetValid(certificate.not_before()));
        }
        if now > certificate.not_after() {
            return Err(SignerFault::Expired(certificate.not_after()));
        }
        self.spend()?;
        if certificate.is_signed_by(issuer.public_key(), SIGNATURE_ALGORITHMS) {
            Ok(())
        } else {
            Err(SignerFault::BadSignature)
        }
    }

    /// Refuses an answer that is not signed by `key`.
    fn refuse_unsigned(&mut self, subject: &DistinguishedName, key: &PublicKey) -> Result<(), OcspFault> {
        self.spend()?;
        if key.verifies(algorithms_of(self.frame), self.frame.signed, self.frame.signature) {
            Ok(())
        } else {
            Err(OcspFault::BadSignature { signer: subject.to_string() })
        }
    }

    fn spend(&mut self) -> Result<(), SignerFault> {
        self.left = self.left.checked_sub(1).ok_or(SignerFault::TooMuchWork(MAX_VERIFICATIONS))?;
        Ok(())
    }
}

/// The algorithms that the answer may be signed by: one identifier can stand for several, as ecdsa-with-SHA256 does not tell
/// the curve.
fn algorithms_of<'f>(
    frame: &OcspResponseFrame<'f>,
) -> impl Iterator<Item = &'static &'static dyn SignatureVerificationAlgorithm> + use<'f> {
    let wanted = frame.algorithm;
    SIGNATURE_ALGORITHMS.iter().filter(move |algorithm| algorithm.signature_alg_id().as_ref() == wanted)
}

fn is_named(responder: &ResponderId<'_>, subject: &DistinguishedName, key: &PublicKey) -> bool {
    match responder {
        ResponderId::Name(name) => name.is_same_name(subject),
        ResponderId::Key(hash) => *hash == sha_1(key.bits()),
    }
}
