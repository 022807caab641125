//! [`ExpectedHost`]: which Host the requests of a connection may have.

use authenticator::origin::ServerName;

/// Which Host the requests of a connection may have: what was judged by the rules of one server is not another's request.
#[derive(Clone, Debug)]
pub(crate) enum ExpectedHost {
    /// The server that the handshake named (RFC 9110 §7.4).
    Named(Box<str>),
    /// The handshake named none: any but these, which other listeners at the address are called.
    NoneOf(Vec<ServerName>),
}

impl ExpectedHost {
    /// Whether `host`, without a port, is one of them.
    pub(super) fn is(&self, host: &str) -> bool {
        match self {
            Self::Named(name) => is_same_host(name, host),
            Self::NoneOf(others) => !others.iter().any(|other| is_same_host(other.as_str(), host)),
        }
    }
}

/// Whether two host names are the same; a dot at the end makes no difference (RFC 6066 §3 leaves it out).
fn is_same_host(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_one_of_the_handshake_or_no_other_listeners() {
        let named = ExpectedHost::Named("fleet.example".into());
        let unnamed = ExpectedHost::NoneOf(vec!["office.example".parse().unwrap()]);
        for (host, of_named, of_unnamed) in [
            ("fleet.example", true, true),
            ("FLEET.example.", true, true),
            ("office.example", false, false),
            ("Office.Example.", false, false),
            ("192.0.2.1", false, true),
        ] {
            assert_eq!((named.is(host), unnamed.is(host)), (of_named, of_unnamed), "{host}");
        }
    }
}
