//! [`Credentials`]: what a client says beside its certificate.

use authenticator::factor::FactorKind;
use authenticator::identity::Identity;

/// The longest beginning of a user name that evidence quotes, in characters: it is the client's text.
const MAX_SHOWN: usize = 80;

/// What a client says beside its certificate.
#[derive(Default)]
pub struct Credentials<'a> {
    /// Its user name, if it gives one.
    pub user_name: Option<&'a str>,
    /// Its password, or its token.
    pub secret: Option<&'a [u8]>,
}

impl<'a> Credentials<'a> {
    /// What is to be verified, if it is shown by `identity`, which the certificate proves.
    ///
    /// # Errors
    /// The user name is another one, or nothing was shown; in words.
    pub fn secret_of(&self, identity: &Identity, kind: FactorKind) -> Result<&'a [u8], String> {
        if let Some(user_name) = self.user_name
            && user_name != identity.name()
            && user_name != identity.qualified()
        {
            let shown: String = user_name.chars().take(MAX_SHOWN).collect();
            return Err(format!("the user name is {shown:?}, and the certificate is that of {identity}"));
        }
        self.secret.ok_or_else(|| format!("no {kind} was shown"))
    }
}
