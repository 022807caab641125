//! What MQTT promises a client, seen by clients of Eclipse Paho: the same scenarios against Countersign and against
//! mosquitto. Countersign must do what the specification says; so must mosquitto, but for what [`differences`] lists.
//!
//! The scenarios are the Python files in `tests/conformance`, one test for each, and, where a library hides what
//! happens, the byte by byte [`exchanges`].

#![forbid(unsafe_code)]

#[path = "conformance/both_brokers.rs"]
mod both_brokers;
#[path = "conformance/differences.rs"]
mod differences;
#[path = "conformance/exchanges.rs"]
mod exchanges;
#[path = "conformance/observation.rs"]
mod observation;
#[path = "conformance/stage.rs"]
mod stage;

use both_brokers::BothBrokers;

/// One test for each file of scenarios.
macro_rules! scenarios {
    ($($(#[$attribute:meta])* $test:ident: $file:literal,)*) => {
        $($(#[$attribute])* #[test] fn $test() {
            if let Some(brokers) = BothBrokers::open() {
                brokers.play($file);
            }
        })*
    };
}

scenarios! {
    messages_arrive_once_in_order_and_with_the_quality_agreed_on: "delivery.py",
    sessions_are_kept_expire_and_are_taken_over: "session.py",
    retained_messages_are_the_last_word_on_a_topic: "retained.py",
    a_subscription_brings_what_was_asked_for_and_nothing_else: "subscribing.py",
    a_last_will_is_published_when_it_should_be: "will.py",
    properties_travel_with_their_message: "properties.py",
    limits_are_told_and_kept: "limits.py",
    a_shared_subscription_brings_each_message_to_one_member: "shared.py",
}
