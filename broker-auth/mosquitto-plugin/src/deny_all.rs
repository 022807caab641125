//! [`DenyAll`]: nobody gets in.

use rustls_pki_types::UnixTime;

use crate::callbacks::{Access, Admission, Answer, Authenticator, Effects, Login};
use crate::client::Client;

/// Nobody gets in, for as long as there is nothing to decide by.
#[derive(Clone, Copy, Debug, Default)]
pub struct DenyAll;

impl Authenticator for DenyAll {
    fn basic_auth(&self, _: &dyn Client, _: &Login<'_>, _: UnixTime) -> Admission {
        Admission::Denied
    }

    fn acl_check(&self, _: &dyn Client, _: &Access<'_>) -> Answer {
        Answer::Denied
    }

    fn tick(&self, _: UnixTime) -> Effects {
        Effects::default()
    }

    fn reload(&self, _: UnixTime) {}

    fn disconnect(&self, _: &dyn Client) {}
}
