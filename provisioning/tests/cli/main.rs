//! Tests of the built `countersign-provision`, by its command line, files and exit codes.

mod case_twins;
mod causes;
mod clock;
mod convert;
mod done;
mod earlier_version;
mod factory;
mod files;
mod finding;
mod formats;
mod interrupted;
mod kill;
mod lint;
mod lists;
mod orders;
mod places;
mod profiles;
mod readme;
mod recall;
mod replacement;
mod replacing;
mod requests;
mod reserved_names;
mod revocation;
mod snapshots;
mod typed;
