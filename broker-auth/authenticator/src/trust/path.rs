//! Proves the path from a client's certificate to an anchor of one trust.
//!
//! rustls-webpki builds the path and checks signatures, names, validity, basic constraints, name constraints and
//! unknown critical extensions (RFC 5280 §6.1); it verifies signatures last, and none of a certificate that has expired,
//! is for another use or names an unknown issuer. What it leaves to its caller is added here: key usage, and of the
//! anchor everything but its name and key.

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::anchor::Anchor;
use super::chain::Link;
use crate::certificate::{AuthorityCertificate, PeerCertificate, timestamp};
use crate::reason::Reason;

/// Why a path is refused: the reason and its evidence.
pub(super) type PathFault = (Reason, String);

/// The anchors and configured intermediates of one trust.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathBuilder<'a> {
    pub(super) anchors: &'a [Anchor],
    /// The same anchors, as rustls-webpki wants them.
    pub(super) webpki_anchors: &'a [TrustAnchor<'static>],
    pub(super) intermediates: &'a [AuthorityCertificate],
    /// What verifies signatures.
    pub(super) signatures: &'a [&'a dyn SignatureVerificationAlgorithm],
}

impl PathBuilder<'_> {
    /// The links of the proven path, leaf first.
    pub(super) fn prove(
        &self,
        leaf: &PeerCertificate,
        presented: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Vec<Link>, PathFault> {
        refuse_unfit_leaf(leaf)?;
        let end_entity = EndEntityCert::try_from(leaf.der()).map_err(|error| fault_of(&error, leaf))?;
        let intermediates: Vec<CertificateDer<'_>> = presented
            .iter()
            .map(|der| CertificateDer::from(der.as_ref()))
            .chain(self.intermediates.iter().map(|authority| CertificateDer::from(authority.der().as_ref())))
            .collect();
        let path = end_entity
            .verify_for_usage(
                self.signatures,
                self.webpki_anchors,
                &intermediates,
                now,
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map_err(|error| fault_of(&error, leaf))?;
        self.links(leaf, &path, now)
    }

    /// Checks what rustls-webpki does not, from the leaf up to the anchor.
    fn links(
        &self,
        leaf: &PeerCertificate,
        path: &VerifiedPath<'_>,
        now: UnixTime,
    ) -> Result<Vec<Link>, PathFault> {
        let mut authorities = Vec::new();
        for certificate in path.intermediate_certificates() {
            let authority = AuthorityCertificate::parse(&certificate.der()).map_err(|fault| {
                (
                    Reason::WrongUsage,
                    format!("an intermediate certificate may not issue certificates: {fault}"),
                )
            })?;
            authorities.push(authority);
        }
        let same_anchor =
            self.webpki_anchors.iter().zip(self.anchors).filter(|(one, _)| *one == path.anchor());
        let anchor = fit_anchor(same_anchor.map(|(_, anchor)| &anchor.certificate), authorities.len(), now)?;

        let mut links = Vec::with_capacity(1 + authorities.len());
        let (mut serial, mut not_after) = (*leaf.serial(), leaf.not_after());
        for issuer in authorities.iter().chain([anchor]) {
            links.push(Link { issuer: issuer.authority(), serial, not_after });
            (serial, not_after) = (*issuer.serial(), issuer.not_after());
        }
        Ok(links)
    }
}

/// Whether a leaf is fit by what it says itself. Faults of that kind are reported before any other, whichever CA signed it.
pub(super) fn is_fit_leaf(leaf: &PeerCertificate, now: UnixTime) -> bool {
    (leaf.not_before()..=leaf.not_after()).contains(&now)
        && refuse_unfit_leaf(leaf).is_ok()
        && EndEntityCert::try_from(leaf.der()).is_ok()
}

/// What the profile of a client certificate asks for, and rustls-webpki does not.
fn refuse_unfit_leaf(leaf: &PeerCertificate) -> Result<(), PathFault> {
    if leaf.is_ca() {
        return Err((Reason::WrongUsage, "a CA certificate is no client certificate".to_owned()));
    }
    if !leaf.may_sign() {
        return Err((
            Reason::WrongUsage,
            "the certificate's key usage does not allow digital signatures, which TLS clients make"
                .to_owned(),
        ));
    }
    // RFC 5280 §4.2.1.12 reads an absent extended key usage as "any purpose", a server's included. The profile for
    // operational device certificates (RFC 7925 §4.4.2 and its successor) requires clientAuth, and the only ones
    // without are manufacturer certificates (IEEE 802.1AR IDevID), which are for enrolment and not for a broker.
    if !leaf.names_client_auth() {
        return Err((
            Reason::WrongUsage,
            "the certificate's extended key usage does not name client authentication".to_owned(),
        ));
    }
    Ok(())
}

/// The first of `anchors` that is valid now and allows `between` CA certificates below it, of which rustls-webpki knows
/// neither (RFC 5280 §4.1.2.5, §4.2.1.9). All are of one name and key: while a CA certificate is renewed, the old and
/// the new one stand side by side, and one of them is enough.
pub(super) fn fit_anchor<'a>(
    anchors: impl Iterator<Item = &'a AuthorityCertificate>,
    between: usize,
    now: UnixTime,
) -> Result<&'a AuthorityCertificate, PathFault> {
    let mut fault = (Reason::UnknownCa, "the path ends at no configured anchor".to_owned());
    for anchor in anchors {
        match refuse_unfit_anchor(anchor, between, now) {
            Ok(()) => return Ok(anchor),
            Err(unfit) => fault = unfit,
        }
    }
    Err(fault)
}

fn refuse_unfit_anchor(
    anchor: &AuthorityCertificate,
    between: usize,
    now: UnixTime,
) -> Result<(), PathFault> {
    let subject = anchor.subject();
    if now < anchor.not_before() {
        let begin = timestamp(anchor.not_before());
        return Err((Reason::NotYetValid, format!("the trust anchor {subject} begins only at {begin}")));
    }
    if now > anchor.not_after() {
        let end = timestamp(anchor.not_after());
        return Err((Reason::Expired, format!("the trust anchor {subject} expired at {end}")));
    }
    if !anchor.allows_path_len(between) {
        let evidence = format!(
            "the trust anchor {subject} does not allow {between} CA certificates below it (its path length constraint)"
        );
        return Err((Reason::WrongUsage, evidence));
    }
    Ok(())
}

/// What an error of rustls-webpki means for the client.
fn fault_of(error: &webpki::Error, leaf: &PeerCertificate) -> PathFault {
    use webpki::Error;
    let issuer = leaf.issuer();
    match error {
        Error::UnknownIssuer => (Reason::UnknownCa, format!("no trust anchor is called \"{issuer}\"")),
        Error::InvalidSignatureForPublicKey => (
            Reason::BadSignature,
            format!("a CA called \"{issuer}\" is trusted, but its key did not sign this certificate"),
        ),
        Error::CertExpired { time, not_after } => (
            Reason::Expired,
            format!(
                "{} expired at {}, and it is {}",
                whose(leaf.not_after() == *not_after),
                timestamp(*not_after),
                timestamp(*time)
            ),
        ),
        Error::CertNotValidYet { time, not_before } => (
            Reason::NotYetValid,
            format!(
                "{} begins only at {}, and it is {}",
                whose(leaf.not_before() == *not_before),
                timestamp(*not_before),
                timestamp(*time)
            ),
        ),
        Error::CaUsedAsEndEntity
        | Error::EndEntityUsedAsCa
        | Error::PathLenConstraintViolated
        | Error::NameConstraintViolation
        | Error::RequiredEkuNotFoundContext(_)
        | Error::EmptyEkuExtension
        | Error::UnsupportedCriticalExtension
        | Error::UnsupportedCertVersion
        | Error::InvalidCertValidity => {
            (Reason::WrongUsage, format!("the chain is not fit for a client: {error}"))
        }
        other => (Reason::BadSignature, format!("the chain proves nothing: {other}")),
    }
}

fn whose(is_leaf: bool) -> &'static str {
    if is_leaf { "the certificate" } else { "a certificate of the chain" }
}
