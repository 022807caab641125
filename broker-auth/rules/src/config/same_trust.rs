//! A trust that several listeners have: its name stands for the same everywhere.

use authenticator::trust::TrustConfig;

use super::error::ConfigError;
use super::reader::Value;

/// Refuses a name that stands for other CAs, another role or another namespace on another listener: policies and live
/// sessions know a trust by its name alone.
///
/// # Errors
/// There is one; `trusts` are those of all listeners, and where their names stand.
pub fn refuse_ambiguous_trusts<'a>(
    trusts: impl Iterator<Item = (&'a TrustConfig, Value<'a>)>,
) -> Result<(), ConfigError> {
    let mut earlier: Vec<&TrustConfig> = Vec::new();
    for (trust, place) in trusts {
        if let Some(same) = earlier.iter().find(|earlier| earlier.name == trust.name) {
            let differs = [
                ("`anchors`", same.anchors != trust.anchors),
                ("`role`", same.role != trust.role),
                ("`namespace`", same.namespace != trust.namespace),
            ];
            if let Some((key, _)) = differs.iter().find(|(_, differs)| *differs) {
                return Err(place.refuse(format!(
                    "the trust {:?} of an earlier listener has other {key}: give this one a name of its own",
                    trust.name.as_str()
                )));
            }
        }
        earlier.push(trust);
    }
    Ok(())
}
