//! What a fault of a certificate path means for a client: the reason, and the evidence.

use certificate_path::{CaFault, EndEntityFault, Malformed, NameConstraintFault, PathFault};
use rustls_pki_types::UnixTime;

use crate::certificate::{AuthorityCertificate, DistinguishedName, timestamp};
use crate::reason::Reason;

/// Why a chain is refused: the reason and its evidence.
pub(super) type ChainFault = (Reason, String);

/// A certificate that says something wrong about itself.
pub(super) fn of_end_entity(fault: &EndEntityFault) -> ChainFault {
    let reason = match fault {
        EndEntityFault::UnprocessedExtension { .. } | EndEntityFault::UnsupportedKey(_) => {
            Reason::Unsupported
        }
        EndEntityFault::Ca
        | EndEntityFault::NoDigitalSignature
        | EndEntityFault::NotForPurpose(_)
        | EndEntityFault::ClaimsToIssue(_) => Reason::WrongUsage,
    };
    (reason, format!("the certificate is not fit for a client: {fault}"))
}

/// A certificate that cannot be read.
pub(super) fn of_malformed(fault: &Malformed) -> ChainFault {
    (Reason::Malformed, format!("the certificate cannot be read: {fault}"))
}

/// No path to an anchor. `issuer` is the name that the client's certificate gives.
pub(super) fn of_path(fault: &PathFault, issuer: &DistinguishedName, now: UnixTime) -> ChainFault {
    let evidence = match fault {
        PathFault::UnknownIssuer { not_looked_at: 0 } => format!("no trusted CA is called \"{issuer}\""),
        PathFault::UnknownIssuer { not_looked_at } => format!(
            "no trusted CA is called \"{issuer}\"; {not_looked_at} of the certificates that came along were not looked \
             at, because no anchor allows that many CAs below it"
        ),
        PathFault::CaExpired { subject, is_anchor, not_after } => format!(
            "{} {subject} expired at {}, and it is {}",
            rank(*is_anchor),
            timestamp(*not_after),
            timestamp(now)
        ),
        PathFault::CaNotYetValid { subject, is_anchor, not_before } => format!(
            "{} {subject} begins only at {}, and it is {}",
            rank(*is_anchor),
            timestamp(*not_before),
            timestamp(now)
        ),
        other => other.to_string(),
    };
    (reason_of_path(fault), evidence)
}

fn rank(is_anchor: bool) -> &'static str {
    if is_anchor { "the trust anchor" } else { "the CA" }
}

fn reason_of_path(fault: &PathFault) -> Reason {
    match fault {
        PathFault::UnknownIssuer { .. } | PathFault::BudgetExhausted { .. } => Reason::UnknownCa,
        PathFault::TooManyPresented { .. } | PathFault::TooLongPresented { .. } => Reason::Malformed,
        PathFault::SignatureMismatch { .. } => Reason::BadSignature,
        PathFault::UnsupportedSignature { .. } => Reason::Unsupported,
        PathFault::UnfitCa { fault, .. } => match fault {
            CaFault::UnprocessedExtension { .. } | CaFault::UnsupportedKey(_) => Reason::Unsupported,
            CaFault::Malformed(_) => Reason::Malformed,
            CaFault::NotCa | CaFault::NoCertSign | CaFault::NotForPurpose(_) | CaFault::NoSubject => {
                Reason::WrongUsage
            }
        },
        PathFault::CaExpired { .. } => Reason::Expired,
        PathFault::CaNotYetValid { .. } => Reason::NotYetValid,
        PathFault::PathTooLong { .. } => Reason::WrongUsage,
        PathFault::NameConstraint { fault, .. } => match fault {
            NameConstraintFault::NotPermitted(_) => Reason::WrongUsage,
            NameConstraintFault::Unprocessed(_) => Reason::Unsupported,
        },
    }
}

/// The first of `anchors` that is valid now and allows `between` CA certificates below it (RFC 5280 §4.1.2.5, §4.2.1.9).
/// All are of one name and key: while a CA certificate is renewed, the old and the new one stand side by side, and one of
/// them is enough.
pub(super) fn fit_anchor<'a>(
    anchors: impl Iterator<Item = &'a AuthorityCertificate>,
    between: usize,
    now: UnixTime,
) -> Result<&'a AuthorityCertificate, ChainFault> {
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
) -> Result<(), ChainFault> {
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
