//! [`Rules`]: the port to the rules in force.

use std::sync::Arc;

use authenticator::ruleset::Ruleset;
use rustls_pki_types::UnixTime;

/// Where the rules come from.
pub trait Rules {
    /// The rules in force: the same value until they change.
    fn in_force(&self) -> Arc<Ruleset>;

    /// The time to judge by where mosquitto says that it is `told`: a CA may have said already that it is later.
    fn time(&self, told: UnixTime) -> UnixTime {
        told
    }

    /// A moment to look whether what they are made of has changed. mosquitto waits meanwhile, and has such moments ten
    /// times a second when it is idle, and thousands when it is not: most are to be passed over.
    fn look(&self, now: UnixTime);

    /// The operator wants them read again. What cannot be read changes nothing, and says so.
    fn reload(&self, now: UnixTime);
}
