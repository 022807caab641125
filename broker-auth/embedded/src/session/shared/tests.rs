//! Groups whose members come and go.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Waker};

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::session::outbox::{Delivery, Outbox};
use mqtt::{QoS, SubscriptionOptions};

const LIMITS: QueueLimits = QueueLimits { messages: 100, bytes: 100_000 };

fn message(topic: &str, number: usize) -> Message {
    Message::specimen(topic, number.to_string())
}

fn groups() -> Arc<Groups> {
    Arc::new(Groups::new(Memory::new(usize::MAX)))
}

fn number(delivery: &Delivery) -> usize {
    std::str::from_utf8(&delivery.message.payload).unwrap().parse().unwrap()
}

fn filter(text: &str) -> TopicFilter<'static> {
    TopicFilter::new(text).unwrap().into_owned()
}

fn member(groups: &Arc<Groups>, filters: &[&str]) -> Memberships {
    let mut memberships = Memberships::new(Arc::clone(groups));
    for text in filters {
        let options = SubscriptionOptions { qos: QoS::ExactlyOnce, ..SubscriptionOptions::default() };
        memberships.join(&filter(text), options, None, LIMITS).unwrap();
    }
    memberships
}

fn taken(member: &mut Memberships) -> Vec<usize> {
    std::iter::from_fn(|| member.take(Instant::now())).map(|delivery| number(&delivery)).collect()
}

/// Whether the member has been told that there is something.
fn is_woken(member: &Memberships) -> bool {
    pin!(member.member().woken()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn a_message_is_for_one_member_of_every_group_that_asks_for_it() {
    let groups = groups();
    let mut one = member(&groups, &["$share/a/t/+", "$share/b/t/#"]);
    let mut two = member(&groups, &["$share/a/t/+", "$share/a/t/x"]);
    assert_eq!(groups.offer(&message("t/x", 1)), 0);
    assert_eq!(groups.offer(&message("elsewhere", 2)), 0);
    // Group a of t/+, group b, and group a of t/x, which is another one.
    let mut copies = [taken(&mut one), taken(&mut two)].concat();
    copies.sort_unstable();
    assert_eq!(copies, [1, 1, 1]);
    assert_eq!((taken(&mut one), taken(&mut two)), (vec![], vec![]));
}

#[test]
fn members_are_woken_in_turn_the_longest_idle_first() {
    let groups = groups();
    let mut members: Vec<_> = (0..3).map(|_| member(&groups, &["$share/a/t"])).collect();
    for member in &mut members {
        assert!(taken(member).is_empty());
    }
    for round in 0..6 {
        groups.offer(&message("t", round));
        let woken: Vec<_> = members.iter().map(is_woken).collect();
        assert_eq!(woken, [0, 1, 2].map(|index| index == round % 3));
        assert_eq!(taken(&mut members[round % 3]), [round]);
    }
}

#[test]
fn a_member_that_was_woken_and_has_no_room_passes_it_on() {
    let groups = groups();
    let (mut one, mut two) = (member(&groups, &["$share/a/t"]), member(&groups, &["$share/a/t"]));
    assert_eq!((taken(&mut one), taken(&mut two)), (vec![], vec![]));
    groups.offer(&message("t", 1));
    assert!(is_woken(&one) && !is_woken(&two));
    one.rest();
    assert!(is_woken(&two));
    drop(two);
    // No member is idle. One that has room again finds it.
    assert_eq!(taken(&mut one), [1]);
}

#[test]
fn a_member_that_was_woken_and_ends_passes_it_on() {
    let groups = groups();
    let (mut one, mut two) = (member(&groups, &["$share/a/t"]), member(&groups, &["$share/a/t"]));
    assert_eq!((taken(&mut one), taken(&mut two)), (vec![], vec![]));
    groups.offer(&message("t", 1));
    drop(one);
    assert!(is_woken(&two));
    assert_eq!(taken(&mut two), [1]);
}

#[test]
fn a_group_is_bounded_and_ends_with_its_last_member() {
    let groups = groups();
    let mut one = member(&groups, &["$share/a/t"]);
    let refused: u64 = (0..LIMITS.messages + 5).map(|number| groups.offer(&message("t", number))).sum();
    assert_eq!(refused, 5);
    assert_eq!(taken(&mut one).len(), LIMITS.messages);
    groups.offer(&message("t", 1));
    assert!(one.leave(&filter("$share/a/t")) && !one.leave(&filter("$share/a/t")));
    assert!(groups.is_empty() && groups.sorted.read().by_bus.is_empty());
    // What was in the queue went with it.
    assert!(taken(&mut member(&groups, &["$share/a/t"])).is_empty());
}

#[test]
fn groups_are_bounded() {
    let groups = groups();
    let mut one = member(&groups, &[]);
    let join = |one: &mut Memberships, name: &str| {
        one.join(&filter(name), SubscriptionOptions::default(), None, LIMITS)
    };
    for number in 0..MAX_GROUPS {
        join(&mut one, &format!("$share/{number}/t")).unwrap();
    }
    assert_eq!(join(&mut one, "$share/another/t"), Err(NoGroup::Full));
    let other = member(&groups, &["$share/1/t"]);
    assert_eq!(join(&mut one, "t"), Err(NoGroup::NotShared));
    assert!(one.leave(&filter("$share/1/t")) && one.leave(&filter("$share/2/t")));
    // The first of the two has a member still.
    assert_eq!(join(&mut one, "$share/another/t"), Ok(()));
    assert_eq!(join(&mut one, "$share/2/t"), Err(NoGroup::Full));
    drop(other);
    assert_eq!(join(&mut one, "$share/2/t"), Ok(()));
}

#[test]
fn an_expired_message_is_delivered_to_no_member() {
    let groups = groups();
    let mut one = member(&groups, &["$share/a/t"]);
    groups.offer(&Message { expires_at: Some(Instant::now()), ..message("t", 1) });
    groups.offer(&message("t", 2));
    assert_eq!(taken(&mut one), [2]);
}

#[test]
fn no_group_starves_another_of_the_same_member() {
    let groups = groups();
    let mut one = member(&groups, &["$share/a/t", "$share/b/u"]);
    for number in 0..4 {
        groups.offer(&message("t", number));
        groups.offer(&message("u", 10 + number));
    }
    assert_eq!(taken(&mut one), [0, 10, 1, 11, 2, 12, 3, 13]);
}

#[tokio::test]
async fn a_burst_is_for_everybody() {
    let groups = groups();
    let mut sessions: Vec<_> = (0..3).map(|_| Session::new(&groups)).collect();
    for session in &mut sessions {
        assert!(session.send().is_empty());
    }
    for number in 0..6 {
        groups.offer(&message("t", number));
    }
    let mut sent = [0; 3];
    for turn in 0..6 {
        let index = turn % 3;
        let session = &mut sessions[index];
        sent[index] += if is_woken(&session.memberships) { session.send().len() } else { 0 };
    }
    assert_eq!(sent, [2; 3]);
}

#[tokio::test]
async fn an_expired_session_gives_back_all_but_sent_qos_2_messages() {
    let groups = groups();
    let (mut lost, mut heir) = (Session::new(&groups), member(&groups, &["$share/a/t"]));
    for (number, qos) in [QoS::ExactlyOnce, QoS::AtLeastOnce].into_iter().enumerate() {
        groups.offer(&Message { qos, ..message("t", number) });
        assert_eq!(lost.send(), [number]);
    }
    // The window is full: these are not sent.
    for number in 2..4 {
        groups.offer(&message("t", number));
        assert!(lost.send().is_empty());
    }
    let unsent = lost.memberships.take(Instant::now()).unwrap();
    lost.outbox.push(unsent).unwrap();
    lost.end();
    assert_eq!(taken(&mut heir), [1, 2, 3]);
}

/// What happens to a group.
#[derive(Clone, Debug)]
enum Step {
    Publish,
    /// The n-th member sends what it can.
    Send(usize),
    /// The n-th member's client acknowledges a message.
    Acknowledge(usize),
    /// The n-th member's session ends, and another one joins.
    Replace(usize),
    /// The n-th member's client is gone.
    Vanish(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Publish),
        4 => (0..3usize).prop_map(Step::Send),
        2 => (0..3usize).prop_map(Step::Acknowledge),
        1 => (0..3usize).prop_map(Step::Replace),
        1 => (0..3usize).prop_map(Step::Vanish),
    ];
    proptest::collection::vec(step, 1..120)
}

/// A member's session, as far as this is about it.
struct Session {
    memberships: Memberships,
    outbox: Outbox,
    unanswered: Vec<std::num::NonZeroU16>,
}

impl Session {
    fn new(groups: &Arc<Groups>) -> Self {
        let mut outbox = Outbox::new(LIMITS, groups.memory.allowance());
        outbox.reconnected(2);
        Self { memberships: member(groups, &["$share/a/t"]), outbox, unanswered: Vec::new() }
    }

    /// Sends as `Session::fill` does; the numbers of what was sent for the first time.
    fn send(&mut self) -> Vec<usize> {
        let (mut sent, mut drawn) = (Vec::new(), false);
        loop {
            match self.outbox.next(Instant::now()) {
                Some(mqtt::Packet::Publish(publish)) => {
                    self.unanswered.extend(publish.packet_id);
                    if !publish.dup {
                        sent.push(std::str::from_utf8(&publish.payload).unwrap().parse().unwrap());
                    }
                }
                Some(_) => {}
                None if drawn => return sent,
                None if !self.outbox.has_room() => {
                    self.memberships.rest();
                    return sent;
                }
                None => match self.memberships.take(Instant::now()) {
                    Some(delivery) => {
                        self.outbox.push(delivery).unwrap();
                        drawn = true;
                    }
                    None => return sent,
                },
            }
        }
    }

    fn end(&mut self) {
        self.outbox.give_back();
        self.memberships.retain(|_| false);
    }
}

proptest! {
    /// Whatever members do, a message is with exactly one of them, and is sent again only if a session ended with it.
    #[test]
    fn every_message_reaches_one_member(steps in steps()) {
        let groups = groups();
        // A member that never takes anything: the group does not end with the others.
        let _witness = member(&groups, &["$share/a/t"]);
        let mut sessions: Vec<_> = (0..3).map(|_| Session::new(&groups)).collect();
        let (mut published, mut lost_sight_of) = (0, 0);
        let mut times_sent = BTreeMap::<usize, usize>::new();
        let mut note = |sent: Vec<usize>| {
            sent.into_iter().for_each(|number| *times_sent.entry(number).or_default() += 1);
        };
        sessions.iter_mut().for_each(|session| assert!(session.send().is_empty()));
        for step in steps {
            match step {
                Step::Publish => {
                    // The bound is another test's.
                    if published < LIMITS.messages {
                        groups.offer(&message("t", published));
                        published += 1;
                    }
                }
                Step::Send(index) => note(sessions[index].send()),
                Step::Acknowledge(index) => {
                    if let Some(id) = sessions[index].unanswered.pop() {
                        assert!(sessions[index].outbox.acknowledged(id));
                        // As after every packet of a client; otherwise its group would not know that it has room again.
                        note(sessions[index].send());
                    }
                }
                Step::Replace(index) => {
                    lost_sight_of += sessions[index].unanswered.len();
                    sessions[index].end();
                    sessions[index] = Session::new(&groups);
                    note(sessions[index].send());
                }
                Step::Vanish(index) => {
                    sessions[index].memberships.rest();
                    sessions[index].outbox.reconnected(2);
                    sessions[index].unanswered.clear();
                    note(sessions[index].send());
                }
            }
            // Every woken member answers, until none is.
            while let Some(session) = sessions.iter_mut().find(|session| is_woken(&session.memberships)) {
                note(session.send());
            }
            let has_room = |session: &Session| session.outbox.has_room();
            let waits = !sessions[0].memberships.is_empty();
            assert!(!(waits && sessions.iter().any(has_room)), "something waits for somebody with room");
        }
        // Clients answer, and sessions do what they are woken for: nothing stays behind.
        for _ in 0..=4 * published {
            for session in &mut sessions {
                let answered = std::mem::take(&mut session.unanswered);
                let is_busy = !answered.is_empty();
                for id in answered {
                    assert!(session.outbox.acknowledged(id));
                }
                if is_busy || is_woken(&session.memberships) {
                    note(session.send());
                }
            }
        }
        assert_eq!(times_sent.keys().copied().collect::<Vec<_>>(), (0..published).collect::<Vec<_>>());
        assert_eq!(times_sent.values().sum::<usize>(), published + lost_sight_of);
    }
}
