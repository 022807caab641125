//! `check --mosquitto` and `export-broker --for mosquitto`, with a real mosquitto as the judge of what they say.

#![forbid(unsafe_code)]

mod export;
mod finding;
mod judged;
mod passwords;
mod read;
mod rows;
mod site;
