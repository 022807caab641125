//! A machine that has run out of something, or wants the broker gone: whoever is served stays served, and nothing is lost
//! without a word.

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use integration_tests::broker::{Log, Mark};
use integration_tests::descriptors::{limit_descriptors, restore_descriptors};
use integration_tests::large_fleet::LargeFleet;
use integration_tests::program::Programs;
use load::client::{Client, ConnectOptions, Lost};
use load::packet::{PINGREQ, Packet, QoS, Version};
use load::site::{Flaw, Identity};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn is_alive(client: &mut Client) -> bool {
    client.send(&PINGREQ).await.is_ok() && matches!(client.answer().await, Ok(Packet::PingResp))
}

async fn all_are_alive(clients: &mut [Client]) -> bool {
    for client in clients {
        if !is_alive(client).await {
            return false;
        }
    }
    true
}

#[track_caller]
fn is_cut_off(heard: Result<Packet, Lost>) {
    assert!(matches!(heard, Ok(Packet::Disconnect(0x98))), "{heard:?}");
}

fn lines_with(log: &[serde_json::Value], words: &str) -> usize {
    log.iter().filter(|line| line["message"].as_str().is_some_and(|message| message.contains(words))).count()
}

// ---- file descriptors ----------------------------------------------------------------------------------------------

/// The same command under a limit of open files that it cannot raise.
fn with_descriptors(limit: usize) -> impl FnOnce(Command) -> Command {
    move |command| {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"]);
        limited.arg(command.get_program()).args(command.get_args()).env_remove("RUST_LOG");
        limited
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_do_not_take_the_descriptors_that_revoking_needs() {
    let fleet = LargeFleet::started_by(PROGRAMS, "", with_descriptors(200), Stdio::piped());
    let warning = fleet.broker.log().complaint(Mark::START, "fewer file descriptors");
    let granted = warning["granted"].as_u64().expect("a number");
    assert!((1..200).contains(&granted), "{warning}");

    let devices = fleet.site.devices(0..granted);
    let mut clients = fleet.connect_all(&devices, ConnectOptions::default()).await;
    for _ in 0..100 {
        let refused = fleet.connect(&fleet.site.device(1_000), ConnectOptions::default()).await;
        assert!(refused.is_err(), "there is no room");
    }
    assert_eq!(fleet.count("connections_limited"), 100);
    assert!(all_are_alive(&mut clients).await);
    fleet.site.revoke(&[&devices[7]]).unwrap();
    is_cut_off(clients.remove(7).answer().await);
    assert!(all_are_alive(&mut clients).await);
    fleet.settles_at(granted - 1);
    let late = fleet.connect(&fleet.site.device(1_000), ConnectOptions::default()).await;
    assert!(late.is_ok(), "there is room again: {:?}", late.err());
    assert_eq!(lines_with(&fleet.broker.log().since(Mark::START), "cannot be accepted"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_descriptors_run_out_who_is_served_stays_served_and_what_waits_is_done_afterwards() {
    const HELD: Duration = Duration::from_secs(4);
    let fleet = LargeFleet::new(PROGRAMS, "");
    let process = fleet.process();
    let devices = fleet.site.devices(0..20);
    let mut clients = fleet.connect_all(&devices, ConnectOptions::default()).await;
    let mark = fleet.broker.log().mark();
    limit_descriptors(fleet.broker.process_id(), 1);

    let mut waiting = Vec::new();
    for _ in 0..50 {
        waiting.push(TcpStream::connect(fleet.address()).await.expect("the system accepts it"));
    }
    fleet.site.revoke(&[&devices[0]]).unwrap();
    let (cpu, since) = (process.cpu_time().unwrap(), Instant::now());
    while since.elapsed() < HELD {
        assert!(all_are_alive(&mut clients).await);
        sleep(Duration::from_millis(200)).await;
    }
    let cpu = process.cpu_time().unwrap() - cpu;
    let log = fleet.broker.log().since(mark);
    println!("{cpu:?} of CPU time in {:?}, {} lines", since.elapsed(), log.len());
    assert!(cpu < HELD / 2, "the broker is busy with nothing: {cpu:?}");
    assert!((1..=2).contains(&lines_with(&log, "connections cannot be accepted")), "{log:#?}");
    // The site has written two lists, one after the other, and both are tried again twice a second.
    assert!((2..=3).contains(&lines_with(&log, "revocation list refused")), "{log:#?}");

    restore_descriptors(fleet.broker.process_id());
    let since = Instant::now();
    is_cut_off(clients.remove(0).answer().await);
    println!("cut off {:?} after there were descriptors again", since.elapsed());
    fleet.broker.log().line(mark, |line| line["message"] == "connections are accepted again");
    let late = fleet.connect(&fleet.site.device(100), ConnectOptions::default()).await;
    clients.push(late.expect("there is room again"));
    assert!(all_are_alive(&mut clients).await);
    assert_eq!(fleet.count("sessions"), 20);
}

// ---- the log -------------------------------------------------------------------------------------------------------

/// What makes a broker write many lines: good clients, bad ones, and messages that are refused.
async fn eventful(fleet: &LargeFleet) {
    let stranger = fleet.site.flawed(900, Flaw::UnknownCa);
    for number in 0..20 {
        let mut client =
            fleet.connect(&fleet.site.device(number), ConnectOptions::default()).await.expect("let in");
        client.subscribe("devices/+/telemetry/#", QoS::AtLeastOnce).await.expect("granted");
        client.publish("devices/nobody/commands/now", b"hello").await.expect("acknowledged");
        assert!(fleet.connect(&stranger, ConnectOptions::default()).await.is_err());
        client.leave().await.expect("it is served");
    }
}

#[track_caller]
fn stops_well(fleet: LargeFleet) {
    fleet.broker.terminate();
    let LargeFleet { broker, .. } = fleet;
    assert_eq!(broker.wait(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_log_costs_its_lines_and_nothing_else() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let fleet = LargeFleet::started_by(PROGRAMS, "", |command| command, Stdio::from(full));
    eventful(&fleet).await;
    assert!(fleet.count("log_lines_lost") > 40);
    assert_eq!(fleet.count("connects"), 20);
    stops_well(fleet);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_takes_any_more_costs_its_lines_and_nothing_else() {
    let (reader, writer) = std::io::pipe().unwrap();
    let fleet = LargeFleet::started_by(PROGRAMS, "", |command| command, Stdio::from(writer));
    drop(reader);
    eventful(&fleet).await;
    assert!(fleet.count("log_lines_lost") > 40);
    assert_eq!(fleet.count("connects"), 20);
    stops_well(fleet);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_reader_stands_still_holds_up_nobody_and_is_complete_in_the_end() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let fleet = LargeFleet::started_by(PROGRAMS, "", |command| command, Stdio::from(writer));
    // A pipe holds 64 KiB, and a round of these is more than 20.
    for _ in 0..6 {
        eventful(&fleet).await;
    }
    assert_eq!((fleet.count("connects"), fleet.count("log_lines_lost")), (120, 0));
    let mut first = [0; 64 * 1024];
    reader.read_exact(&mut first).expect("the pipe is full");
    let log = Log::collect(std::io::Cursor::new(first).chain(reader));
    log.line(Mark::START, |line| line["event"] == "session_closed");
    fleet.settles_at(0);
    stops_well(fleet);
    log.line(Mark::START, |line| line["message"] == "stopped");
    let closed = log.since(Mark::START).iter().filter(|line| line["event"] == "session_closed").count();
    assert_eq!(closed, 120);
}

// ---- the end -------------------------------------------------------------------------------------------------------

/// Messages on their way without an acknowledgement, as many as the broker grants.
const WINDOW: u32 = 64;

/// What became of a client when the broker stopped: what it knows to be accepted or has received, and the last word.
struct Ended {
    messages: HashSet<(u8, u32)>,
    told: Option<u8>,
}

/// Publishes as fast as it may until the broker stops.
async fn publish_until_the_end(mut client: Client, publisher: u8) -> Ended {
    let writer = client.writer();
    let topic = format!("load/{publisher}");
    let mut ended = Ended { messages: HashSet::new(), told: None };
    // Ids are used again long after their acknowledgement.
    let mut sent_as = vec![0; 60_001];
    let (mut sent, mut open) = (0_u32, 0);
    loop {
        let mut batch = BytesMut::new();
        while open < WINDOW {
            let id = u16::try_from(sent % 60_000).expect("below 65,536") + 1;
            let payload = [&[publisher][..], &sent.to_be_bytes()].concat();
            batch.extend_from_slice(&writer.publish_acknowledged(id, &topic, &payload));
            sent_as[usize::from(id)] = sent;
            (sent, open) = (sent + 1, open + 1);
        }
        // If it is gone, that is heard below.
        let _ = client.send(&batch).await;
        let Ok(first) = client.answer().await else { return ended };
        let mut heard = Some(first);
        while let Some(packet) = heard {
            match packet {
                Packet::PubAck(id, 0 | 0x10) => {
                    ended.messages.insert((publisher, sent_as[usize::from(id)]));
                    open -= 1;
                }
                Packet::Disconnect(code) => ended.told = Some(code),
                other => panic!("{other:?}"),
            }
            heard = client.heard();
        }
    }
}

/// Receives until the broker stops.
async fn receive_until_the_end(mut client: Client) -> Ended {
    let writer = client.writer();
    let mut ended = Ended { messages: HashSet::new(), told: None };
    loop {
        let Ok(packet) = client.answer().await else { return ended };
        match packet {
            Packet::Publish { id, payload, .. } => {
                let number = u32::from_be_bytes(payload[1..].try_into().expect("five bytes"));
                ended.messages.insert((payload[0], number));
                // If it is gone, that is heard above.
                let _ = client.send(&writer.acknowledge(id)).await;
            }
            Packet::Disconnect(code) => ended.told = Some(code),
            other => panic!("{other:?}"),
        }
    }
}

/// Numbers in the log about one identity.
fn logged(log: &Log, identity: &Identity, number: &str) -> u64 {
    let of_identity = log.since(Mark::START).into_iter().filter(|line| line["identity"] == *identity.name);
    of_identity.filter_map(|line| line[number].as_u64()).next_back().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_stopped_in_full_load_delivers_what_it_has_accepted_or_counts_it() {
    const PUBLISHERS: u8 = 20;
    const IDLE: u64 = 200;
    let fleet = LargeFleet::new(PROGRAMS, "max-queued-messages = 100000\nmax-queued-bytes = 50000000");
    let idle = fleet.connect_all(&fleet.site.devices(1_000..1_000 + IDLE), ConnectOptions::default()).await;
    let (fast, slow, away) = (fleet.site.device(1), fleet.site.device(2), fleet.site.device(3));
    let mut receiving = fleet.connect(&fast, ConnectOptions::default()).await.unwrap();
    receiving.subscribe("load/#", QoS::AtLeastOnce).await.unwrap();
    // Never acknowledges, so that it never gets more than a window.
    let mut holding = fleet.connect(&slow, ConnectOptions::default()).await.unwrap();
    holding.subscribe("load/0", QoS::AtLeastOnce).await.unwrap();
    let lasting = ConnectOptions { session_expiry: 3600, ..ConnectOptions::default() };
    let mut leaving = fleet.connect(&away, lasting).await.unwrap();
    leaving.subscribe("load/1", QoS::AtLeastOnce).await.unwrap();
    leaving.leave().await.unwrap();
    let old = ConnectOptions { version: Version::V311, ..ConnectOptions::default() };
    let mut of_3_1_1 = fleet.connect(&fleet.site.device(4), old).await.unwrap();

    let receiver = tokio::spawn(receive_until_the_end(receiving));
    let mut publishing = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let client = fleet
            .connect(&fleet.site.device(100 + u64::from(publisher)), ConnectOptions::default())
            .await
            .unwrap();
        publishing.spawn(publish_until_the_end(client, publisher));
    }
    sleep(Duration::from_secs(2)).await;
    let since = Instant::now();
    let (code, log) = tokio::task::spawn_blocking(move || fleet.stop()).await.unwrap();
    println!("stopped after {:?}", since.elapsed());
    assert_eq!(code, 0);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());

    let published = timeout(PATIENCE, publishing.join_all()).await.expect("publishers are told");
    let received = timeout(PATIENCE, receiver).await.expect("receivers are told").unwrap();
    for told in published.iter().map(|ended| ended.told).chain([received.told]) {
        assert_eq!(told, Some(0x8B), "everybody is told");
    }
    for mut client in idle {
        assert!(matches!(client.answer().await, Ok(Packet::Disconnect(0x8B))), "the idle are told, too");
    }
    assert!(of_3_1_1.answer().await.is_err(), "and 3.1.1 has no word for it");

    let accepted: HashSet<_> = published.into_iter().flat_map(|ended| ended.messages).collect();
    let missing = accepted.difference(&received.messages).count() as u64;
    let counted = ["waiting", "unacknowledged", "dropped"].map(|number| logged(&log, &fast, number));
    println!(
        "{} accepted, {} received, {missing} missing, counted {counted:?}",
        accepted.len(),
        received.messages.len()
    );
    assert!(accepted.len() > 1_000, "there was no load");
    assert!(missing <= counted.iter().sum(), "{missing} are missing, and {counted:?} were counted");
    assert!(missing >= counted[0] + counted[2], "{missing} are missing, and {counted:?} were counted");

    let to = |topic: u8| accepted.iter().filter(|(publisher, _)| *publisher == topic).count() as u64;
    let total = |identity| {
        ["waiting", "unacknowledged", "dropped"]
            .iter()
            .map(|number| logged(&log, identity, number))
            .sum::<u64>()
    };
    assert!(total(&slow) >= to(0), "{} of {}", total(&slow), to(0));
    assert!(total(&away) >= to(1), "{} of {}", total(&away), to(1));
}
