//! OCSP: what is asked, which answers count, and what becomes of a client by them. OpenSSL is the responder, and a second
//! judge.

mod damage;
mod decisions;
mod delegates;
mod fleet;
mod forge;
mod forged;
mod openssl;
mod times;
mod whom_to_ask;
