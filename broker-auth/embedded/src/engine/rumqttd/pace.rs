//! Keeps publishers from overtaking the sessions that read.
//!
//! The router writes every message into a log of each bus filter and lets links read from there at their own pace. The
//! logs are short, and who is overtaken by one loses messages. Sessions take what is theirs as fast as the machine
//! allows, whatever their clients do: a queue of their own, with a policy of its own, is between them. So a reader
//! that is far behind is short of CPU time, and the publish thread waits for it. One that does not move at all, for
//! [`LAG_TIMEOUT`], is waited for no more until it has caught up, so that no session can delay the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::bounds::lag_limit;
use crate::bus::{BusFilter, BusTopic, Marks};

/// How long a reader may stand still before it is waited for no more.
const LAG_TIMEOUT: Duration = Duration::from_millis(50);

/// How much longer for each reader of the same: the router serves one after the other, and with them their sessions run.
const LAG_TIMEOUT_PER_READER: Duration = Duration::from_micros(200);

/// How long readers may stand still that have just lost their router, and look for their place in the next one.
const LAG_TIMEOUT_AFTER_REBUILD: Duration = Duration::from_secs(2);

/// How long to wait before looking again.
const POLL_INTERVAL: Duration = Duration::from_micros(100);

/// Every bus filter that a session reads.
#[derive(Debug, Default)]
pub(super) struct Pace {
    flows: Mutex<Flows>,
    /// Since when there is a new router, if there is.
    renewed: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Flows {
    of: HashMap<BusFilter, Arc<Flow>>,
    /// Of all messages. A flow begins to count here, so that a mark of one that was forgotten is never ahead of it.
    total: u64,
}

/// What flows through one bus filter, in bytes of messages.
#[derive(Debug)]
struct Flow {
    published: AtomicU64,
    /// No reader was further behind than this when they were last looked at.
    floor: AtomicU64,
    readers: Mutex<Vec<Arc<Progress>>>,
}

#[derive(Debug)]
struct Progress {
    /// The mark of the last message that was read.
    read: AtomicU64,
    given_up: AtomicBool,
}

/// One link's reading of one bus filter.
#[derive(Debug)]
pub(super) struct Reader {
    pace: Arc<Pace>,
    filter: BusFilter,
    flow: Arc<Flow>,
    progress: Arc<Progress>,
}

impl Pace {
    /// A session reads `filter`, and has read all so far.
    pub(super) fn read(self: &Arc<Self>, filter: BusFilter) -> Reader {
        let mut flows = self.flows.lock();
        let total = flows.total;
        let flow = Arc::clone(flows.of.entry(filter).or_insert_with(|| Arc::new(Flow::from(total))));
        let read = AtomicU64::new(flow.published.load(Ordering::Acquire));
        let progress = Arc::new(Progress { read, given_up: AtomicBool::new(false) });
        flow.readers.lock().push(Arc::clone(&progress));
        drop(flows);
        Reader { pace: Arc::clone(self), filter, flow, progress }
    }

    /// There is a new router. Its readers take a moment to come.
    pub(super) fn renewed(&self) {
        *self.renewed.lock() = Some(Instant::now());
    }

    fn lag_timeout(&self) -> Duration {
        let young = |renewed: Instant| renewed.elapsed() < LAG_TIMEOUT_AFTER_REBUILD;
        if self.renewed.lock().is_some_and(young) { LAG_TIMEOUT_AFTER_REBUILD } else { LAG_TIMEOUT }
    }

    /// A lot of messages is about to be published.
    pub(super) fn publishing(&self) -> Published<'_> {
        Published { pace: self, touched: Vec::new() }
    }
}

/// What a lot of messages flows through.
pub(super) struct Published<'a> {
    pace: &'a Pace,
    touched: Vec<(BusFilter, Arc<Flow>)>,
}

impl Published<'_> {
    /// Notes a message of so many bytes; its marks.
    pub(super) fn add(&mut self, topic: BusTopic, size: usize) -> Marks {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let mut flows = self.pace.flows.lock();
        flows.total = flows.total.saturating_add(size);
        Marks(topic.filters().map(|filter| {
            let Some(flow) = flows.of.get(&filter) else { return 0 };
            if !self.touched.iter().any(|(known, _)| *known == filter) {
                self.touched.push((filter, Arc::clone(flow)));
            }
            flow.published.fetch_add(size, Ordering::AcqRel).saturating_add(size)
        }))
    }

    /// Waits until every reader is close enough, is given up, or the router is gone.
    pub(super) fn wait(&self, router_lives: &dyn Fn() -> bool) {
        for (filter, flow) in &self.touched {
            flow.wait(lag_limit(*filter), &|| self.pace.lag_timeout(), router_lives);
        }
    }
}

impl Flow {
    fn from(total: u64) -> Self {
        Self { published: AtomicU64::new(total), floor: AtomicU64::new(total), readers: Mutex::default() }
    }

    fn wait(&self, limit: u64, lag_timeout: &dyn Fn() -> Duration, router_lives: &dyn Fn() -> bool) {
        let published = self.published.load(Ordering::Acquire);
        let goal = published.saturating_sub(limit);
        if self.floor.load(Ordering::Relaxed) >= goal {
            return;
        }
        let mut seen = 0;
        let mut moved = Instant::now();
        loop {
            let readers = self.readers.lock();
            let slowest = slowest(&readers, published);
            let count = u32::try_from(readers.len()).unwrap_or(u32::MAX);
            if slowest >= goal {
                // Under the lock: a reader that is waited for again lowers it.
                self.floor.store(slowest, Ordering::Relaxed);
                return;
            }
            drop(readers);
            if !router_lives() {
                return;
            }
            if slowest > seen {
                (seen, moved) = (slowest, Instant::now());
            } else if moved.elapsed() > lag_timeout() + LAG_TIMEOUT_PER_READER * count {
                self.give_up_before(goal);
                continue;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn give_up_before(&self, goal: u64) {
        for reader in self.readers.lock().iter() {
            if reader.read.load(Ordering::Acquire) < goal {
                reader.given_up.store(true, Ordering::Release);
            }
        }
    }
}

/// How far the slowest has read of those that are waited for.
fn slowest(readers: &[Arc<Progress>], published: u64) -> u64 {
    let waited_for = readers.iter().filter(|reader| !reader.given_up.load(Ordering::Acquire));
    waited_for.map(|reader| reader.read.load(Ordering::Acquire)).min().unwrap_or(published)
}

impl Reader {
    /// What it reads.
    pub(super) fn filter(&self) -> BusFilter {
        self.filter
    }

    /// The mark of the last message that was published to its filter.
    pub(super) fn published(&self) -> u64 {
        self.flow.published.load(Ordering::Acquire)
    }

    /// It has read the message of this mark.
    pub(super) fn has_read(&self, mark: u64) {
        self.progress.read.fetch_max(mark, Ordering::AcqRel);
        if self.progress.given_up.load(Ordering::Acquire)
            && self.flow.published.load(Ordering::Acquire) <= mark.saturating_add(lag_limit(self.filter))
        {
            let _readers = self.flow.readers.lock();
            self.progress.given_up.store(false, Ordering::Release);
            self.flow.floor.fetch_min(mark, Ordering::Relaxed);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut flows = self.pace.flows.lock();
        let mut readers = self.flow.readers.lock();
        readers.retain(|reader| !Arc::ptr_eq(reader, &self.progress));
        if readers.is_empty() {
            drop(readers);
            flows.of.remove(&self.filter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: &dyn Fn() -> bool = &|| true;

    /// Publishes one message and does not wait.
    fn publish<'a>(pace: &'a Pace, topic: &str, size: u64) -> (Published<'a>, Marks) {
        let mut published = pace.publishing();
        let marks = published.add(BusTopic::of(topic), usize::try_from(size).unwrap());
        (published, marks)
    }

    #[test]
    fn publishers_do_not_wait_for_readers_of_other_filters() {
        let pace = Arc::new(Pace::default());
        let reader = pace.read(BusFilter::of("devices/dev-1/commands/#"));
        for _ in 0..100 {
            let (published, marks) = publish(&pace, "devices/dev-1/telemetry/a", 1_000_000);
            assert!(published.touched.is_empty());
            assert_eq!(marks, Marks::default());
            published.wait(LIVES);
        }
        drop(reader);
        assert!(pace.flows.lock().of.is_empty());
        assert!(publish(&pace, "devices/dev-1/commands/a", 1_000_000).0.touched.is_empty());
    }

    #[test]
    fn a_publisher_waits_for_a_reader_that_makes_progress() {
        let pace = Arc::new(Pace::default());
        let filter = BusFilter::of("devices/dev-1/commands/#");
        let (limit, size) = (lag_limit(filter), lag_limit(filter) / 4);
        let reader = pace.read(filter);
        let (progress, flow) = (Arc::clone(&reader.progress), Arc::clone(&reader.flow));
        let (send, receive) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                for marks in receive {
                    thread::sleep(Duration::from_millis(1));
                    reader.has_read(filter.mark(marks));
                }
            });
            for _ in 0..100 {
                let (published, marks) = publish(&pace, "devices/dev-1/commands/a", size);
                send.send(marks).unwrap();
                published.wait(LIVES);
                let read = progress.read.load(Ordering::Acquire);
                let behind = flow.published.load(Ordering::Acquire) - read;
                assert!(behind <= limit || progress.given_up.load(Ordering::Acquire), "{behind}");
            }
            drop(send);
        });
    }

    #[test]
    fn a_stalled_reader_is_waited_for_once_until_it_has_caught_up() {
        let pace = Arc::new(Pace::default());
        let filter = BusFilter::of("devices/+/telemetry/#");
        let (stuck, running) = (pace.read(filter), pace.read(BusFilter::of("#")));
        let gave_up = |reader: &Reader| reader.progress.given_up.load(Ordering::Acquire);
        let mut last = Marks::default();
        for _ in 0..1_000 {
            // Were it waited for every time, this would take fifty seconds.
            let (published, marks) = publish(&pace, "devices/dev-1/telemetry/a", 2 * lag_limit(filter));
            running.has_read(running.filter.mark(marks));
            published.wait(LIVES);
            last = marks;
        }
        assert!(gave_up(&stuck) && !gave_up(&running));
        stuck.has_read(stuck.filter.mark(last));
        assert!(!gave_up(&stuck));
    }

    #[test]
    fn a_reader_that_has_caught_up_is_waited_for_again() {
        let pace = Arc::new(Pace::default());
        let filter = BusFilter::of("devices/dev-1/commands/#");
        let limit = lag_limit(filter);
        let reader = pace.read(filter);
        let mut last = 0;
        for _ in 0..4 {
            let (published, marks) = publish(&pace, "devices/dev-1/commands/a", limit);
            published.wait(LIVES);
            last = filter.mark(marks);
        }
        assert!(reader.progress.given_up.load(Ordering::Acquire));
        reader.has_read(last - limit);
        assert!(!reader.progress.given_up.load(Ordering::Acquire));
        publish(&pace, "devices/dev-1/commands/a", limit).0.wait(LIVES);
        assert!(reader.progress.given_up.load(Ordering::Acquire), "it was not waited for");
    }

    #[test]
    fn a_mark_from_before_a_filter_was_forgotten_is_no_loss() {
        let pace = Arc::new(Pace::default());
        let filter = BusFilter::of("a/b/c");
        let first = pace.read(filter);
        let (_, old) = publish(&pace, "a/b/c", 1_000);
        drop(first);
        let second = pace.read(filter);
        second.has_read(filter.mark(old));
        assert!(filter.mark(old) <= second.flow.published.load(Ordering::Acquire));
        let (_, new) = publish(&pace, "a/b/c", 1_000);
        assert!(second.progress.read.load(Ordering::Acquire) < filter.mark(new));
    }

    #[test]
    fn no_caller_waits_for_a_router_that_has_died() {
        let pace = Arc::new(Pace::default());
        let reader = pace.read(BusFilter::of("#"));
        publish(&pace, "a", u64::MAX / 2).0.wait(&|| false);
        assert!(!reader.progress.given_up.load(Ordering::Acquire), "it was not waited for at all");
    }
}
