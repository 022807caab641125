//! Thousands of sessions with nothing to say: they cost no more after a while than at first, and whoever is revoked among
//! them is gone at once, alone.
//!
//! `COUNTERSIGN_IDLE_SESSIONS` and `COUNTERSIGN_IDLE_SECONDS` make them more, and the test longer.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use integration_tests::large_fleet::{AT_ONCE, LargeFleet};
use integration_tests::program::Programs;
use load::client::{Client, ConnectOptions};
use load::concurrent;
use load::packet::{PINGREQ, Packet, Version};
use load::site::Identity;
use load::spread::Spread;
use load::usage::raise_descriptor_limit;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

const SESSIONS: u64 = 2_000;

const SECONDS: u64 = 60;

/// How often each of them says that it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(15);

const WISH: ConnectOptions = ConnectOptions { version: Version::V5, keep_alive: 20, session_expiry: 0 };

/// What the allocator may add while nothing happens but pings, bytes: less than one and a half for each session in CI.
const SLACK: u64 = 2 * 1024 * 1024;

/// What an operator is promised is a second. This is a test, on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

/// Pings for all of them.
async fn all_are_alive(clients: Vec<Client>) -> Vec<Client> {
    concurrent::each(AT_ONCE, clients, |mut client| async move {
        client.send(&PINGREQ).await.expect("the session lives");
        let heard = client.answer().await;
        assert!(matches!(heard, Ok(Packet::PingResp)), "{heard:?}");
        client
    })
    .await
}

/// When this client was cut off, measured from `since`, and told why.
async fn cut_off(mut client: Client, since: Instant) -> Duration {
    let heard = client.answer().await;
    let took = since.elapsed();
    assert!(matches!(heard, Ok(Packet::Disconnect(0x98))), "{heard:?}");
    let heard = client.answer().await;
    assert!(heard.is_err(), "it is closed, too: {heard:?}");
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_sessions_take_no_more_memory_over_time_and_only_revoked_ones_are_closed() {
    let descriptors = raise_descriptor_limit();
    let sessions = number_from("COUNTERSIGN_IDLE_SESSIONS", SESSIONS);
    let hold = Duration::from_secs(number_from("COUNTERSIGN_IDLE_SECONDS", SECONDS));
    assert!(sessions > 101 && sessions + 100 < descriptors, "{descriptors} files may be open");
    let fleet = LargeFleet::new(PROGRAMS, "max-connections = 50000\nmax-sessions = 50000");
    let devices = fleet.site.devices(0..sessions);
    let since = Instant::now();
    let mut clients = fleet.connect_all(&devices, WISH).await;
    println!("{sessions} sessions after {:?}", since.elapsed());

    // What the handshakes took is given back first.
    clients = all_are_alive(clients).await;
    sleep(Duration::from_secs(3)).await;
    let process = fleet.process();
    let descriptors = process.descriptors().expect("the broker lives");
    let (resident, cpu) = (process.resident().unwrap(), process.cpu_time().unwrap());
    let since = Instant::now();
    while since.elapsed() < hold {
        sleep(PING_INTERVAL.min(hold.saturating_sub(since.elapsed()))).await;
        clients = all_are_alive(clients).await;
    }
    let grown = process.resident().unwrap().saturating_sub(resident);
    println!(
        "held for {:?}: {grown} bytes more than {resident} are resident; {:?} of CPU time",
        since.elapsed(),
        process.cpu_time().unwrap() - cpu
    );
    assert!(grown <= SLACK, "{grown} bytes more than {resident}");
    assert_eq!(process.descriptors().unwrap(), descriptors);
    assert_eq!(fleet.count("sessions"), sessions);

    let mut revoked = 0;
    for victims in [1, 100, usize::try_from(sessions).unwrap() - 101] {
        revoked += victims;
        let listed: Vec<&Identity> = devices[..revoked].iter().collect();
        fleet.site.revoke(&listed).expect("the list can be written");
        let since = Instant::now();
        let mut ends = JoinSet::new();
        for client in clients.drain(..victims) {
            ends.spawn(cut_off(client, since));
        }
        let ends = timeout(PATIENCE, ends.join_all()).await.expect("the revoked are cut off");
        let took: Spread = ends.into_iter().collect();
        println!("{victims} of {sessions} revoked, closed after {took} (median / p99 / last)");
        clients = all_are_alive(clients).await;
        let left = sessions - u64::try_from(revoked).unwrap();
        fleet.settles_at(left);
        assert_eq!(fleet.count("sessions_cut"), u64::try_from(revoked).unwrap());
    }
    assert!(clients.is_empty());
}
