//! [`Rules`]: the port to the rules in force.

use std::sync::Arc;

use authenticator::evidence::FactorEvidence;
use authenticator::factor::FactorKind;
use authenticator::identity::Client;
use authenticator::policy::Permit;
use authenticator::ruleset::Ruleset;
use rustls_pki_types::UnixTime;

use crate::callbacks::Login;

/// Where the rules come from.
pub trait Rules {
    /// The rules in force: the same value until they change.
    fn in_force(&self) -> Arc<Ruleset>;

    /// The time to judge by where mosquitto says that it is `told`: a CA may have said already that it is later.
    fn time(&self, told: UnixTime) -> UnixTime {
        told
    }

    /// Which state of all that sessions are judged by is in force, of the rules and of what second factors are verified by:
    /// another number after each change.
    fn generation(&self) -> u64 {
        0
    }

    /// Verifies what `client`, whose policy asks for a second factor, shows beside its certificate. mosquitto waits meanwhile:
    /// what would keep it for too long is [`FactorEvidence::Busy`].
    fn verify_factor(&self, kind: FactorKind, _: &Client, _: &Login<'_>, _: UnixTime) -> FactorEvidence {
        FactorEvidence::Refused(format!("there is nothing that a {kind} could be verified by"))
    }

    /// Whether what the holder of `permit` has shown beside its certificate still counts. Costs next to nothing.
    fn factor_of_session(&self, _permit: &Permit) -> FactorEvidence {
        FactorEvidence::NotAsked
    }

    /// A moment to look whether what they are made of has changed. mosquitto waits meanwhile, and has such moments ten
    /// times a second when it is idle, and thousands when it is not: most are to be passed over.
    fn look(&self, now: UnixTime);

    /// The operator wants them read again. What cannot be read changes nothing, and says so.
    fn reload(&self, now: UnixTime);
}
