//! One file per command.

pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod operate;
pub(crate) mod passwd;
pub(crate) mod run;
