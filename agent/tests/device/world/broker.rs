//! The broker: rustls below, a session in memory, and manners that the test decides on.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;

use rmqtt_codec::v5::{Disconnect, DisconnectReasonCode};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::air::Arrival;
use super::chronicle::{Chronicle, Event};
use super::manners::{Handshake, Manners, RETRY_AFTER, hint};
use super::serve::{Serving, Session};
use crate::pki::{Certified, Fleet};

/// The broker, for the connections it serves and the test that teaches it manners.
#[derive(Clone)]
pub(super) struct Broker(Rc<Inner>);

struct Inner {
    chronicle: Chronicle,
    /// For devices of the fleet, and for devices of nobody it knows.
    honest: RefCell<Arc<ServerConfig>>,
    strange: Arc<ServerConfig>,
    manners: RefCell<Manners>,
    session: RefCell<Session>,
    /// What it is to do now, of its own accord.
    act: RefCell<Option<Act>>,
    /// The connection that has the session.
    owner: Cell<usize>,
    poke: Notify,
}

/// What a broker does of its own accord.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Disconnect(Box<Disconnect>),
    /// close_notify.
    Close,
    /// The end of the stream without close_notify.
    HangUp,
}

impl Broker {
    pub(super) fn new(fleet: &Fleet, chronicle: Chronicle) -> Self {
        let stranger = Certified::root("somebody else's devices");
        Self(Rc::new(Inner {
            chronicle,
            honest: RefCell::new(server(fleet, &fleet.broker, &fleet.device_root)),
            strange: server(fleet, &fleet.broker, &stranger),
            manners: RefCell::new(Manners::good()),
            session: RefCell::default(),
            act: RefCell::default(),
            owner: Cell::new(0),
            poke: Notify::new(),
        }))
    }

    /// Accepts connections for ever.
    pub(super) async fn accept(self, mut arrivals: mpsc::UnboundedReceiver<Arrival>) {
        let mut connections = JoinSet::new();
        let mut connection = 0;
        loop {
            tokio::select! {
                Some(Arrival { stream, link }) = arrivals.recv() => {
                    connection += 1;
                    connections.spawn_local(link.carry());
                    connections.spawn_local(Serving { broker: self.clone(), connection }.serve(stream));
                }
                // A panic in there is one of the test.
                Some(ended) = connections.join_next() => ended.unwrap(),
            }
        }
    }

    /// The manners from now on.
    pub(super) fn manners(&self) -> RefMut<'_, Manners> {
        self.0.manners.borrow_mut()
    }

    /// Has another certificate from the next connection on.
    pub(super) fn shows(&self, fleet: &Fleet, certificate: &Certified) {
        *self.0.honest.borrow_mut() = server(fleet, certificate, &fleet.device_root);
    }

    /// Does this to the connection there is.
    pub(super) fn act(&self, act: Act) {
        *self.0.act.borrow_mut() = Some(act);
        self.0.poke.notify_waiters();
    }

    /// Ends the session with a DISCONNECT.
    pub(super) fn disconnects(&self, reason_code: DisconnectReasonCode, retry_after: Option<&str>) {
        let user_properties = hint(RETRY_AFTER, retry_after);
        self.act(Act::Disconnect(Box::new(Disconnect { user_properties, ..Disconnect::new(reason_code) })));
    }

    /// Publishes a command, which waits for a device that is away.
    pub(super) fn commands(&self, id: &str, payload: &str) {
        self.session().commands.push_back((id.to_owned(), payload.to_owned()));
        self.0.poke.notify_waiters();
    }

    /// The commands the device has not acknowledged.
    pub(super) fn is_owed(&self) -> usize {
        let session = self.session();
        session.commands.len() + session.unacknowledged.len()
    }

    pub(super) fn session(&self) -> RefMut<'_, Session> {
        self.0.session.borrow_mut()
    }

    pub(super) fn take_act(&self) -> Option<Act> {
        self.0.act.borrow_mut().take()
    }

    /// There are things to do that did not come over the connection.
    pub(super) fn poked(&self) -> Notified<'_> {
        self.0.poke.notified()
    }

    pub(super) fn owner(&self) -> usize {
        self.0.owner.get()
    }

    /// Gives the session to this connection; the one before has to go (MQTT 5 §3.1.4).
    pub(super) fn takes_over(&self, connection: usize) {
        self.0.owner.set(connection);
        self.0.act.borrow_mut().take();
        self.0.poke.notify_waiters();
    }

    pub(super) fn note(&self, event: Event) {
        self.0.chronicle.note(event);
    }

    /// The TLS configuration for the next connection.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        match self.manners().handshake {
            Handshake::UnknownDevice => Arc::clone(&self.0.strange),
            _ => Arc::clone(&self.0.honest.borrow()),
        }
    }
}

/// TLS 1.3 with `broker`'s certificate, for the devices of `clients`.
fn server(fleet: &Fleet, broker: &Certified, clients: &Certified) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(clients.der.clone())).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let chain = [&broker.der, &fleet.broker_issuing.der].map(|der| CertificateDer::from(der.clone()));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(broker.key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.to_vec(), key)
        .unwrap();
    config.max_fragment_size = Some(2048);
    Arc::new(config)
}
