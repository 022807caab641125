//! The program `countersign-agent` as a process: against mosquitto, against brokers that misbehave on purpose, and
//! against images that are wrong.

mod agent;
mod broker_identity;
mod clock;
mod endings;
mod exposure;
mod images;
mod mosquitto;
mod pki;
mod refusals;
mod scripted_broker;
mod signals;
mod streams;
mod writers;
