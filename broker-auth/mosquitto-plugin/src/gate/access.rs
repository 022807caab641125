//! What a permit says to what mosquitto asks.

use authenticator::policy::Permit;
use authenticator::reason::Refusal;

use crate::callbacks::{Access, Answer};

/// Whether the holder of `permit`, who is connected, may do this.
pub(super) fn of_connected(permit: &Permit, access: &Access<'_>) -> Answer {
    let is_allowed = match access {
        Access::Publish { topic, retain: false } => permit.publish(topic).is_ok(),
        Access::Publish { topic, retain: true } => permit.publish_retained(topic).is_ok(),
        Access::Deliver(topic) => permit.deliver(topic),
        Access::Subscribe(filter) => permit.subscribe(filter).is_ok(),
        Access::Unsubscribe(_) => true,
    };
    if is_allowed { Answer::Allowed } else { Answer::Denied }
}

/// Why the holder of `permit` may not publish or subscribe like this.
pub(super) fn refusal(permit: &Permit, access: &Access<'_>) -> Option<Refusal> {
    match access {
        Access::Publish { topic, retain: false } => permit.publish(topic).err(),
        Access::Publish { topic, retain: true } => permit.publish_retained(topic).err(),
        Access::Subscribe(filter) => permit.subscribe(filter).err(),
        Access::Deliver(_) | Access::Unsubscribe(_) => None,
    }
}

/// Whether the will of the holder of `permit`, who has gone, may be published, or a message may wait for it.
pub(super) fn of_gone(permit: &Permit, access: &Access<'_>) -> Answer {
    match access {
        Access::Publish { .. } if !permit.may_leave_anything() => Answer::Denied,
        Access::Publish { .. } | Access::Deliver(_) => of_connected(permit, access),
        Access::Subscribe(_) | Access::Unsubscribe(_) => Answer::Denied,
    }
}
