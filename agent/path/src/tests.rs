//! Paths: which hold, why others do not, and what it costs to find out.

mod budgets;
mod differential;
mod paths;
mod pki;
