//! `broker-auth/coming-from.md`: every row, configured as it says, and its command run as it is written; and what the
//! systems in it can do, done by clients that nobody here wrote.

#![forbid(unsafe_code)]

/// A test for each row of a table, by its setting, and the list of them.
macro_rules! rows {
    ($system:literal: $($scene:ident $setting:literal)+) => {
        /// The rows that have a test.
        pub(crate) const TESTED: &[(&str, &str)] = &[$(($system, $setting)),+];

        mod rows {
            $(
                #[test]
                fn $scene() {
                    super::$scene(crate::table::Row::find($system, $setting));
                }
            )+
        }
    };
}

mod application_gateway;
mod azion;
mod echo_origin;
mod mqtt_clients;
mod place;
mod table;
mod venafi;
mod web_clients;

use std::collections::BTreeSet;

use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

#[test]
fn every_row_has_a_test_and_every_test_a_row() {
    let written: Vec<_> =
        table::rows().iter().map(|row| (row.system.as_str(), row.setting.as_str())).collect();
    let distinct: BTreeSet<_> = written.iter().copied().collect();
    assert_eq!(written.len(), distinct.len(), "a setting stands twice in a table");
    let tested = [azion::TESTED, application_gateway::TESTED, venafi::TESTED].concat().into_iter().collect();
    assert_eq!(distinct, tested);
}
