//! [`Cost`]: what one look at a password costs.

use argon2::password_hash::{self, Output};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

/// Memory, passes and lanes of Argon2id (RFC 9106 §3.1), within what a broker affords.
///
/// The default is 19 MiB, 2 passes, 1 lane: OWASP's first recommendation for a server that many log in to at once.
/// RFC 9106's 64 MiB, 3 passes and 4 lanes is the most that is taken, so that files made by its advice can be used and
/// no line of a file makes the broker allocate more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost(Params);

/// A cost that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostFault {
    /// Every look would take too much of the broker.
    #[error(
        "m={memory_kib},t={passes},p={lanes} costs too much: at most m={},t={},p={}",
        Cost::MOST_MEMORY_KIB,
        Cost::MOST_PASSES,
        Cost::MOST_LANES
    )]
    TooHigh {
        /// Memory, in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// Argon2 itself is not defined for so little.
    #[error(
        "m={memory_kib},t={passes},p={lanes} is less than Argon2 allows: m is at least 8 for each lane, t and p 1"
    )]
    BelowArgon2 {
        /// Memory, in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

impl Cost {
    /// The most memory, in KiB: 64 MiB.
    pub const MOST_MEMORY_KIB: u32 = 64 * 1024;
    /// The most passes.
    pub const MOST_PASSES: u32 = 4;
    /// The most lanes.
    pub const MOST_LANES: u32 = 4;

    /// `memory_kib` KiB of memory, `passes` over it, in `lanes`.
    ///
    /// # Errors
    /// It is more than a broker affords, or less than Argon2 is defined for.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostFault> {
        if memory_kib > Self::MOST_MEMORY_KIB || passes > Self::MOST_PASSES || lanes > Self::MOST_LANES {
            return Err(CostFault::TooHigh { memory_kib, passes, lanes });
        }
        let params = Params::new(memory_kib, passes, lanes, None);
        params.map(Self).map_err(|_| CostFault::BelowArgon2 { memory_kib, passes, lanes })
    }

    /// Memory, in KiB.
    pub fn memory_kib(&self) -> u32 {
        self.0.m_cost()
    }

    /// Passes over the memory.
    pub fn passes(&self) -> u32 {
        self.0.t_cost()
    }

    /// Lanes.
    pub fn lanes(&self) -> u32 {
        self.0.p_cost()
    }

    /// Whether it is less than any of the settings that OWASP's Password Storage Cheat Sheet calls equivalent.
    pub fn is_below_owasp(&self) -> bool {
        let least = match self.passes() {
            0 | 1 => 47_104,
            2 => 19_456,
            3 => 12_288,
            _ => 9_216,
        };
        self.memory_kib() < least
    }

    /// The hash of `password`. Blocks for milliseconds, and allocates the memory for that long.
    pub(super) fn hash(&self, password: &[u8], salt: &[u8], length: usize) -> password_hash::Result<Output> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone());
        // Whoever finds its first blocks can guess the password without the cost.
        let mut memory = Zeroizing::new(vec![Block::default(); self.0.block_count()]);
        Output::init_with(length, |output| {
            Ok(argon2.hash_password_into_with_memory(password, salt, output, memory.as_mut_slice())?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_broker_affords_and_argon2_knows_is_a_cost() {
        for (memory, passes, lanes, is_cost) in [
            (19_456, 2, 1, true),
            (64 * 1024, 4, 4, true),
            (64 * 1024, 3, 4, true),
            (8, 1, 1, true),
            (64 * 1024 + 1, 1, 1, false),
            (8, 5, 1, false),
            (40, 1, 5, false),
            (u32::MAX, u32::MAX, u32::MAX, false),
            (7, 1, 1, false),
            (31, 1, 4, false),
            (8, 0, 1, false),
            (8, 1, 0, false),
        ] {
            assert_eq!(Cost::new(memory, passes, lanes).is_ok(), is_cost, "m={memory},t={passes},p={lanes}");
        }
    }

    #[test]
    fn weak_is_what_owasp_calls_weak() {
        let is_weak = |memory, passes| Cost::new(memory, passes, 1).expect("a cost").is_below_owasp();
        for (passes, least) in [(1, 47_104), (2, 19_456), (3, 12_288), (4, 9_216)] {
            assert!(is_weak(least - 1, passes) && !is_weak(least, passes), "t={passes}");
        }
        assert!(!Cost::default().is_below_owasp());
        assert_eq!(Cost::default(), Cost::new(19 * 1024, 2, 1).expect("a cost"));
    }
}
