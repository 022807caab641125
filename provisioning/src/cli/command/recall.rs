//! What a change of a whole work order reaches: counted, and confirmed by a person, before anything is changed.

use std::collections::BTreeSet;

use crate::cli::arguments::Consent;
use crate::cli::confirmation::{self, Answer};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::order::WorkOrder;
use crate::registry::{ChangeOutcome, Registry, RevocationError, StatusChange};

/// Prints how much a change reaches, and asks for a yes unless it is given.
pub(super) fn confirm(
    work_order: &WorkOrder,
    change: StatusChange,
    outcomes: &[ChangeOutcome],
    registry: &Registry,
    consent: &Consent,
) -> Result<(), Failure> {
    let count = count(work_order, change, outcomes);
    output::note(&count);
    for (name, devices) in registry.work_orders_beside(work_order)?.alike {
        output::note(format_args!(
            "work order {name:?} with {devices} device(s) is another one, and not reached"
        ));
    }
    if consent.dry_run || consent.yes || outcomes.iter().all(|outcome| !outcome.changed) {
        return Ok(());
    }
    match confirmation::ask("go on?")? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::declined(&count)),
        Answer::NobodyThere => Err(Failure::unconfirmed(&count)),
    }
}

/// The error for what could not be previewed, with the nearest work order if this one is unknown.
pub(super) fn refused(work_order: &WorkOrder, error: RevocationError, registry: &Registry) -> Failure {
    match error {
        RevocationError::Unknown { .. } => match registry.work_orders_beside(work_order) {
            Ok(others) => Failure::unknown_work_order(work_order, others.nearest.as_deref()),
            Err(error) => error.into(),
        },
        error => error.into(),
    }
}

fn count(work_order: &WorkOrder, change: StatusChange, outcomes: &[ChangeOutcome]) -> String {
    let devices: BTreeSet<_> = outcomes.iter().map(|outcome| &outcome.certificate.identity).collect();
    let changed = outcomes.iter().filter(|outcome| outcome.changed).count();
    let mut text = format!(
        "work order {work_order} has {} device(s): {changed} certificate(s) to {}",
        devices.len(),
        change.verb()
    );
    if changed < outcomes.len() {
        text.push_str(&format!(", {} stay as they are", outcomes.len() - changed));
    }
    text
}
