//! Three thousand clients that have stopped half way: a healthy one does not notice, and each is closed at its deadline.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use integration_tests::broker::Mark;
use integration_tests::large_fleet::{AT_ONCE, LargeFleet};
use integration_tests::program::Programs;
use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::packet::{PINGREQ, Packet, QoS, Version};
use load::site::Identity;
use load::spread::Spread;
use load::usage::raise_descriptor_limit;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// Different, so that nobody is closed by the wrong one; long enough that all are stalled while the healthy one visits.
const LIMITS: &str = r#"handshake-timeout = "12s"
packet-timeout = "14s"
connect-timeout = "16s"
write-timeout = "18s""#;

const HANDSHAKE_TIMEOUT: f64 = 12.0;
const PACKET_TIMEOUT: f64 = 14.0;
const CONNECT_TIMEOUT: f64 = 16.0;
const WRITE_TIMEOUT: f64 = 18.0;

/// By how much a deadline may be missed on a busy machine, seconds.
const LATE: f64 = 10.0;

/// How many of each kind.
const MANY: u64 = 1_000;

/// How many read nothing.
const DEAF: u64 = 200;

/// What is sent to each of those at a time, as often as it takes to fill the socket buffers of both ends.
const FLOOD: usize = 20;

/// Visits of the healthy device, each time.
const VISITS: usize = 150;

/// How long a healthy client took to be let in, and a message to come through.
struct Health {
    connect: Spread,
    round_trip: Spread,
}

async fn health(fleet: &LargeFleet, device: &Identity, service: &mut Client) -> Health {
    let topic = format!("devices/{}/telemetry/pulse", device.name);
    let (mut connect, mut round_trip) = (Vec::new(), Vec::new());
    for _ in 0..VISITS {
        let since = Instant::now();
        let mut client =
            fleet.connect(device, ConnectOptions::default()).await.expect("a healthy device is let in");
        connect.push(since.elapsed());
        let since = Instant::now();
        client.send(&client.writer().publish(&topic, b"pulse")).await.expect("it is served");
        let heard = service.answer().await.expect("it comes through");
        assert!(matches!(heard, Packet::Publish { .. }), "{heard:?}");
        round_trip.push(since.elapsed());
        client.leave().await.expect("it is served");
    }
    Health { connect: connect.into_iter().collect(), round_trip: round_trip.into_iter().collect() }
}

/// No more than half as much again, in a median, and a moment that a busy machine may take.
#[track_caller]
fn is_as_good(what: &str, idle: &Spread, among: &Spread) {
    let (idle, among) = (idle.quantile(0.5), among.quantile(0.5));
    let ratio = among.as_secs_f64() / idle.as_secs_f64();
    println!("{what}: median {idle:?} alone, {among:?} among the stalled, {ratio:.2} times");
    assert!(among <= idle * 3 / 2 + Duration::from_millis(50), "{what}: {idle:?} became {among:?}");
}

/// What became of some stalled connections: how long each was left open.
#[track_caller]
fn were_closed_at(what: &str, deadline: f64, ends: &Spread) {
    let (first, last) = (ends.quantile(0.0).as_secs_f64(), ends.max().as_secs_f64());
    println!("{what}: {} closed after {first:.2} s to {last:.2} s", ends.count());
    assert!(first >= deadline - 0.2, "{what}: closed too early, after {first:.2} s");
    assert!(last <= deadline + LATE, "{what}: closed too late, after {last:.2} s");
}

/// A connection that does not start its handshake, or stops after the head of its first record.
async fn stall_in_handshake(broker: SocketAddr, number: u64) -> std::io::Result<(TcpStream, Instant)> {
    let mut socket = TcpStream::connect(broker).await?;
    let since = Instant::now();
    if number.is_multiple_of(2) {
        socket.write_all(&[0x16, 3, 1, 2, 0, 1]).await?;
    }
    Ok((socket, since))
}

async fn until_closed(mut socket: TcpStream, since: Instant) -> Duration {
    let mut heard = [0; 64];
    while let Ok(1..) = socket.read(&mut heard).await {}
    since.elapsed()
}

async fn until_hung_up(mut client: Client, since: Instant) -> Duration {
    while client.hear().await.is_ok() {}
    since.elapsed()
}

/// A subscriber with little room of its own.
async fn deaf(broker: SocketAddr, device: &Identity) -> Result<Client, Lost> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut client = Client::dial_over(socket.connect(broker).await?, device, Version::V311).await?;
    client
        .enter(&device.name, ConnectOptions { version: Version::V311, ..ConnectOptions::default() })
        .await?;
    client.subscribe("flood", QoS::AtMostOnce).await?;
    Ok(client)
}

/// How many sessions have messages that their clients do not take.
fn with_something_queued(fleet: &LargeFleet) -> u64 {
    let sessions = fleet.operate("sessions", &["--json"]).json();
    let sessions = sessions.as_array().expect("one array");
    sessions.iter().filter(|session| session["queued"].as_u64() > Some(0)).count() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_thousand_stalled_clients_are_not_noticed_and_are_closed_at_their_deadlines() {
    raise_descriptor_limit();
    let fleet = LargeFleet::new(PROGRAMS, LIMITS);
    let broker = fleet.address();
    let healthy = fleet.site.device(0);
    let mut service = fleet.connect(&fleet.site.service(0), ConnectOptions::default()).await.unwrap();
    service.subscribe("devices/+/telemetry/#", QoS::AtMostOnce).await.unwrap();
    let idle = health(&fleet, &healthy, &mut service).await;

    // Whoever has connected is healthy until it stops; so those come first that have the most to do before.
    let deaf_devices = fleet.site.devices(10_000..10_000 + DEAF);
    let deaf =
        concurrent::each(AT_ONCE, deaf_devices, |device| async move { deaf(broker, &device).await }).await;
    let deaf: Vec<Client> = deaf.into_iter().collect::<Result<_, _>>().expect("good clients are let in");
    let mut half_way = fleet.connect_all(&fleet.site.devices(1..1 + MANY), ConnectOptions::default()).await;
    let dialled = concurrent::each(AT_ONCE, fleet.site.devices(2_001..2_001 + MANY), |device| async move {
        Client::dial(broker, &device, Version::V5).await.map(|client| (client, Instant::now()))
    })
    .await;
    let mut closed_before_connect = JoinSet::new();
    let mut stalled_since = Instant::now();
    for dialled in dialled {
        let (client, since) = dialled.expect("the handshake succeeds");
        stalled_since = stalled_since.min(since);
        closed_before_connect.spawn(until_hung_up(client, since));
    }
    let mut flooding = fleet.connect(&fleet.site.service(1), ConnectOptions::default()).await.unwrap();
    let flood = flooding.writer().publish("flood", &[b'x'; 100 * 1024]);
    let deaf_since = Instant::now();
    while with_something_queued(&fleet) < DEAF {
        assert!(
            deaf_since.elapsed().as_secs_f64() < WRITE_TIMEOUT,
            "{} are full",
            with_something_queued(&fleet)
        );
        flooding.send(&flood.repeat(FLOOD)).await.unwrap();
        flooding.send(&PINGREQ).await.unwrap();
        assert!(matches!(flooding.answer().await, Ok(Packet::PingResp)));
    }
    let publish = half_way[0].writer().publish("half/a/message", &[b'x'; 100]);
    let mut closed_half_way = JoinSet::new();
    for mut client in half_way.drain(..) {
        client.send(&publish[..60]).await.unwrap();
        closed_half_way.spawn(until_hung_up(client, Instant::now()));
    }
    let mut closed_in_handshake = JoinSet::new();
    for stalled in
        concurrent::each(AT_ONCE, 0..MANY, |number| async move { stall_in_handshake(broker, number).await })
            .await
    {
        let (socket, since) = stalled.expect("the broker accepts connections");
        closed_in_handshake.spawn(until_closed(socket, since));
    }

    let ready = Instant::now();
    let among = health(&fleet, &healthy, &mut service).await;
    for (what, stalled) in [
        ("in the handshake", &mut closed_in_handshake),
        ("half way through a packet", &mut closed_half_way),
        ("before CONNECT", &mut closed_before_connect),
    ] {
        assert!(stalled.try_join_next().is_none(), "{what}: somebody was closed before the visits were over");
    }
    println!("all were stalled {:?} after the first", ready - stalled_since);
    is_as_good("connect", &idle.connect, &among.connect);
    is_as_good("round trip", &idle.round_trip, &among.round_trip);

    let in_time = Duration::from_secs_f64(WRITE_TIMEOUT + LATE);
    let ends = async |ends: JoinSet<Duration>| {
        let ends = timeout(in_time, ends.join_all()).await.expect("everybody is closed");
        Spread::from_iter(ends)
    };
    were_closed_at("in the handshake", HANDSHAKE_TIMEOUT, &ends(closed_in_handshake).await);
    were_closed_at("half way through a packet", PACKET_TIMEOUT, &ends(closed_half_way).await);
    were_closed_at("before CONNECT", CONNECT_TIMEOUT, &ends(closed_before_connect).await);
    // The two services stay. Who reads nothing cannot tell when it was closed; the broker's log can.
    fleet.settles_at(2);
    println!("reading nothing: {DEAF} closed after {:?} at the latest", deaf_since.elapsed());
    drop(deaf);
    health(&fleet, &healthy, &mut service).await;
    let (code, log) = fleet.stop();
    assert_eq!(code, 0);
    let log = log.since(Mark::START);
    let not_reading = |line: &&serde_json::Value| {
        let note = line["note"].as_str().unwrap_or_default();
        line["event"] == "session_closed" && note.contains("accepted nothing for 18 s")
    };
    assert_eq!(log.iter().filter(not_reading).count() as u64, DEAF);
}
