//! [`Difference`]: where OpenSSL and this crate differ by design, and which of those it is.

use certificate_path::{PathCa, PathFault, UNSTATED_PATH_LEN};

use crate::judges::{Case, OpenSsl, Verdict, fit, ours};
use crate::key::Keys;
use crate::pki::{AuthorityKeyId, Basic, CaShape, LeafShape, Made, Purposes, Usage, Validity};

/// The most certificates that are looked at beside the peer's own.
const MAX_PRESENTED: usize = 8;

/// Numbers of OpenSSL's errors (`x509_vfy.h`).
mod error {
    pub(super) const UNABLE_TO_GET_ISSUER: [u32; 2] = [2, 20];
    pub(super) const SIGNATURE: u32 = 7;
    pub(super) const HAS_EXPIRED: u32 = 10;
    pub(super) const SELF_SIGNED: [u32; 2] = [18, 19];
    pub(super) const INVALID_PURPOSE: u32 = 26;
    pub(super) const NAME_CONSTRAINTS: [u32; 2] = [47, 48];
}

/// A way in which OpenSSL's verdict differs by design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    // What OpenSSL takes, and is refused here.
    /// A peer that has proven nothing is worth a bounded number of signature checks.
    Budget,
    /// And so many certificates: nine are refused unread.
    TooManyPresented,
    /// Presented CAs beyond those that the configured path lengths have room for are not read; a CA that states none has
    /// room for [`UNSTATED_PATH_LEN`].
    NoRoom,
    /// A configured intermediate that no configured CA issued proves nothing, whatever a peer presents: the operator is
    /// told.
    Unconnected,
    /// RFC 5280 §6.1.4 (k): a CA of version 3 has basic constraints. OpenSSL tolerates their absence beside keyCertSign.
    NoBasicConstraints,
    /// RSA of less than 2048 bits is not verified with. OpenSSL's command takes any (security level 0).
    ShortRsa,

    // What is taken here, and OpenSSL refuses.
    /// RFC 5280 leaves it open how paths are found. OpenSSL takes the first issuer of the name, without checking a
    /// signature, and does not come back to the second; of the very path that is found here, it approves. Where two CAs of
    /// that path share a name, it approves of the client below its issuer alone.
    FirstIssuerAlone,
    /// RFC 5280 §4.2.1.1: key identifiers help to find a path, and §6.1 does not ask for them. OpenSSL takes a CA with
    /// another one for another CA.
    OtherKeyId,
    /// RFC 5280 §4.2.1.12: a CA may say anyExtendedKeyUsage so as not to restrict what it certifies. OpenSSL asks for
    /// clientAuth in each CA that has an extended key usage.
    AnyPurpose,
    /// RFC 5280 §4.1.2.5: notAfter is inclusive. OpenSSL's comparison is not.
    LastSecond,
    /// RFC 5280 §4.2.1.10 applies dNSName constraints to alternative names alone. OpenSSL applies them to a common name
    /// that looks like a host's, if there is no dNSName.
    CommonNameAsHost,
    /// RFC 5280 §3.2: self-issued is not self-signed. Without a key identifier, OpenSSL takes the one for the other, and
    /// looks for no issuer.
    SelfIssued,
}

impl Difference {
    pub(crate) const ALL: [Self; 12] = [
        Self::Budget,
        Self::TooManyPresented,
        Self::NoRoom,
        Self::Unconnected,
        Self::NoBasicConstraints,
        Self::ShortRsa,
        Self::FirstIssuerAlone,
        Self::OtherKeyId,
        Self::AnyPurpose,
        Self::LastSecond,
        Self::CommonNameAsHost,
        Self::SelfIssued,
    ];
}

/// Which difference there is between what is found here and what OpenSSL says. `Err`: none that is stated.
pub(crate) fn explain(
    openssl: &OpenSsl<'_>,
    case: &Case,
    leaf: &Made<LeafShape>,
    ours: &Result<Vec<PathCa>, PathFault>,
    theirs: Verdict,
) -> Result<Option<Difference>, String> {
    match (ours, theirs) {
        (Ok(_), Ok(())) | (Err(_), Err(_)) => Ok(None),
        (Err(fault), Ok(())) => why_refused(openssl, case, leaf, fault).map(Some),
        (Ok(path), Err(_)) => why_taken(openssl, &case.path(path), leaf).map(Some),
    }
}

/// What is taken away from a case until OpenSSL refuses, too. It is what was refused for here.
type Without = (Difference, fn(&Case) -> Case);

const WITHOUT: [Without; 4] = [
    (Difference::NoRoom, without_room),
    (Difference::Unconnected, without_unconnected),
    (Difference::NoBasicConstraints, |case| {
        retain(case, |ca| !(ca.basic == Basic::Absent && ca.usage == Usage::CertSign))
    }),
    (Difference::ShortRsa, |case| retain(case, |ca| ca.key != Keys::SHORT_RSA)),
];

fn why_refused(
    openssl: &OpenSsl<'_>,
    case: &Case,
    leaf: &Made<LeafShape>,
    fault: &PathFault,
) -> Result<Difference, String> {
    if case.presented.len() > MAX_PRESENTED {
        return match fault {
            PathFault::TooManyPresented { .. } => Ok(Difference::TooManyPresented),
            other => Err(format!("more than {MAX_PRESENTED} are presented, and the fault is: {other}")),
        };
    }
    let mut left = case.clone();
    for (difference, without) in WITHOUT {
        left = without(&left);
        if left.anchors.is_empty() || openssl.verify(&left, &[leaf])[0].is_err() {
            return Ok(difference);
        }
    }
    // What is configured costs a peer nothing, so the same path is found at once.
    let trusting =
        Case { intermediates: [left.intermediates, left.presented].concat(), presented: vec![], ..left };
    match fault {
        PathFault::BudgetExhausted { .. } if ours(&trusting, leaf).is_ok() => Ok(Difference::Budget),
        other => Err(format!("OpenSSL takes it, and the fault is: {other}")),
    }
}

fn retain(case: &Case, keep: impl Fn(&CaShape) -> bool) -> Case {
    let retain = |cas: &[Made<CaShape>]| cas.iter().filter(|ca| keep(&ca.shape)).cloned().collect();
    Case {
        anchors: retain(&case.anchors),
        intermediates: retain(&case.intermediates),
        presented: retain(&case.presented),
    }
}

fn without_unconnected(case: &Case) -> Case {
    let unconnected = unconnected(case);
    let intermediates = case.intermediates.iter().filter(|ca| !unconnected.contains(&ca.der));
    Case { intermediates: intermediates.cloned().collect(), ..case.clone() }
}

/// Configured intermediates that lead to no anchor.
fn unconnected(case: &Case) -> Vec<Vec<u8>> {
    let fit_cas = case.anchors.iter().chain(&case.intermediates).filter(|ca| fit(ca).is_some());
    let fit_cas: Vec<_> = fit_cas.collect();
    case.configured().unconnected().map(|position| fit_cas[position].der.clone()).collect()
}

fn without_room(case: &Case) -> Case {
    let unconnected = unconnected(case);
    let configured = || case.anchors.iter().chain(&case.intermediates).filter(|ca| fit(ca).is_some());
    let room = configured()
        .filter(|ca| !unconnected.contains(&ca.der))
        .map(|ca| ca.shape.path_len.map_or(UNSTATED_PATH_LEN, usize::from))
        .max()
        .unwrap_or(0);
    let (mut counted, mut presented) = (0, Vec::new());
    for ca in case.presented.iter().filter(|ca| !configured().any(|configured| configured.der == ca.der)) {
        if counted == room {
            continue;
        }
        counted += usize::from(!ca.shape.is_self_issued());
        presented.push(ca.clone());
    }
    Case { presented, ..case.clone() }
}

fn why_taken(
    openssl: &OpenSsl<'_>,
    path: &[Made<CaShape>],
    leaf: &Made<LeafShape>,
) -> Result<Difference, String> {
    let (anchor, below) = path.split_last().expect("a path has an anchor");
    let case = Case { anchors: vec![anchor.clone()], intermediates: vec![], presented: below.to_vec() };
    let share_a_name = path.iter().enumerate().any(|(position, ca)| {
        path[..position].iter().any(|earlier| earlier.shape.subject == ca.shape.subject)
    });
    let mut verdict = openssl.verify(&case, &[leaf])[0];
    if verdict == Err(error::SIGNATURE) && share_a_name {
        let issuer = Case { anchors: vec![path[0].clone()], intermediates: vec![], presented: vec![] };
        verdict = openssl.verify(&issuer, &[leaf])[0];
    }
    let Err(number) = verdict else { return Ok(Difference::FirstIssuerAlone) };
    let any = |is: &dyn Fn(&CaShape) -> bool| path.iter().any(|ca| is(&ca.shape));
    let is_other_key_id = |signed: AuthorityKeyId| signed == AuthorityKeyId::Other;
    let names = leaf.shape.names;
    let difference = if error::UNABLE_TO_GET_ISSUER.contains(&number)
        && (is_other_key_id(leaf.shape.signed.authority_key_id)
            || below.iter().any(|ca| is_other_key_id(ca.shape.signed.authority_key_id)))
    {
        Difference::OtherKeyId
    } else if number == error::INVALID_PURPOSE && any(&|ca| ca.purposes == Purposes::Any) {
        Difference::AnyPurpose
    } else if number == error::HAS_EXPIRED && any(&|ca| ca.validity == Validity::LastSecond) {
        Difference::LastSecond
    } else if error::NAME_CONSTRAINTS.contains(&number)
        && names.host.is_none()
        && names.common_name.contains('.')
        && any(&|ca| ca.constraint.is_some_and(|constraint| constraint.is_of_hosts()))
    {
        Difference::CommonNameAsHost
    } else if error::SELF_SIGNED.contains(&number)
        && below
            .iter()
            .any(|ca| ca.shape.is_self_issued() && ca.shape.signed.authority_key_id == AuthorityKeyId::Absent)
    {
        Difference::SelfIssued
    } else {
        let shapes: Vec<&CaShape> = path.iter().map(|ca| &ca.shape).collect();
        return Err(format!("OpenSSL refuses the path with error {number}: {shapes:?}"));
    };
    Ok(difference)
}
