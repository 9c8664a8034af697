//! Time and memory of other programs, from the clock and from `/proc`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::child::Job;
use crate::error::Error;

/// What one run of a program cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Time on the wall.
    pub(super) wall: Duration,
    /// Time on processors, its children included; in steps of 10 ms.
    pub(super) cpu: Duration,
}

/// Runs a program and measures it. It must succeed; what it says goes nowhere.
pub(super) fn cost(job: &Job) -> Result<Cost, Error> {
    let before = cpu_of_children()?;
    let begun = Instant::now();
    let finished = job.run_lines(|_| {})?;
    let wall = begun.elapsed();
    if !finished.status.success() {
        return Err(Error::Child {
            command: job.command_line(),
            status: format!("{}: {}", finished.status, finished.tail.join(" | ")),
        });
    }
    Ok(Cost { wall, cpu: cpu_of_children()?.saturating_sub(before) })
}

/// The median of the wall times and the mean of the processor times of several runs.
pub(super) fn typical(job: &Job, runs: u32) -> Result<Cost, Error> {
    let mut walls = Vec::new();
    let mut cpu = Duration::ZERO;
    for _ in 0..runs {
        let cost = cost(job)?;
        walls.push(cost.wall);
        cpu += cost.cpu;
    }
    Ok(Cost { wall: median(walls), cpu: cpu / runs })
}

/// The middle of several times; zero of none.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Milliseconds with a fraction.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Processor time of all children that have ended (`cutime` and `cstime` of `/proc/self/stat`).
fn cpu_of_children() -> Result<Duration, Error> {
    let path = Path::new("/proc/self/stat");
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    ticks_of_children(&text).map(|ticks| Duration::from_millis(ticks * 10)).ok_or_else(|| {
        Error::Answer { program: "/proc/self/stat".to_owned(), detail: text.trim().to_owned() }
    })
}

/// Processor time of a process that runs.
pub(super) fn cpu_of(pid: u32) -> Result<Duration, Error> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let ticks = ticks(&text, 11).ok_or(Error::Answer { program: path, detail: text })?;
    Ok(Duration::from_millis(ticks * 10))
}

/// How many files and connections a process has open.
pub(super) fn open_files(pid: u32) -> Result<u64, Error> {
    let path = format!("/proc/{pid}/fd");
    let entries = std::fs::read_dir(&path).map_err(Error::file("read", &path))?;
    Ok(entries.count() as u64)
}

/// Fields 16 and 17, counted behind the name, which may hold anything. A tick is 10 ms on Linux.
fn ticks_of_children(stat: &str) -> Option<u64> {
    ticks(stat, 13)
}

/// The sum of two fields, so many behind the name.
fn ticks(stat: &str, behind: usize) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(behind);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory of a process in MiB.
pub(super) fn resident(pid: u32) -> Result<f64, Error> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    kilobytes(&text, "VmRSS:").map(|kib| kib / 1024.0).ok_or(Error::Answer {
        program: path,
        detail: "no VmRSS: the process has ended".to_owned(),
    })
}

/// What a process wrote, and the most resident memory that it had in MiB. It may end as it likes.
///
/// The kernel keeps the highest mark as long as the process lives, so it is read while it works.
pub(super) fn most_resident(mut child: std::process::Child) -> Result<(Vec<u8>, f64), Error> {
    use std::io::Read as _;

    let path = format!("/proc/{}/status", child.id());
    let mut output = Vec::new();
    let mut reader = child.stdout.take();
    let reading = std::thread::spawn(move || {
        let read = reader.as_mut().map_or(Ok(0), |reader| reader.read_to_end(&mut output));
        read.map(|_| output)
    });
    let mut most = 0.0_f64;
    let failed = Error::file("read", "the output of a program");
    while child.try_wait().map_err(Error::file("wait for", "a program"))?.is_none() {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // A process that has ended but was not waited for has no memory any more.
        most = most.max(kilobytes(&text, "VmHWM:").unwrap_or_default() / 1024.0);
        std::thread::park_timeout(Duration::from_millis(2));
    }
    match reading.join() {
        Ok(output) => Ok((output.map_err(failed)?, most)),
        Err(_) => Err(Error::Answer { program: path, detail: "its output was lost".to_owned() }),
    }
}

fn kilobytes(text: &str, field: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The machine in one line: processors, memory, and how busy it is.
pub(super) fn machine() -> Result<String, Error> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(Error::file("read", path));
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = read("/proc/cpuinfo")?;
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let memory = kilobytes(&read("/proc/meminfo")?, "MemTotal:").unwrap_or_default() / 1_048_576.0;
    let load = read("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!("{processors} × {model}, {memory:.0} GiB, load {load} before"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_of_children_is_read_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 150 25 20 0 1 0";
        assert_eq!((ticks(stat, 11), ticks_of_children(stat)), (Some(23), Some(175)));
        assert_eq!(ticks_of_children("garbage"), None);
    }

    #[test]
    fn memory_is_read_by_the_name_of_its_field() {
        assert_eq!(kilobytes("VmPeak:\t 5 kB\nVmRSS:\t 2048 kB\n", "VmRSS:"), Some(2048.0));
        assert_eq!(kilobytes("Name: x\n", "VmRSS:"), None);
    }

    #[test]
    fn the_median_ignores_one_slow_run() {
        let times = [9, 1, 2].map(Duration::from_millis).to_vec();
        assert_eq!(median(times), Duration::from_millis(2));
    }
}
