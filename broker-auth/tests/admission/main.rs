//! Which clients are admitted, under which identity, to do what: the broker's judgement from certificate to permit.

mod alpn;
mod anchors;
mod chains;
mod configuration;
mod foreign_crl;
mod handshakes;
mod hostile;
mod identities;
mod judges;
mod kept_lists;
mod matrix;
mod namespaces;
mod operator;
mod pins;
mod pki;
mod revocation;
mod scale;
mod unusual_crl;
mod watching;
