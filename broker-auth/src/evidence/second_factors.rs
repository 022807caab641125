//! [`SecondFactors`]: what clients show beside their certificates, verified.

mod key_refresh;
mod passwords;

use std::sync::Arc;

use authenticator::evidence::FactorEvidence;
use authenticator::factor::FactorKind;
use authenticator::identity::Client;
use broker_rules::factors::{Credentials, FactorStore, KeySource, TokenRefusal, token_evidence};
use rustls_pki_types::UnixTime;

pub(crate) use self::key_refresh::FetchKeys;
use self::key_refresh::KeyRefresh;
use self::passwords::Passwords;

/// Those who look at what clients show: passwords wait for their turn, and tokens for keys. One for all listeners.
pub(crate) struct SecondFactors {
    store: Arc<FactorStore>,
    passwords: Passwords,
    fetch: Arc<dyn FetchKeys>,
    refresh: KeyRefresh,
}

impl SecondFactors {
    /// Verifies by what is in `store`; has a key set fetched out of turn by `fetch`.
    pub(crate) fn new(store: Arc<FactorStore>, fetch: Arc<dyn FetchKeys>) -> Self {
        Self { store, passwords: Passwords::default(), fetch, refresh: KeyRefresh::default() }
    }

    /// What they are verified by.
    pub(crate) fn store(&self) -> &Arc<FactorStore> {
        &self.store
    }

    /// Looks at what `client`, whose certificate is proven, shows beside it.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        kind: FactorKind,
        client: &Client,
        shown: &Credentials<'_>,
        now: UnixTime,
    ) -> FactorEvidence {
        let identity = client.identity();
        let secret = match shown.secret_of(identity, kind) {
            Ok(secret) => secret,
            Err(why) => return FactorEvidence::Refused(why),
        };
        match kind {
            FactorKind::Password => {
                // As of when its turn comes.
                self.passwords.verify(|| Arc::clone(&self.store.present()), identity, secret).await
            }
            FactorKind::Token => self.verify_token(secret, now).await,
        }
    }

    /// Verifies a token. Where its key is not known, or none is usable, the key set is fetched first, now and then.
    async fn verify_token(self: &Arc<Self>, secret: &[u8], now: UnixTime) -> FactorEvidence {
        let verified = self.store.verify_token(secret, now);
        let url = match &verified {
            Err(TokenRefusal::Keys(_)) => self.url_of_keys(),
            Ok(_) | Err(TokenRefusal::Token(_)) => None,
        };
        let Some(url) = url else { return token_evidence(verified) };
        let refreshing = Arc::clone(self);
        let refresh = || async move {
            refreshing.fetch.fetch(&url).await;
            // Why it is not in force is told by whoever watches the files.
            let _ = tokio::task::spawn_blocking(move || refreshing.store.reload().is_ok()).await;
        };
        if self.refresh.wait(refresh).await.is_err() {
            return FactorEvidence::Busy("too many clients wait for the key set of tokens".to_owned());
        }
        token_evidence(self.store.verify_token(secret, now))
    }

    /// Where the key set is fetched from, if it is.
    fn url_of_keys(&self) -> Option<String> {
        match &self.store.present().settings().token.as_ref()?.keys {
            KeySource::Url { url, .. } => Some(url.clone()),
            KeySource::File(_) => None,
        }
    }
}
