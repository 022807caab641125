//! The credential store in flash, with the power cut at every operation, against a model of what must hold.

mod cuts;
mod factory;
mod flash;
mod garbage;
mod life;
mod model;
mod mutants;

// Flash in memory never waits.
use embassy_futures::block_on;
