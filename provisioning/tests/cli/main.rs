//! Tests of the built `countersign-provision`, by its command line, files and exit codes.

mod causes;
mod earlier_version;
mod factory;
mod files;
mod kill;
mod orders;
mod profiles;
mod requests;
mod revocation;
mod snapshots;
