//! The built `countersign-provision`, as a person or a script meets it.

mod factory;
mod files;
mod kill;
mod orders;
mod profiles;
mod requests;
mod revocation;
mod words;
