//! The simulated broker: rustls, a session in memory, and a behaviour that the test sets.

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

use super::broker_behaviour::{BrokerBehaviour, RETRY_AFTER, TlsBehaviour, user_property};
use super::broker_connection::{BrokerConnection, Session};
use super::event_log::{Event, EventLog};
use super::network::Arrival;
use crate::pki::{Certified, Fleet};

/// The broker, for its connections and for the test.
#[derive(Clone)]
pub(super) struct Broker(Rc<Inner>);

struct Inner {
    log: EventLog,
    /// TLS for the devices of the fleet, and TLS that trusts another device CA.
    tls: RefCell<Arc<ServerConfig>>,
    tls_of_another_ca: Arc<ServerConfig>,
    behaviour: RefCell<BrokerBehaviour>,
    session: RefCell<Session>,
    /// Who answers what devices ask for on their credential topic: with messages, and whether each is retained.
    service: RefCell<Option<Box<Service>>>,
    /// What it is to do now, without a packet of the device.
    act: RefCell<Option<BrokerAction>>,
    /// The connection that has the session.
    owner: Cell<usize>,
    wake: Notify,
}

/// A message on the device's topic for responses.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) payload: Vec<u8>,
    pub(super) retain: bool,
}

/// What the renewal service answers to a request.
pub(super) type Service = dyn FnMut(&[u8]) -> Vec<Response>;

/// What a broker does without a packet of the device.
#[derive(Clone, Debug)]
pub(super) enum BrokerAction {
    Disconnect(Box<Disconnect>),
    /// close_notify.
    Close,
    /// The end of the stream without close_notify.
    HangUp,
}

impl Broker {
    pub(super) fn new(fleet: &Fleet, log: EventLog) -> Self {
        let stranger = Certified::root("somebody else's devices");
        Self(Rc::new(Inner {
            log,
            tls: RefCell::new(server(fleet, &fleet.broker, &[&fleet.device_root])),
            tls_of_another_ca: server(fleet, &fleet.broker, &[&stranger]),
            behaviour: RefCell::new(BrokerBehaviour::good()),
            session: RefCell::default(),
            service: RefCell::default(),
            act: RefCell::default(),
            owner: Cell::new(0),
            wake: Notify::new(),
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
                    connections.spawn_local(BrokerConnection { broker: self.clone(), connection }.serve(stream));
                }
                // A panic in a connection fails the test.
                Some(ended) = connections.join_next() => ended.unwrap(),
            }
        }
    }

    /// The behaviour, to be changed.
    pub(super) fn behaviour(&self) -> RefMut<'_, BrokerBehaviour> {
        self.0.behaviour.borrow_mut()
    }

    /// Has it present another certificate from the next connection on.
    pub(super) fn use_certificate(&self, fleet: &Fleet, certificate: &Certified) {
        *self.0.tls.borrow_mut() = server(fleet, certificate, &[&fleet.device_root]);
    }

    /// Has it trust these CAs of devices from the next connection on.
    pub(super) fn trust(&self, fleet: &Fleet, cas: &[&Certified]) {
        *self.0.tls.borrow_mut() = server(fleet, &fleet.broker, cas);
    }

    /// Has this service answer requests for certificates.
    pub(super) fn serve(&self, service: impl FnMut(&[u8]) -> Vec<Response> + 'static) {
        *self.0.service.borrow_mut() = Some(Box::new(service));
    }

    /// Has the service hear a request; what it answers waits in the session.
    pub(super) fn request(&self, payload: &[u8]) {
        let mut service = self.0.service.borrow_mut();
        let responses = service.as_mut().map_or_else(Vec::new, |service| service(payload));
        for Response { payload, retain } in responses {
            self.session().messages.push_back(("credential/response".to_owned(), payload, retain));
        }
    }

    /// Has it do this to the current connection.
    pub(super) fn act(&self, act: BrokerAction) {
        *self.0.act.borrow_mut() = Some(act);
        self.0.wake.notify_waiters();
    }

    /// Ends the session with a DISCONNECT.
    pub(super) fn send_disconnect(&self, reason_code: DisconnectReasonCode, retry_after: Option<&str>) {
        let user_properties = user_property(RETRY_AFTER, retry_after);
        self.act(BrokerAction::Disconnect(Box::new(Disconnect {
            user_properties,
            ..Disconnect::new(reason_code)
        })));
    }

    /// Publishes a command, which waits in the session while the device is away.
    pub(super) fn send_command(&self, id: &str, payload: &str) {
        let message = (format!("commands/{id}"), payload.as_bytes().to_vec(), false);
        self.session().messages.push_back(message);
        self.0.wake.notify_waiters();
    }

    /// The commands the device has not acknowledged.
    pub(super) fn unacknowledged_commands(&self) -> usize {
        let session = self.session();
        session.messages.len() + session.unacknowledged.len()
    }

    pub(super) fn session(&self) -> RefMut<'_, Session> {
        self.0.session.borrow_mut()
    }

    pub(super) fn take_act(&self) -> Option<BrokerAction> {
        self.0.act.borrow_mut().take()
    }

    /// Resolves when there is something to do that did not come over the connection.
    pub(super) fn woken(&self) -> Notified<'_> {
        self.0.wake.notified()
    }

    pub(super) fn owner(&self) -> usize {
        self.0.owner.get()
    }

    /// Gives the session to this connection; the one before is closed (MQTT 5 §3.1.4).
    pub(super) fn take_over(&self, connection: usize) {
        self.0.owner.set(connection);
        self.0.act.borrow_mut().take();
        self.0.wake.notify_waiters();
    }

    pub(super) fn record(&self, event: Event) {
        self.0.log.record(event);
    }

    /// The TLS configuration for the next connection.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        match self.behaviour().tls {
            TlsBehaviour::UnknownDevice => Arc::clone(&self.0.tls_of_another_ca),
            _ => Arc::clone(&self.0.tls.borrow()),
        }
    }
}

/// TLS 1.3 with `broker`'s certificate, for the devices of `clients`.
fn server(fleet: &Fleet, broker: &Certified, clients: &[&Certified]) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    clients.iter().for_each(|ca| roots.add(CertificateDer::from(ca.der.clone())).unwrap());
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
