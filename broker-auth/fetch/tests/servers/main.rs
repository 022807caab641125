//! Files from servers that hang, lie, flood and redirect, from those with the wrong certificate, and from honest ones.
#![forbid(unsafe_code)]

mod addresses;
mod answers;
mod fetching;
mod hangs;
mod https;
mod judges;
mod limits;
mod redirects;
mod server;
