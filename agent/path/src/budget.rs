//! [`Budget`]: how much work is done for a peer that has proven nothing.

use crate::public_key::KeyKind;

/// The most certificates that are looked at beside the peer's own.
pub const MAX_PRESENTED: usize = 8;

/// The most octets of certificates that a peer may present, its own included.
pub const MAX_PRESENTED_OCTETS: usize = 16 * 1024;

/// The most signatures of certificates that are checked in one handshake. The peer's own, in CertificateVerify, is the
/// fourth.
pub const MAX_SIGNATURE_CHECKS: u32 = 3;

/// The most signatures that are checked for one place in a path.
pub(crate) const MAX_CHECKS_PER_STEP: u32 = 2;

/// The most that all checks of one handshake may cost, in hundredths of a P-256 verification: three signatures of the
/// dearest kind, P-384, and the parsing of a few KiB.
pub const MAX_COST: u32 = 4800;

/// What checking a signature costs, in hundredths of a P-256 verification: rounded up from what `benches/cost.rs` measures.
pub(crate) fn signature_cost(key: &KeyKind, octets: usize) -> u32 {
    let key = match key {
        KeyKind::P256 => 100,
        KeyKind::P384 => 1450,
        KeyKind::Ed25519 => 90,
        // The square of the length: 40 for 2048 bits.
        KeyKind::Rsa(bits) => u32::try_from(bits.saturating_mul(*bits) / 104_000).unwrap_or(u32::MAX),
        KeyKind::Unsupported(_) => 0,
    };
    key.saturating_add(octets_cost(octets, 4))
}

/// What parsing that many octets of certificates costs, if they are filled with what is dearest to parse: the attributes
/// of a name.
pub(crate) fn parsing_cost(octets: usize) -> u32 {
    octets_cost(octets, 70)
}

fn octets_cost(octets: usize, per_kibibyte: usize) -> u32 {
    u32::try_from(octets.saturating_mul(per_kibibyte).div_ceil(1024)).unwrap_or(u32::MAX)
}

/// What may be spent on one handshake, and what has been.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    spent: Spent,
    /// Signature checks by place in the path, the peer's own certificate at 0.
    steps: [u32; MAX_PRESENTED + 1],
    is_exceeded: bool,
}

impl Budget {
    /// The budget of one handshake.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn parsed(&mut self, octets: usize) {
        self.spent.cost = self.spent.cost.saturating_add(parsing_cost(octets));
    }

    /// Whether one more signature of that cost, at that place of the path, is within the budget.
    pub(crate) fn allows(&self, step: usize, cost: u32) -> bool {
        self.spent.signature_checks < MAX_SIGNATURE_CHECKS
            && self.steps.get(step).is_some_and(|checks| *checks < MAX_CHECKS_PER_STEP)
            && self.spent.cost.saturating_add(cost) <= MAX_COST
    }

    pub(crate) fn spend(&mut self, step: usize, cost: u32) {
        self.spent.signature_checks += 1;
        self.spent.cost = self.spent.cost.saturating_add(cost);
        if let Some(checks) = self.steps.get_mut(step) {
            *checks += 1;
        }
    }

    pub(crate) fn exceed(&mut self) {
        self.is_exceeded = true;
    }

    /// Whether more was asked for than there was.
    pub fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// What has been spent.
    pub fn spent(&self) -> Spent {
        self.spent
    }
}

/// What was spent on one handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Signatures of certificates.
    pub signature_checks: u32,
    /// All of it, in hundredths of a P-256 verification.
    pub cost: u32,
}
