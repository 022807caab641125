//! A password that is looked at keeps all of mosquitto waiting: after a wrong one none for a while, and never too many.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard};
use integration_tests::mqtt::Kind;

use super::{PASSWORD, shows, site};
use crate::site::is_done;

/// How many passwords may be looked at in a second.
const A_SECOND: usize = 5;

#[test]
fn after_a_wrong_password_the_right_one_waits_and_costs_nothing() {
    let Some(site) = site(PASSWORD) else { return };
    for (count, wait) in [(1, 1100), (2, 2100), (3, 0)] {
        site.turns_away(&site.device, &shows("dev-1", "wrong"));
        assert_eq!(site.passwords_looked_at(), count);
        thread::sleep(Duration::from_millis(wait));
    }
    // For four seconds.
    site.turns_away(&site.device, &shows("dev-1", "sesame"));
    site.wait_for("the next one is looked at in", 1);
    assert_eq!(site.passwords_looked_at(), 3);
    thread::sleep(Duration::from_secs(4));
    site.comes(&site.device, &shows("dev-1", "sesame")).disconnect();
    site.comes(&site.device, &shows("dev-1", "sesame")).disconnect();
    assert_eq!(site.passwords_looked_at(), 5, "a right one is no attempt");
}

#[test]
fn wrong_passwords_by_the_hundred_do_not_stop_a_publisher() {
    let Some(mut site) = site(PASSWORD) else { return };
    let names: Vec<_> = (0..200).map(|number| format!("crowd-{number}")).collect();
    let crowd = site.fleet.devices(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let passwords = fs::read_to_string(site.fleet.file("passwords")).expect("a password file");
    let hash = passwords.lines().next().and_then(|line| line.split_once(':')).expect("a line").1.to_owned();
    let lines: String = names.iter().map(|name| format!("device-ca/{name}:{hash}\n")).collect();
    site.fleet.replace("passwords", (passwords + &lines).as_bytes());
    site.wait_for("second factors are verified by other files", 1);
    let mut publisher = site.comes(&site.device, &shows("dev-1", "sesame"));
    thread::sleep(Duration::from_secs(1));

    let is_over = AtomicBool::new(false);
    let since = Instant::now();
    let (refused, told_to_wait, published) = thread::scope(|scope| {
        let come: Vec<_> = (0..4)
            .map(|part| {
                let (site, crowd, names) = (&site, &crowd, &names);
                scope.spawn(move || {
                    let (mut refused, mut told_to_wait) = (0, 0);
                    for (device, name) in crowd.iter().zip(names).skip(part).step_by(4) {
                        let connect = shows(name, "wrong");
                        match Client::attempt(site.mosquitto.address(), &site.tls(device), &connect).1 {
                            Heard::Packet(packet) if packet.is(Kind::ConnAck) => {
                                assert_eq!(packet.reason_code(), 0x87, "{name}");
                                refused += 1;
                            }
                            Heard::Closed => told_to_wait += 1,
                            other => panic!("{name}: {other:?}"),
                        }
                    }
                    (refused, told_to_wait)
                })
            })
            .collect();
        let (publisher, is_over) = (&mut publisher, &is_over);
        let publishing = scope.spawn(move || {
            let mut published = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert!(is_done(publisher.publish("devices/dev-1/a", "1")));
                published += 1;
            }
            published
        });
        let come = come.into_iter().map(|come| come.join().expect("it comes"));
        let (refused, told) = come.fold((0, 0), |sum, found| (sum.0 + found.0, sum.1 + found.1));
        is_over.store(true, Ordering::Relaxed);
        (refused, told, publishing.join().expect("it publishes"))
    });
    let looked_at = site.passwords_looked_at() - 1;
    let most = A_SECOND * (2 + usize::try_from(since.elapsed().as_secs()).expect("a short time"));
    println!("{looked_at} of 200 looked at in {:?}, {published} messages meanwhile", since.elapsed());
    assert_eq!((refused, told_to_wait), (looked_at, 200 - looked_at));
    assert!(looked_at >= 1 && looked_at <= most, "{looked_at} in {:?}", since.elapsed());
    assert!(told_to_wait > 0 && published > 0, "{told_to_wait} {published}");
    assert_eq!(site.log().matches("clients are told to come again").count(), 1, "told once");
    assert!(site.mosquitto.is_running());

    // Who was told to come again has not been wrong, and need not wait.
    let was_looked_at = |name: &str| site.log().contains(&format!("a password of device-ca/{name} "));
    let number = names.iter().rposition(|name| !was_looked_at(name)).expect("some were told to come again");
    site.comes(&crowd[number], &shows(&names[number], "sesame")).disconnect();
}
