//! What a server process uses up, as Linux counts it.

use std::fs;
use std::io;
use std::time::Duration;

/// A process of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// The CPU time it has used, user and system, in steps of a clock tick (10 ms).
    pub fn cpu_time(self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name of the program, in brackets, may hold anything (proc(5)); utime and stime are fields 14 and 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(duration_of_ticks(ticks))
    }

    /// The CPU time that the threads it has now have used, user and system, in nanoseconds (sched-stats, `/proc/*/schedstat`):
    /// for a process whose threads stay, but for some that have little to do.
    pub fn cpu_time_of_threads(self) -> io::Result<Duration> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let stat = match fs::read_to_string(thread?.path().join("schedstat")) {
                Ok(stat) => stat,
                // It has ended meanwhile (ENOENT, or ESRCH once the file is open).
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let first = stat.split_ascii_whitespace().next().and_then(|number| number.parse::<u64>().ok());
            sum += first.ok_or_else(|| io::Error::other("no time in schedstat"))?;
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Its resident memory, in bytes.
    pub fn resident(self) -> io::Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most that its resident memory was, in bytes.
    pub fn peak_resident(self) -> io::Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other(format!("no {name}")))
    }

    /// The processes that it has started and that run still.
    pub fn children(self) -> io::Result<Vec<Self>> {
        let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.0))?;
        Ok(text.split_ascii_whitespace().filter_map(|id| id.parse().ok().map(Self)).collect())
    }

    /// How many files it has open.
    pub fn descriptors(self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.0))?.count())
    }

    /// How many threads it has.
    pub fn threads(self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/task", self.0))?.count())
    }

    /// What its threads are called, as far as Linux keeps it (15 bytes), in order.
    pub fn thread_names(self) -> io::Result<Vec<String>> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0))?;
        // One may have ended meanwhile.
        let names =
            threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
        let mut names: Vec<_> = names.map(|name| name.trim_end().to_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// Linux counts CPU time in ticks.
pub(crate) fn duration_of_ticks(ticks: u64) -> Duration {
    Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100)
}

/// Lets this process open as many files as it may; how many that is.
pub fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let former = limit.current;
    limit.current = limit.maximum;
    let now = if setrlimit(Resource::Nofile, limit).is_ok() { limit.maximum } else { former };
    now.unwrap_or(u64::MAX)
}
