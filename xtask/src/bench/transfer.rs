//! A large download beside what the network and the disk can do at all, in the same minutes.
//!
//! `curl` fetches the file from loopback and throws it away: that is the network. `dd` writes as many
//! bytes and syncs them: that is the disk. Ours fetches, hashes, writes and syncs. Then a download is
//! killed in the middle and run again; what the server sent in both runs beyond the size of the file was
//! sent twice. For this the server keeps its own buffers small, so that what it counts was on its way; what
//! was in the buffers of the client when it died counts, too.
//!
//! `LOTSE_BENCH_TRANSFER_MIB` makes the file smaller, to try the benchmark itself.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::measure::{cost, median};
use super::ranges::{Purpose, Ranges};
use super::{Fact, Target};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// MiB of the file, unless the environment says otherwise.
const SIZE: u64 = 2048;
/// How often each is measured.
const ROUNDS: usize = 3;
/// Bytes of memory that ours may take, in MiB.
const MEMORY: f64 = 64.0;

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let mib = env.var("LOTSE_BENCH_TRANSFER_MIB").and_then(|text| text.parse().ok());
    let bench = Transfer::prepare(env, mib.unwrap_or(SIZE))?;
    let measured = bench.measure(env);
    drop(std::fs::remove_dir_all(&bench.dir));
    measured
}

struct Transfer {
    dir: PathBuf,
    program: PathBuf,
    server: Ranges,
    mib: u64,
}

/// What ours says.
#[derive(Clone, Copy)]
struct Run {
    synced: Duration,
    peak_mib: f64,
}

impl Transfer {
    fn prepare(env: &Environment, mib: u64) -> Result<Self, Error> {
        Job::cargo(
            env,
            &["build", "--release", "--locked", "-q", "-p", "lotse-transfer", "--example", "fetch"],
        )
        .run_visible()?;
        let dir = env.scratch()?.join("bench-transfer");
        std::fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
        let published = dir.join("published");
        write_noise(&published, mib).map_err(Error::file("write", &published))?;
        let server = Ranges::start(&published, Purpose::Speed)?;
        let program = env.target.join("release/examples/fetch");
        Ok(Self { dir, program, server, mib })
    }

    fn measure(&self, env: &Environment) -> Result<Vec<Fact>, Error> {
        let (mut network, mut disk, mut ours, mut peak) = (vec![], vec![], vec![], 0.0_f64);
        let spool = self.dir.join("spool");
        for _ in 0..ROUNDS {
            let copy = self.dir.join("dd").display().to_string();
            let dd = Job::new(env, "dd").args(&[
                "if=/dev/zero".to_owned(),
                format!("of={copy}"),
                "bs=1M".to_owned(),
                format!("count={}", self.mib),
                "conv=fdatasync".to_owned(),
            ]);
            disk.push(cost(&dd)?.wall);
            drop(std::fs::remove_file(&copy));
            let curl = Job::new(env, "curl").args(&["-sf", "-o", "/dev/null", &self.server.url()]);
            network.push(cost(&curl)?.wall);
            let run = self.fetch(&self.server, &spool)?;
            ours.push(run.synced);
            peak = peak.max(run.peak_mib);
            forget(&spool);
        }
        let repeated = self.kill_and_go_on(&spool)?;
        let (network, disk, ours) = (median(network), median(disk), median(ours));
        let share = network.max(disk).as_secs_f64() / ours.as_secs_f64().max(0.001);
        let speed = |time: Duration| mib_as_number(self.mib) / time.as_secs_f64().max(0.001);
        Ok(vec![
            Fact::new(format!("curl of {} MiB from loopback", self.mib), speed(network), "MiB/s"),
            Fact::new("dd to the disk, synced", speed(disk), "MiB/s"),
            Fact::new("ours: fetched, hashed (SHA-256), written, synced", speed(ours), "MiB/s"),
            Fact::new("… of the slower of network and disk", share * 100.0, "%")
                .wanted(Target::AtLeast(90.0)),
            Fact::new("… memory at its peak", peak, "MiB").wanted(Target::AtMost(MEMORY)),
            Fact::new("… sent twice after a kill in the middle", repeated * 100.0, "%")
                .wanted(Target::AtMost(1.0)),
        ])
    }

    fn command(&self, server: &Ranges, spool: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(server.url()).arg(spool).stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    fn fetch(&self, server: &Ranges, spool: &Path) -> Result<Run, Error> {
        let program = self.program.display().to_string();
        let start = |source| Error::Start { program: program.clone(), source };
        let output = self.command(server, spool).output().map_err(start)?;
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match (said["synced_s"].as_f64(), said["peak_kib"].as_f64()) {
            (Some(seconds), Some(kib)) => {
                Ok(Run { synced: Duration::from_secs_f64(seconds), peak_mib: kib / 1024.0 })
            }
            _ => Err(Error::Answer { program, detail: said.to_string() }),
        }
    }

    /// The share of the file that the server sent twice.
    fn kill_and_go_on(&self, spool: &Path) -> Result<f64, Error> {
        let program = self.program.display().to_string();
        let start = |source| Error::Start { program: program.clone(), source };
        let size = self.mib << 20;
        let server = Ranges::start(&self.dir.join("published"), Purpose::Count)?;
        let mut command = self.command(&server, spool);
        let mut child = command.stdout(Stdio::null()).spawn().map_err(start)?;
        let begun = Instant::now();
        while server.sent() < size / 2 && begun.elapsed() < Duration::from_mins(5) {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let killed = child.kill().and_then(|()| child.wait());
        killed.map_err(start)?;
        self.fetch(&server, spool)?;
        forget(spool);
        let extra = server.sent().saturating_sub(size);
        Ok(mib_as_number(extra) / mib_as_number(size))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no last byte")]
fn mib_as_number(number: u64) -> f64 {
    number as f64
}

fn forget(spool: &Path) {
    drop(std::fs::remove_file(spool));
    drop(std::fs::remove_file(spool.with_added_extension("journal")));
}

/// Bytes that no disk and no network can make smaller, the same every time.
fn write_noise(path: &Path, mib: u64) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    let mut state = 1_u64;
    for _ in 0..mib {
        let mut block = Vec::with_capacity(1 << 20);
        while block.len() < 1 << 20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            block.extend_from_slice(&(state ^ (state >> 31)).to_le_bytes());
        }
        file.write_all(&block)?;
    }
    file.sync_all()
}
