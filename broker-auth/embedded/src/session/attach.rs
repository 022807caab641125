//! Handing a client that was let in to its session.

use std::sync::Arc;

use super::hub::Hub;
use super::registry::Unrouted;
use super::task;
use crate::admitted_client::AdmittedClient;

/// Hands a client to the session of its client id, which is created if there is none.
///
/// # Errors
/// There is no room, or the session belongs to another identity.
pub fn attach(hub: &Arc<Hub>, client: Box<AdmittedClient>) -> Result<(), Unrouted> {
    hub.registry.attach(client, |info, commands, client| {
        tokio::spawn(task::run(Arc::clone(hub), info, commands, client));
    })
}
