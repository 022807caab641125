//! A thousand sessions that one list ends, while others publish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use integration_tests::peer::Peer;
use load::client::{Client, ConnectOptions, Lost};
use load::packet::{PINGREQ, Packet, QoS};
use load::site::Identity;
use load::spread::Spread;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::large_site::LargeSite;

const REVOKED: u64 = 1_000;

const PUBLISHING: u64 = 50;

/// How long each of those waits between two messages.
const PAUSE: Duration = Duration::from_millis(50);

/// How long they publish before the list is there, and after all have ended.
const WINDOW: Duration = Duration::from_secs(2);

/// What an operator is promised is a second. This is a test, on a machine with other things to do.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a device has published last.
const END: [u8; 8] = [0xFF; 8];

/// A device that publishes with QoS 1, one message after the other, until it is told to stop: how long each acknowledgement
/// took. Whoever is disturbed fails.
async fn publish(mut device: Client, number: u64, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut took = Vec::new();
    let message = |content: [u8; 8]| [number.to_be_bytes(), content].concat();
    while !stop.load(Ordering::Relaxed) {
        let since = Instant::now();
        let content = (took.len() as u64).to_be_bytes();
        device.publish("telemetry/a", &message(content)).await.expect("it stays, and may publish");
        took.push(since.elapsed());
        sleep(PAUSE).await;
    }
    device.publish("telemetry/a", &message(END)).await.expect("it stays, and may publish");
    device.leave().await.expect("it is still there");
    took
}

/// What the devices published, as a service hears it: how many messages of each, when all of them have ended.
async fn hear(mut service: Client) -> Vec<u64> {
    let mut heard = vec![0_u64; PUBLISHING as usize];
    let mut ended = 0;
    while ended < PUBLISHING {
        let packet = service.answer().await.expect("it stays, and hears");
        let Packet::Publish { id, duplicate: false, payload } = packet else { panic!("{packet:?}") };
        let acknowledgement = service.writer().acknowledge(id);
        service.send(&acknowledgement).await.expect("it stays");
        let (number, content) = payload.split_first_chunk().expect("the number of a device");
        if content == END {
            ended += 1;
            continue;
        }
        let of_this = &mut heard[u64::from_be_bytes(*number) as usize];
        assert_eq!(*content, of_this.to_be_bytes(), "nothing is lost, nothing comes twice or too early");
        *of_this += 1;
    }
    heard
}

/// When this client was cut off, and told why.
async fn cut_off(mut client: Client) -> Instant {
    let heard = client.hear().await;
    let at = Instant::now();
    assert!(matches!(heard, Ok(Packet::Disconnect(0x98))), "administrative action, not {heard:?}");
    assert!(client.hear().await.is_err(), "it is closed, too");
    at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_revoked_at_once_are_cut_off_and_nobody_elses_message_is_lost_or_late() {
    let Some(mosquitto) = Peer::mosquitto() else { return };
    let mut site = LargeSite::start(&mosquitto);
    let devices = site.site.devices(0..REVOKED + PUBLISHING);
    let (revoked, staying) = devices.split_at(REVOKED as usize);
    let mut service = site.connect(&site.site.service(0)).await;
    service.subscribe("telemetry/#", QoS::AtLeastOnce).await.expect("it may");
    let hearing = tokio::spawn(hear(service));
    let stop = Arc::new(AtomicBool::new(false));
    let mut publishing = JoinSet::new();
    let victims = site.connect_all(revoked).await;
    for (number, device) in (0..).zip(site.connect_all(staying).await) {
        publishing.spawn(publish(device, number, Arc::clone(&stop)));
    }
    sleep(WINDOW).await;

    let lists =
        site.site.stage(0, &revoked.iter().collect::<Vec<&Identity>>()).expect("a list can be written");
    let mut ends = JoinSet::new();
    for mut victim in victims {
        victim.send(&PINGREQ).await.expect("it lives");
        assert_eq!(victim.answer().await.expect("it lives"), Packet::PingResp);
        ends.spawn(cut_off(victim));
    }
    let since = Instant::now();
    lists.publish().expect("a list can take the place of another");
    let ends = timeout(DEADLINE, ends.join_all()).await.expect("all of them are cut off");
    let ends: Spread = ends.into_iter().map(|end| end.saturating_duration_since(since)).collect();
    println!("{REVOKED} revoked at once, closed after {ends} (median / p99 / last)");
    assert_eq!(ends.count() as u64, REVOKED);

    sleep(WINDOW).await;
    stop.store(true, Ordering::Relaxed);
    let acknowledged = publishing.join_all().await;
    let sent: u64 = acknowledged.iter().map(|took| took.len() as u64).sum();
    let took: Spread = acknowledged.into_iter().flatten().collect();
    println!("meanwhile {sent} messages of {PUBLISHING} others, acknowledged after {took}");
    assert!(took.max() < DEADLINE, "nobody waits for the others' ends: {took}");
    let heard = timeout(DEADLINE, hearing).await.expect("all is heard").expect("nothing is lost");
    assert_eq!(heard.iter().sum::<u64>(), sent);

    for victim in revoked.iter().step_by(100) {
        let address = site.mosquitto.address();
        let again = Client::connect(address, victim, ConnectOptions::default()).await.map(drop);
        assert!(matches!(again, Err(Lost::Refused(0x87))), "{again:?}");
    }
    assert!(site.mosquitto.is_running());
    assert!(site.mosquitto.end().success());
}
