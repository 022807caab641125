//! No file descriptor is left for a responder: that is no good answer.

use std::time::{Duration, Instant};

use integration_tests::client::PATIENCE;
use integration_tests::descriptors::{leave_descriptors, restore_descriptors};
use integration_tests::mqtt::Version;
use integration_tests::ocsp_authority::Status;

use crate::conduct::Conduct;
use crate::place::Place;

#[test]
fn without_a_descriptor_for_the_responder_nobody_is_good_and_whoever_is_in_stays() {
    let place = Place::new("require");
    let [first, second] = ["dev-1", "dev-2"].map(|id| place.device(id, Conduct::Says(Status::Good)));
    let broker = place.start();
    let mut session = place.session(&broker, &first, "dev-1");
    // One for the connection of the client, and none to ask about it.
    leave_descriptors(broker.process_id(), 1);
    let since = Instant::now();
    let mut refused = 0;
    while since.elapsed() < Duration::from_secs(5) {
        let asked = place.responder.asked("dev-2");
        let met = place.met(&broker, &second, "dev-2", Version::V5);
        assert!(met != "in" || place.responder.asked("dev-2") > asked, "nobody was asked");
        refused += u32::from(met == "0x87 ocsp_unavailable");
        assert!(session.is_alive(), "its answer counts");
        std::thread::sleep(Duration::from_millis(250));
    }
    assert!(refused > 0, "there was no shortage");
    restore_descriptors(broker.process_id());
    let since = Instant::now();
    while place.met(&broker, &second, "dev-2", Version::V5) != "in" {
        assert!(since.elapsed() < PATIENCE, "it is still kept out");
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("let in {:?} after there were descriptors again", since.elapsed());
    place.responder.wait_for_question("dev-1");
    assert!(session.is_alive());
}
