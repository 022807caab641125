//! [`Authorization`]: what a request shows beside the certificate of its client (RFC 9110 §11.6.2).

use authenticator::certificate::Fingerprint;
use broker_rules::factors::Credentials;
use data_encoding::BASE64;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A second factor in the field Authorization.
pub(super) struct Authorization {
    shown: Shown,
    digest: Fingerprint,
}

enum Shown {
    /// A user name and a password (RFC 7617).
    Basic { user_name: String, password: Zeroizing<Vec<u8>> },
    /// A token (RFC 6750 §2.1).
    Bearer(Zeroizing<Vec<u8>>),
}

impl Authorization {
    /// Reads the field. `None`: it is of another scheme, or cannot be read.
    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        let digest = Fingerprint::of(value.as_bytes());
        let space = value.as_bytes().iter().position(|octet| *octet == b' ')?;
        let (scheme, rest) = value.as_bytes().split_at_checked(space)?;
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Some(Self { shown: Shown::Bearer(Zeroizing::new(rest.to_vec())), digest });
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let decoded = Zeroizing::new(BASE64.decode(rest).ok()?);
        // A user name has no colon.
        let colon = decoded.iter().position(|octet| *octet == b':')?;
        let (user_name, password) = decoded.split_at_checked(colon)?;
        let user_name = std::str::from_utf8(user_name).ok()?.to_owned();
        let password = Zeroizing::new(password.get(1..)?.to_vec());
        Some(Self { shown: Shown::Basic { user_name, password }, digest })
    }

    /// What is verified.
    pub(super) fn credentials(&self) -> Credentials<'_> {
        match &self.shown {
            Shown::Basic { user_name, password } => {
                // A client that gives none leaves it empty.
                let user_name = Some(user_name.as_str()).filter(|name| !name.is_empty());
                Credentials { user_name, secret: Some(password) }
            }
            Shown::Bearer(token) => Credentials { user_name: None, secret: Some(token) },
        }
    }

    /// SHA-256 of the field: two that share it show the same.
    pub(super) fn digest(&self) -> Fingerprint {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(Option<String>, String)> {
        let authorization = Authorization::parse(&HeaderValue::from_str(value).unwrap())?;
        let shown = authorization.credentials();
        let secret = String::from_utf8(shown.secret.unwrap().to_vec()).unwrap();
        Some((shown.user_name.map(str::to_owned), secret))
    }

    #[test]
    fn passwords_and_tokens_are_read_and_nothing_else() {
        for (value, wanted) in [
            ("Basic cHVtcC0xOnNlY3JldA==", Some((Some("pump-1"), "secret"))),
            ("basic cHVtcC0xOnNlY3JldA==", Some((Some("pump-1"), "secret"))),
            ("Basic OnNlY3JldA==", Some((None, "secret"))),
            ("Basic cHVtcC0xOmE6Yg==", Some((Some("pump-1"), "a:b"))),
            ("Basic cHVtcC0x", None),
            ("Basic cHVtcC0xOnNlY3JldA", None),
            ("Basic", None),
            ("Bearer a.b.c", Some((None, "a.b.c"))),
            ("BEARER  a.b.c", Some((None, "a.b.c"))),
            ("Digest username=\"pump-1\"", None),
            ("", None),
        ] {
            let wanted = wanted.map(|(name, secret)| (name.map(str::to_owned), secret.to_owned()));
            assert_eq!(read(value), wanted, "{value:?}");
        }
    }
}
