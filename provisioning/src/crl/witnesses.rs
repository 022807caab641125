//! [`witnesses`]: what this machine's clock is compared with before a certificate is made.

use crate::authority::Authority;
use crate::fleet::Fleet;
use crate::issuer::{IssuerError, read_chain_for_revoking};
use crate::registry::{Registry, RegistryError};
use crate::timestamp::{Timestamp, Witness, WitnessKind, Witnesses};

use super::published::PublishedCrl;

/// Why the clock was not compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    /// The certificates of a CA cannot be read.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What a fleet has seen: by its registry, and by published lists that the registry does not know, as one from a backup
/// does not. A file that is no list of this fleet says nothing.
pub(crate) fn witnesses(
    fleet: &Fleet,
    registry: &Registry,
    now: Timestamp,
) -> Result<Witnesses, WitnessError> {
    let times = registry.seen_times()?;
    let mut seen = vec![Witness { kind: WitnessKind::Registry, time: times.newest }];
    for authority in Authority::WITH_CRL {
        let path = fleet.crl(authority);
        let (chain, _) = read_chain_for_revoking(fleet, authority, now)?;
        if let Ok(Some(list)) = PublishedCrl::read(&path, &chain)
            && !registry.knows_list(authority, list.state().number)?
        {
            seen.push(Witness { kind: WitnessKind::List(path), time: list.state().this_update });
        }
    }
    Ok(Witnesses { seen, last_act: Some(times.last_act) })
}
