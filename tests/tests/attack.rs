//! Valid devices that mean harm, and thousands of visits: nobody else notices, and nothing is left behind.

#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use integration_tests::broker::Mark;
use integration_tests::large_fleet::{AT_ONCE, LargeFleet};
use integration_tests::program::Programs;
use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::packet::{DISCONNECT, PINGREQ, Packet, QoS, Version};
use load::site::Identity;
use load::usage::Process;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// Before counting begins, so that what is made once is there.
const WARM_UP: u64 = 2_000;

const VISITS: u64 = 10_000;

/// What the allocator keeps may differ by this much, bytes. Another kilobyte a visit would be more.
const SLACK: u64 = 9 * 1024 * 1024;

const LASTING: ConnectOptions = ConnectOptions { version: Version::V311, keep_alive: 60, session_expiry: 60 };

/// What an attacker does once it is connected: whatever comes back, it goes on.
type Attack = fn(Client, Visitor) -> Attacking;
type Attacking = std::pin::Pin<Box<dyn Future<Output = Result<(), Lost>> + Send>>;

/// Five ways in which one valid client ends the router of rumqttd, or what feeds it, for everybody.
const ATTACKS: [(&str, Attack); 5] = [
    ("a topic that begins with two bytes for one character", |client, visitor| {
        Box::pin(foreign_topic(client, visitor))
    }),
    ("the only member of a shared group, gone with a message", |client, visitor| {
        Box::pin(abandoned_group(client, visitor))
    }),
    ("a subscription to a busy topic, and good-bye", |client, visitor| {
        Box::pin(busy_good_bye(client, visitor))
    }),
    ("properties of MQTT 5 for a subscriber of 3.1.1 that comes back", |client, visitor| {
        Box::pin(properties_for_3_1_1(client, visitor))
    }),
    ("packets that only a server sends", |client, visitor| Box::pin(server_packets(client, visitor))),
];

/// The client that connects, and the broker it connects to.
#[derive(Clone)]
struct Visitor {
    broker: std::net::SocketAddr,
    identity: Identity,
}

impl Visitor {
    async fn connect(&self, options: ConnectOptions) -> Result<Client, Lost> {
        Client::connect(self.broker, &self.identity, options).await.map(|(client, _)| client)
    }

    /// The engine keeps the same log for all of one kind.
    fn topic(&self, kind: &str) -> String {
        format!("visits/of/{kind}/{}", self.identity.name)
    }
}

/// A PUBLISH of MQTT 5 with QoS 1 and a user property.
fn publish_with_property(topic: &str) -> Vec<u8> {
    let length = u8::try_from(topic.len()).expect("a short topic");
    let body = [&[0, length], topic.as_bytes(), b"\0\x09\x07\x26\0\x01k\0\x01vx"].concat();
    [&[0x32, u8::try_from(body.len()).expect("a short packet")], &body[..]].concat()
}

/// What is said until the server has answered a ping, or has hung up.
async fn whatever_comes(client: &mut Client) {
    if client.send(&PINGREQ).await.is_ok() {
        while !matches!(client.answer().await, Ok(Packet::PingResp | Packet::Disconnect(_)) | Err(_)) {}
    }
}

async fn foreign_topic(mut client: Client, _: Visitor) -> Result<(), Lost> {
    client.subscribe("é/visits/foreign", QoS::AtMostOnce).await?;
    client.send(&client.writer().publish("é/visits/foreign", b"x")).await?;
    whatever_comes(&mut client).await;
    Ok(client.leave().await?)
}

async fn abandoned_group(client: Client, visitor: Visitor) -> Result<(), Lost> {
    drop(client);
    let mut member = visitor.connect(ConnectOptions { version: Version::V5, ..LASTING }).await?;
    let topic = visitor.topic("shared");
    member.send(&member.writer().subscribe(1, &format!("$share/group/{topic}"), QoS::AtLeastOnce)).await?;
    member.send(&member.writer().publish_acknowledged(2, &topic, b"never acknowledged")).await?;
    whatever_comes(&mut member).await;
    member.leave().await?;
    // Nothing of it is to be kept.
    Ok(visitor.connect(ConnectOptions::default()).await?.leave().await?)
}

async fn busy_good_bye(mut client: Client, visitor: Visitor) -> Result<(), Lost> {
    let topic = visitor.topic("busy");
    client.subscribe(&topic, QoS::AtMostOnce).await?;
    for _ in 0..20 {
        client.send(&client.writer().publish(&topic, b"busy")).await?;
    }
    Ok(client.leave().await?)
}

async fn properties_for_3_1_1(client: Client, visitor: Visitor) -> Result<(), Lost> {
    drop(client);
    let topic = visitor.topic("old");
    let mut subscriber = visitor.connect(LASTING).await?;
    subscriber.subscribe(&topic, QoS::AtLeastOnce).await?;
    subscriber.leave().await?;
    let own = format!("{}/5", visitor.identity.name);
    let (mut publisher, _) =
        Client::connect_as(&own, visitor.broker, &visitor.identity, ConnectOptions::default()).await?;
    publisher.send(&publish_with_property(&topic)).await?;
    whatever_comes(&mut publisher).await;
    publisher.leave().await?;
    let mut subscriber = visitor.connect(LASTING).await?;
    let message = subscriber.answer().await?;
    assert!(matches!(message, Packet::Publish { .. }), "{message:?}");
    drop(subscriber);
    Ok(visitor.connect(ConnectOptions::default()).await?.leave().await?)
}

async fn server_packets(mut client: Client, visitor: Visitor) -> Result<(), Lost> {
    // CONNACK, SUBACK and UNSUBACK.
    for packet in [&b"\x20\x03\0\0\0"[..], b"\x90\x04\0\x01\0\0", b"\xB0\x04\0\x01\0\0"] {
        client.send(packet).await?;
        whatever_comes(&mut client).await;
        client = visitor.connect(ConnectOptions::default()).await?;
    }
    Ok(client.leave().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kills_a_router_when_a_valid_device_sends_it_harms_no_other_session() {
    const ROUNDS: usize = 20;
    let fleet = LargeFleet::new(PROGRAMS, "");
    let witnesses = fleet.site.devices(1_000..1_050);
    let mut watching = fleet.connect_all(&witnesses, ConnectOptions::default()).await;
    for (witness, identity) in watching.iter_mut().zip(&witnesses) {
        witness.subscribe(&format!("devices/{}/commands/#", identity.name), QoS::AtLeastOnce).await.unwrap();
    }
    let mut backend = fleet.connect(&fleet.site.service(0), ConnectOptions::default()).await.unwrap();
    let attackers = fleet.site.devices(0..4);
    for (what, attack) in ATTACKS {
        let attacks = (0..ROUNDS * attackers.len()).map(|number| attackers[number % attackers.len()].clone());
        let broker = fleet.address();
        // At most one at a time of each attacker: they take no session over.
        let attacked = concurrent::each(attackers.len(), attacks, |identity| async move {
            let visitor = Visitor { broker, identity };
            let client = visitor.connect(ConnectOptions::default()).await?;
            attack(client, visitor).await
        })
        .await;
        let done = attacked.iter().filter(|attacked| attacked.is_ok()).count();
        assert!(done >= ROUNDS, "{what}: only {done} came through; {attacked:?}");
        for (witness, identity) in watching.iter_mut().zip(&witnesses) {
            let topic = format!("devices/{}/commands/now", identity.name);
            backend.publish(&topic, what.as_bytes()).await.unwrap();
            let heard = witness.answer().await.expect("the session lives");
            assert!(
                matches!(&heard, Packet::Publish { payload, .. } if payload == what),
                "{what}: {heard:?}"
            );
        }
    }
    assert_eq!(fleet.count("engine_rebuilds"), 0);
    let closed = fleet.broker.log().since(Mark::START);
    let of_witness = |line: &&serde_json::Value| {
        let identity = line["identity"].as_str().unwrap_or_default();
        line["event"] == "session_closed" && witnesses.iter().any(|witness| &*witness.name == identity)
    };
    assert_eq!(closed.iter().find(of_witness), None);
}

/// What a broker process holds.
#[derive(Clone, Copy, Debug)]
struct Holding {
    descriptors: usize,
    threads: usize,
}

impl Holding {
    fn of(process: Process) -> Self {
        Self {
            descriptors: process.descriptors().expect("the broker lives"),
            threads: process.threads().expect("the broker lives"),
        }
    }

    /// Whether nothing has been added since. Threads that wait for a file to read come and go.
    fn is_no_more_than(self, before: Self) -> bool {
        self.descriptors <= before.descriptors && self.threads <= before.threads
    }
}

/// One visit of the kind that its number says.
async fn visit(visitor: Visitor, number: u64) -> Result<(), Lost> {
    let client = visitor.connect(ConnectOptions::default()).await?;
    if let Some((_, attack)) = usize::try_from(number).ok().and_then(|number| ATTACKS.get(number % 16)) {
        return attack(client, visitor).await;
    }
    let mut client = client;
    let topic = visitor.topic("telemetry");
    client.subscribe(&topic, QoS::AtLeastOnce).await?;
    client.send(&client.writer().publish_acknowledged(2, &topic, b"hello")).await?;
    match number % 16 {
        // Gone without a word, with a message unacknowledged.
        5 | 6 => {}
        // The same with a reset.
        7 => client.socket().set_zero_linger()?,
        // Taken over by its own next connection.
        8 | 9 => {
            let mut next = visitor.connect(ConnectOptions::default()).await?;
            whatever_comes(&mut client).await;
            next.publish(&topic, b"hello").await?;
            next.leave().await?;
        }
        // A good-bye that nobody waits for.
        10 => client.send(&DISCONNECT).await?,
        _ => {
            whatever_comes(&mut client).await;
            client.leave().await?;
        }
    }
    Ok(())
}

/// Has the engine remember as much as it ever does: of each kind of topic, and in all.
async fn fill_memories(fleet: &LargeFleet, identity: &Identity) {
    const MESSAGES: usize = 80_000;
    let kinds = ["telemetry", "shared", "busy", "old", "foreign"];
    let visitor = Visitor { broker: fleet.address(), identity: identity.clone() };
    let mut client = visitor.connect(ConnectOptions::default()).await.expect("a good client is let in");
    for kind in kinds {
        client.subscribe(&visitor.topic(kind), QoS::AtMostOnce).await.expect("the policy allows it");
        // Only the log is looked at.
        let message = client.writer().publish(&format!("visits/of/{kind}/nobody"), &[b'x'; 32]);
        for _ in 0..MESSAGES / kinds.len() / 100 {
            client.send(&message.repeat(100)).await.expect("it is served");
        }
        whatever_comes(&mut client).await;
    }
    client.leave().await.expect("it is served");
}

/// So many visits, a part of them ended by an operator.
async fn visits(fleet: &LargeFleet, identities: &[Identity], count: u64) -> u64 {
    const KICKED: u64 = 48;
    const ROUND: u64 = 500;
    let broker = fleet.address();
    let mut made = 0;
    for round in 0..count.div_ceil(ROUND) {
        let ordinary = (count - made).min(ROUND) - KICKED;
        // A visitor comes again after all the others: no two visits of one are under way at a time.
        let numbered = (round * ROUND..).take(usize::try_from(ordinary).expect("few"));
        let numbered = numbered.map(|number| {
            let place = usize::try_from(number).expect("few") % identities.len();
            (number, identities[place].clone())
        });
        let ended = concurrent::each(AT_ONCE, numbered, |(number, identity)| {
            visit(Visitor { broker, identity }, number)
        })
        .await;
        for (number, ended) in ended.iter().enumerate() {
            assert!(ended.is_ok(), "visit {number} of round {round}: {ended:?}");
        }
        let service = fleet.site.service(round % 4);
        let clients = concurrent::each(AT_ONCE, 0..KICKED, |number| {
            let service = service.clone();
            async move {
                let client_id = format!("{}/{number}", service.name);
                let (mut client, _) =
                    Client::connect_as(&client_id, broker, &service, ConnectOptions::default()).await?;
                client.subscribe("kicked/#", QoS::AtMostOnce).await?;
                Ok::<_, Lost>(client)
            }
        })
        .await;
        let kicked = fleet.operate("kick", &[&service.name, "--json"]).json();
        assert_eq!(kicked["sessions"], KICKED);
        for client in clients {
            let heard = client.expect("a good client is let in").answer().await;
            assert!(matches!(heard, Ok(Packet::Disconnect(0x98))), "{heard:?}");
        }
        made += ordinary + KICKED;
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_leave_nothing_behind() {
    // With several heaps, as threads allocate from, what is resident says less of what is in use.
    let one_heap = |mut command: Command| {
        command.env("MALLOC_ARENA_MAX", "1");
        command
    };
    let fleet = LargeFleet::started_by(PROGRAMS, "", one_heap, Stdio::piped());
    let identities = fleet.site.devices(0..512);
    let process = fleet.process();
    fill_memories(&fleet, &identities[0]).await;
    visits(&fleet, &identities, WARM_UP).await;
    fill_memories(&fleet, &identities[0]).await;
    fleet.settles_at(0);
    let before = Holding::of(process);
    let resident = process.resident().expect("the broker lives");

    let since = Instant::now();
    let made = visits(&fleet, &identities, VISITS).await;
    assert!(made >= VISITS, "{made}");
    println!("{made} visits in {:?}", since.elapsed());

    fill_memories(&fleet, &identities[0]).await;
    fleet.settles_at(0);
    let since = Instant::now();
    // Such a thread is idle for ten seconds before it ends.
    while !Holding::of(process).is_no_more_than(before) {
        let after = Holding::of(process);
        assert!(since.elapsed() < Duration::from_secs(30), "{after:?} instead of {before:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let grown = process.resident().expect("the broker lives").saturating_sub(resident);
    println!("{grown} bytes more are resident, {:.1} a visit", grown as f64 / made as f64);
    assert!(grown <= SLACK, "{grown} bytes more than {resident}");
    assert_eq!((fleet.count("retained_messages"), fleet.count("engine_rebuilds")), (0, 0));
    // One more visit, for the places that connections took.
    let mut client = fleet.connect(&identities[0], ConnectOptions::default()).await.expect("there is room");
    client.publish("still/there", b"").await.expect("it is served");
}
