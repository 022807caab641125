//! The schema of the registry: one file for every version, which leads there from the version before.
//!
//! A new registry takes all of the steps, so that it cannot differ from one that grew up.

use rusqlite::{Connection, TransactionBehavior};

/// The version this program reads and writes (`PRAGMA user_version`; 0 is an empty database).
pub(super) const VERSION: i64 = 2;

/// The step to version 1, to version 2 and so on.
const STEPS: [&str; VERSION as usize] =
    [include_str!("schema/version_1.sql"), include_str!("schema/version_2.sql")];

/// The version of the schema of a database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a database to [`VERSION`], or leaves it as it is. Of several processes, one does it.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = usize::try_from(version(&transaction)?).unwrap_or(STEPS.len());
    for step in STEPS.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    if found < STEPS.len() {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}
