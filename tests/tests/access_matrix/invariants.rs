//! What holds for all that was met, whatever stands in the matrix.

use std::collections::BTreeMap;

use crate::cell::Cell;
use crate::column::{Action, Column, Mode};
use crate::matrix::Certificate;
use crate::observation::Observation;
use crate::protocol::Protocol;
use crate::shown::Shown;

/// What breaks them.
pub(crate) fn broken(observations: &[Observation]) -> Vec<String> {
    let all = All(observations.iter().map(|seen| (key(seen), seen)).collect());
    let mut broken = Vec::new();
    for seen in observations {
        let rules = [
            ("who is not proven gets what is a device's", is_device_by_nothing(seen)),
            ("a factor makes up for a certificate", all.depends_on_what_is_shown(seen)),
            ("a factor that is not enough is let in", is_in_without_factor(seen)),
            ("enforce lets in whom permissive refuses", all.is_refused_in_permissive(seen)),
            ("report grants something", all.is_granted_by_report(seen)),
            ("a device is in under another name", is_in_under_another_name(seen)),
            ("whom everybody is denied to, or nobody is for, is in", is_in_by_no_policy(seen)),
            ("who is refused touches something", !seen.met.is_in && !seen.met.touched.is_empty()),
            ("the protocols differ", all.differs_by_protocol(seen)),
        ];
        let found = rules.into_iter().filter(|(_, is_broken)| *is_broken);
        broken.extend(found.map(|(rule, _)| format!("{rule}: {seen:?}")));
    }
    broken
}

/// A device's topics, its quarantine, or its name, for a certificate that is not proven.
fn is_device_by_nothing(seen: &Observation) -> bool {
    let touches = seen.met.touched.iter().any(|area| area.is_of_devices());
    !seen.certificate.is_proven && (touches || seen.met.is_taken_for_device)
}

/// A proven device whose policy asks for what it has not shown.
fn is_in_without_factor(seen: &Observation) -> bool {
    seen.certificate.is_proven && !seen.shown.is_enough() && seen.met.is_in
}

fn is_in_under_another_name(seen: &Observation) -> bool {
    seen.certificate.is_proven && seen.met.is_in && !seen.met.is_taken_for_device
}

fn is_in_by_no_policy(seen: &Observation) -> bool {
    matches!(seen.column.action, Action::Deny | Action::Report | Action::NoneMatches) && seen.met.is_in
}

type Key = (Column, Certificate, Shown, Protocol);

fn key(seen: &Observation) -> Key {
    (seen.column, seen.certificate, seen.shown, seen.protocol)
}

/// All that was met, to be compared.
struct All<'a>(BTreeMap<Key, &'a Observation>);

impl All<'_> {
    /// What the same client meets in another column.
    fn in_column(&self, seen: &Observation, column: Column) -> &Observation {
        self.0[&(column, seen.certificate, seen.shown, seen.protocol)]
    }

    /// Nobody who is not proven meets anything else for what it shows, or would be asked for.
    fn depends_on_what_is_shown(&self, seen: &Observation) -> bool {
        let mut others = Shown::all().filter_map(|shown| {
            self.0.get(&(seen.column, seen.certificate, shown, seen.protocol)).map(|other| &other.met.cell)
        });
        !seen.certificate.is_proven && others.any(|cell| *cell != seen.met.cell)
    }

    fn is_refused_in_permissive(&self, seen: &Observation) -> bool {
        let permissive = self.in_column(seen, Column { mode: Mode::Permissive, ..seen.column });
        let is_less = !permissive.met.is_in || permissive.met.touched != seen.met.touched;
        seen.column.mode == Mode::Enforce && seen.met.is_in && is_less
    }

    /// With a report before it, a policy does what it does without.
    fn is_granted_by_report(&self, seen: &Observation) -> bool {
        match seen.column.action {
            Action::Report => seen.met.is_in,
            Action::ReportThenAllow => {
                let without = self.in_column(seen, Column { action: Action::Allow, ..seen.column });
                without.met.cell != seen.met.cell || without.met.touched != seen.met.touched
            }
            _ => false,
        }
    }

    fn differs_by_protocol(&self, seen: &Observation) -> bool {
        let of_protocol = |protocol| self.0[&(seen.column, seen.certificate, seen.shown, protocol)];
        let cells: [&Cell; 3] = Protocol::ALL.map(|protocol| &of_protocol(protocol).met.cell);
        cells.iter().any(|cell| **cell != seen.met.cell)
    }
}
