//! [`PasswordCost`]: how long mosquitto stands still for one password.

use std::hint::black_box;
use std::time::Instant;

use authenticator::factor::FactorKind;
use authenticator::ruleset::AccessRules;
use broker_rules::factors::SecondFactorSettings;
use second_factor::password::{Argon2Hash, Cost, PasswordFile};
use serde::Serialize;

/// What one look at the dearest password of the file costs here. mosquitto has one thread: everybody waits for it.
#[derive(Debug, Serialize)]
pub(super) struct PasswordCost {
    /// The memory, in KiB.
    pub(super) memory_kib: u32,
    /// The passes over it.
    pub(super) passes: u32,
    /// The lanes, which are computed one after the other.
    pub(super) lanes: u32,
    /// The time that it took, in milliseconds.
    pub(super) milliseconds: f64,
}

impl PasswordCost {
    /// Computes one, if a policy asks for passwords: `None`, if none does, or the password file cannot be used.
    pub(super) fn measure(access: &AccessRules, settings: &SecondFactorSettings) -> Option<Self> {
        if !access.policies.iter().any(|policy| policy.second_factor == Some(FactorKind::Password)) {
            return None;
        }
        let file = settings.password.as_ref()?;
        let text =
            zeroize::Zeroizing::new(String::from_utf8(broker_rules::store::read_file(file).ok()?).ok()?);
        let passwords = PasswordFile::parse(&text).ok()?;
        let work = |cost: &Cost| u64::from(cost.memory_kib()).saturating_mul(cost.passes().into());
        let dearest =
            passwords.entries().map(|(_, entry)| entry).max_by_key(|entry| work(entry.hash().cost()));
        let started = Instant::now();
        let cost = match dearest {
            Some(entry) => {
                // Whether it is the password does not change how long it takes.
                let _ = black_box(entry.verify(b"measured"));
                entry.hash().cost().clone()
            }
            // What `passwd` will set.
            None => Argon2Hash::make(b"measured", &[0; 16]).ok()?.cost().clone(),
        };
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        let (memory_kib, passes, lanes) = (cost.memory_kib(), cost.passes(), cost.lanes());
        Some(Self { memory_kib, passes, lanes, milliseconds })
    }
}
