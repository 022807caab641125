//! The engine when its router dies.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::bus::BusFilter;

/// As often as it likes.
const FOR_EVER: usize = usize::MAX;

/// Bytes that may be on their way.
const PLENTY: usize = 16 * 1024 * 1024;

/// How long anything may take on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

fn message(topic: &str, number: u64) -> Message {
    Message::specimen(topic, number.to_string())
}

/// The next message as a session would get it, whatever becomes of the router.
async fn next(link: &mut RouterLink) -> (u64, String) {
    loop {
        match timeout(TEST_TIMEOUT, link.receive()).await.expect("something arrives") {
            Ok(RouterDelivery { message: Some(message), lost: 0, .. }) => {
                let number = std::str::from_utf8(&message.payload).unwrap().parse().unwrap();
                return (number, message.topic.to_string());
            }
            Ok(other) => panic!("{other:?}"),
            Err(EngineError::Lost) => link.resume().await.unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

async fn link(engine: &Engine, filters: &[&str]) -> RouterLink {
    let mut link = engine.router_link().await.unwrap();
    for filter in filters {
        link.subscribe(&BusFilter::of(filter)).await.unwrap();
    }
    link
}

async fn rebuilt(engine: &Engine, times: u64) {
    let waited = async {
        while engine.rebuilds() < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TEST_TIMEOUT, waited).await.expect("there is a new router");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routers_die_and_every_message_arrives_once_and_in_order() {
    const MESSAGES: u64 = 20_000;
    const READERS: u64 = 12;
    let engine = Engine::start_for(100, PLENTY, FOR_EVER).unwrap();
    let mut readers = Vec::new();
    for number in 0..READERS {
        // Some read everything, some a device's commands, some both.
        let own = format!("devices/{number}/commands/#");
        let filters: &[&str] = match number % 3 {
            0 => &["#"],
            1 => &[&own],
            _ => &["devices/+/telemetry/#", &own],
        };
        let mut link = link(&engine, filters).await;
        readers.push(tokio::spawn(async move {
            let mut last: std::collections::HashMap<String, u64> = std::collections::HashMap::new();
            let (mut heard, end) = (0, MESSAGES - 1);
            loop {
                let (number, topic) = next(&mut link).await;
                let before = last.insert(topic.clone(), number);
                assert!(before.is_none_or(|before| before < number), "{topic}: {number} after {before:?}");
                heard += 1;
                // The last one is for everybody.
                if number == end {
                    return (link, heard);
                }
            }
        }));
    }
    let publisher = engine.clone();
    let publishing = tokio::spawn(async move {
        for number in 0..MESSAGES - 1 {
            let device = number % READERS;
            let channel = if number % 2 == 0 { "telemetry" } else { "commands" };
            publisher.publish(message(&format!("devices/{device}/{channel}/a"), number)).await.unwrap();
        }
    });
    for kill in 1..=8 {
        tokio::time::sleep(Duration::from_millis(15)).await;
        engine.kill_router();
        rebuilt(&engine, kill).await;
    }
    publishing.await.unwrap();
    // What ends it reaches each through a filter of its own, after everything else.
    for device in 0..READERS {
        engine.publish(message(&format!("devices/{device}/commands/a"), MESSAGES - 1)).await.unwrap();
    }
    for (number, reader) in (0..READERS).zip(readers) {
        let (_, heard) = reader.await.unwrap();
        let own = (0..MESSAGES - 1).filter(|n| n % 2 == 1 && n % READERS == number).count();
        let telemetry = usize::try_from(MESSAGES / 2).unwrap();
        match number % 3 {
            // The first to end ends it.
            0 => assert_eq!(heard, usize::try_from(MESSAGES).unwrap(), "{number}"),
            1 => assert_eq!(heard, own + 1, "{number}"),
            // Two filters are two flows; the end may overtake the last of the telemetry.
            _ => assert!(heard > own && heard <= own + telemetry + 1, "{number}: {heard}"),
        }
    }
    assert_eq!(engine.rebuilds(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_link_without_a_first_message_is_served_again() {
    let engine = Engine::start_for(100, PLENTY, FOR_EVER).unwrap();
    let mut idle = link(&engine, &["devices/dev-1/commands/#"]).await;
    engine.kill_router();
    let resuming = tokio::spawn(async move {
        let heard = next(&mut idle).await;
        (idle, heard)
    });
    rebuilt(&engine, 1).await;
    engine.publish(message("devices/dev-1/commands/a", 7)).await.unwrap();
    assert_eq!(resuming.await.unwrap().1.0, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_made_while_there_is_no_router_is_made_with_the_next() {
    let engine = Engine::start_for(100, PLENTY, FOR_EVER).unwrap();
    for round in 1..=20 {
        let mut link = link(&engine, &["a/b/c"]).await;
        engine.kill_router();
        link.subscribe(&BusFilter::of("d/e/f")).await.unwrap();
        let mut other = self::link(&engine, &["d/e/f"]).await;
        engine.publish(message("d/e/f", round)).await.unwrap();
        assert_eq!(next(&mut link).await.0, round);
        assert_eq!(next(&mut other).await.0, round);
        rebuilt(&engine, round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_whose_routers_die_again_and_again_is_given_up() {
    let engine = Engine::start(100, PLENTY).unwrap();
    let mut link = link(&engine, &["#"]).await;
    for kill in 1..=MAX_REBUILDS {
        engine.kill_router();
        rebuilt(&engine, u64::try_from(kill).unwrap()).await;
        assert!(engine.is_alive());
    }
    engine.kill_router();
    let given_up = async {
        while engine.is_alive() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TEST_TIMEOUT, given_up).await.unwrap();
    let lost = timeout(TEST_TIMEOUT, link.receive()).await.unwrap();
    assert!(matches!(lost, Err(EngineError::Lost)));
    assert!(matches!(link.resume().await, Err(EngineError::Stopped)));
    assert!(matches!(engine.router_link().await, Err(EngineError::Stopped)));
}

/// Threads and open files of this process.
fn usage() -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    (count("task"), count("fd"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_routers_and_dropped_links_leave_no_threads_or_memory() {
    let engine = Engine::start_for(100, PLENTY, FOR_EVER).unwrap();
    let mut kept = link(&engine, &["#"]).await;
    let cycle = async |number: u64, kept: &mut RouterLink| {
        // As many links as there may be, over and over: one that is not given back is missed soon.
        let mut links = Vec::new();
        for device in 0..99 {
            links.push(link(&engine, &[&format!("devices/{device}/commands/#")]).await);
        }
        engine.publish(message("devices/5/commands/a", number)).await.unwrap();
        assert_eq!(next(&mut links[5]).await.0, number);
        assert_eq!(next(kept).await.0, number);
    };
    cycle(0, &mut kept).await;
    let before = usage();
    for number in 1..=60 {
        cycle(number, &mut kept).await;
    }
    assert_eq!(usage(), before);

    for number in 61..=90 {
        engine.kill_router();
        cycle(number, &mut kept).await;
    }
    assert_eq!(engine.rebuilds(), 30);
    // The threads of a router end a moment after it; but for the one that has asked it for a link in its last moment.
    let settled = async {
        while usage().0 > before.0 + 30 || usage().1 != before.1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(TEST_TIMEOUT, settled).await.is_ok(), "{before:?} became {:?}", usage());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_published_after_suback_arrives() {
    const SESSIONS: u64 = 6;
    const ROUNDS: u64 = 400;
    let engine = Engine::start(100, PLENTY).unwrap();
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let engine = engine.clone();
        sessions.push(tokio::spawn(async move {
            let (topic, mut link) = (format!("a/{number}/b"), link(&engine, &[]).await);
            for round in 0..ROUNDS {
                link.subscribe(&BusFilter::of(&topic)).await.unwrap();
                engine.publish(message(&topic, round)).await.unwrap();
                assert_eq!(next(&mut link).await, (round, topic.clone()));
                link.unsubscribe(vec![BusFilter::of(&topic)]);
            }
        }));
    }
    for session in sessions {
        session.await.unwrap();
    }
    assert_eq!(engine.rebuilds(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_may_be_dropped_right_after_it_has_woken_the_router() {
    const SESSIONS: u64 = 8;
    const ROUNDS: u64 = 150;
    let engine = Engine::start(100, PLENTY).unwrap();
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let engine = engine.clone();
        sessions.push(tokio::spawn(async move {
            let (topic, other) = (format!("a/{number}/b"), BusFilter::of("c/d/e"));
            for _ in 0..ROUNDS {
                let mut link = link(&engine, &[&topic]).await;
                // More than the router hands over at once: it pauses the link, which wakes it after some of them.
                for sent in 0..300 {
                    engine.publish(message(&topic, sent)).await.unwrap();
                }
                next(&mut link).await;
                loop {
                    link.unsubscribe(vec![other]);
                    match link.ready() {
                        Some(received) => assert!(received.is_ok(), "{received:?}"),
                        None => break,
                    }
                }
            }
        }));
    }
    for session in sessions {
        session.await.unwrap();
    }
    assert_eq!(engine.rebuilds(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_audience_hears_everything_or_knows_what_it_has_lost() {
    const LINKS: usize = 3_000;
    const MESSAGES: u64 = 600;
    let engine = Engine::start(LINKS, PLENTY).unwrap();
    let mut audience = Vec::new();
    for _ in 0..LINKS {
        audience.push(link(&engine, &["fleet/all/config/#"]).await);
    }
    let listen = async |mut link: RouterLink| {
        let (mut heard, mut lost) = (0, 0);
        loop {
            let received = timeout(TEST_TIMEOUT, link.receive()).await.expect("something arrives").unwrap();
            lost += received.lost;
            if let Some(message) = received.message {
                heard += 1;
                if message.payload.ends_with(b"the last") {
                    return (heard, lost);
                }
            }
        }
    };
    let listening: Vec<_> = audience.into_iter().map(|link| tokio::spawn(listen(link))).collect();
    for number in 1..=MESSAGES {
        let mut payload = vec![b'x'; 1_000];
        if number == MESSAGES {
            payload.extend(b"the last");
        }
        let long = Message { payload: payload.into(), ..message("fleet/all/config/a", 0) };
        engine.publish(long).await.unwrap();
    }
    let mut whole = 0;
    for listener in listening {
        let (heard, lost) = listener.await.unwrap();
        assert!(heard == MESSAGES || lost > 0, "{heard} of {MESSAGES}, and nothing is known of the others");
        whole += usize::from(heard == MESSAGES);
    }
    println!("{whole} of {LINKS} heard everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_one_link_does_not_leave_another_waiting() {
    const LINKS: usize = 1_500;
    const ROUNDS: usize = 600;
    let engine = Engine::start(LINKS, PLENTY).unwrap();
    let mut links = VecDeque::new();
    for _ in 0..LINKS {
        links.push_back(link(&engine, &["fleet/all/config/#"]).await);
    }
    for round in 0..ROUNDS {
        let number = u64::try_from(round).unwrap();
        engine.publish(message("fleet/all/config/a", number)).await.unwrap();
        // While the router serves the others, one that waits for its turn goes.
        thread::sleep(Duration::from_micros(50 * (number % 20)));
        drop(links.remove(600 + round * 7 % 800));
        for link in &mut links {
            let received = timeout(TEST_TIMEOUT, link.receive()).await;
            let received = received.expect("the router is awake").unwrap();
            assert!(received.message.is_some() && received.lost == 0, "{received:?}");
        }
        links.push_back(link(&engine, &["fleet/all/config/#"]).await);
    }
}
