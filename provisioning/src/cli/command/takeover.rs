//! What was found in the places of lists, said.

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::crl::{SetAside, Takeover};
use crate::registry::CarriedOver;

/// Warns of all that was found in the places of lists.
pub(super) fn warn_of_all(found: Vec<Takeover>) {
    let carried = warn_of_files(found);
    if !carried.is_empty() {
        output::warning(Failure::registry_lacked(&carried));
    }
}

/// Names the files that were in the place of a list, and returns the entries that the registry lacked.
pub(super) fn warn_of_files(found: Vec<Takeover>) -> Vec<CarriedOver> {
    for SetAside { from, to, fault } in found.iter().filter_map(|found| found.set_aside.as_ref()) {
        let from = from.display();
        output::warning(match to {
            Ok(to) => format!("{from} was no list of this fleet: {fault}; it is in {} now", to.display()),
            Err(error) => format!("{from} was no list of this fleet: {fault}; it could not be kept: {error}"),
        });
    }
    found.into_iter().flat_map(|found| found.carried).collect()
}
