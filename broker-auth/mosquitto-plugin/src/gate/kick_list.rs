//! [`KickList`]: whose connections are closed at the next tick.

use std::collections::BTreeMap;

use crate::client::{Client, ClientHandle};

/// How many are remembered: whoever is not asks again, and is denied again.
const CAPACITY: usize = 10_000;

/// Whose connections are closed at the next tick: mosquitto is in the middle of a packet, or of a list of subscribers, when
/// it asks about them, and by then another may have the client id.
#[derive(Debug, Default)]
pub(super) struct KickList(BTreeMap<Box<str>, ClientHandle>);

impl KickList {
    /// Adds `client`, if it has a client id to be kicked by.
    pub(super) fn add(&mut self, client: &dyn Client) {
        let Some(id) = client.id().filter(|id| !id.is_empty()) else { return };
        self.add_session(id, client.handle());
    }

    /// Adds the client `handle`, whose session is `client_id`.
    pub(super) fn add_session(&mut self, client_id: &str, handle: ClientHandle) {
        if self.0.contains_key(client_id) || self.0.len() < CAPACITY {
            self.0.insert(client_id.into(), handle);
        }
    }

    /// Whether nobody is on it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its connection has ended.
    pub(super) fn remove(&mut self, client: &dyn Client) {
        if let Some(id) = client.id()
            && self.0.get(id) == Some(&client.handle())
        {
            self.0.remove(id);
        }
    }

    /// All, by their client ids. Nobody is left on the list.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (Box<str>, ClientHandle)> + use<> {
        std::mem::take(&mut self.0).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_client::FakeClient;

    #[test]
    fn whoever_has_gone_is_not_kicked_and_neither_is_whoever_came_instead() {
        let mut list = KickList::default();
        let (first, second) = (FakeClient::new(1, "dev-1"), FakeClient::new(2, "dev-1"));
        list.add(&first);
        list.remove(&second);
        assert_eq!(list.take().count(), 1);
        list.add(&first);
        list.remove(&first);
        assert_eq!(list.take().count(), 0);
    }

    #[test]
    fn nobody_is_kicked_by_an_empty_client_id_which_would_be_nobodys() {
        let mut list = KickList::default();
        list.add(&FakeClient::new(1, ""));
        list.add(&FakeClient { id: None, ..FakeClient::new(1, "") });
        assert_eq!(list.take().count(), 0);
    }

    #[test]
    fn the_list_is_bounded() {
        let mut list = KickList::default();
        for number in 0..2 * CAPACITY {
            list.add(&FakeClient::new(number, &format!("stranger-{number}")));
        }
        assert_eq!(list.take().count(), CAPACITY);
        assert_eq!(list.take().count(), 0);
    }
}
