//! Other programs, run under supervision: a deadline, bounded output, nothing left behind.
//!
//! The program gets a process group of its own. When the deadline passes, or when the future that
//! waits for it is dropped, the whole group is ended, so that grandchildren do not live on.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::error::RunError;

/// A program to run. Its input is empty and its environment is exactly what is said here.
#[derive(Clone, Debug)]
pub struct Supervised {
    /// The program: a path, or a name looked up in the caller's `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs; `None` for here.
    pub directory: Option<PathBuf>,
    /// How long it may run.
    pub deadline: Duration,
    /// How long it may take to end by itself after SIGTERM, before SIGKILL.
    pub grace: Duration,
    /// How many bytes of each stream are kept: one half from the beginning, one half from the end.
    pub keep: usize,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status. When it did not end in time: what it died of.
    pub status: ExitStatus,
    /// Whether the deadline passed.
    pub timed_out: bool,
    /// How long it ran.
    pub duration: Duration,
    /// What it wrote to standard output.
    pub stdout: Output,
    /// What it wrote to standard error.
    pub stderr: Output,
}

/// What is kept of a stream.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Output {
    /// How many bytes were written in all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many bytes in the middle were not kept.
    pub fn lost(&self) -> u64 {
        let kept = self.head.len() + self.tail.len();
        self.total.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX))
    }

    /// The text; a line in the middle says how much is missing. Bytes that are not UTF-8 become
    /// `U+FFFD`.
    pub fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        match self.lost() {
            0 => String::from_utf8_lossy(&[self.head.as_slice(), &tail].concat()).into_owned(),
            lost => format!(
                "{}\n… {lost} bytes not kept …\n{}",
                String::from_utf8_lossy(&self.head),
                String::from_utf8_lossy(&tail)
            ),
        }
    }

    fn take(&mut self, bytes: &[u8], keep: usize) {
        self.total += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let half = keep / 2;
        let to_head = half.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(to_head);
        self.head.extend_from_slice(head);
        // Only the last of what came in one piece can be in the tail.
        let rest = rest.get(rest.len().saturating_sub(keep - half)..).unwrap_or_default();
        self.tail.extend(rest);
        let too_many = self.tail.len().saturating_sub(keep - half);
        self.tail.drain(..too_many);
    }
}

impl Supervised {
    /// A program with an empty environment that may run for `deadline`; 5 s of grace, 1 MiB kept of
    /// each stream.
    pub fn new(program: impl Into<OsString>, deadline: Duration) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            deadline,
            grace: Duration::from_secs(5),
            keep: 1 << 20,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs it to its end, or to the deadline.
    ///
    /// # Errors
    ///
    /// [`RunError::Start`] and [`RunError::Watch`]. A program that fails or does not end in time is
    /// no error; see [`Ended`].
    pub async fn run(&self) -> Result<Ended, RunError> {
        let program = || self.program.to_string_lossy().into_owned();
        let began = Instant::now();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut child =
            command.spawn().map_err(|source| RunError::Start { program: program(), source })?;
        let mut group = Group::of(&child);
        let mut stdout = Output::default();
        let mut stderr = Output::default();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let reading = async {
            tokio::join!(drain(out, &mut stdout, self.keep), drain(err, &mut stderr, self.keep))
        };
        let waited = self.wait(&mut child, &mut group, reading).await;
        let (status, timed_out) = waited.map_err(|source| RunError::Watch {
            program: program(),
            after: began.elapsed(),
            source,
        })?;
        Ok(Ended { status, timed_out, duration: began.elapsed(), stdout, stderr })
    }

    /// Waits for the program and for its streams to end.
    async fn wait(
        &self,
        child: &mut Child,
        group: &mut Group,
        reading: impl Future<Output = ((), ())>,
    ) -> std::io::Result<(ExitStatus, bool)> {
        let mut reading = std::pin::pin!(reading);
        let ended = async {
            // Reading first: a full pipe would keep the program from ending. A grandchild that
            // keeps the pipes open counts as the program still running.
            reading.as_mut().await;
            child.wait().await
        };
        if let Ok(status) = tokio::time::timeout(self.deadline, ended).await {
            group.gone();
            return Ok((status?, false));
        }
        group.signal(Signal::TERM);
        let ended = async {
            reading.as_mut().await;
            child.wait().await
        };
        if let Ok(status) = tokio::time::timeout(self.grace, ended).await {
            group.gone();
            return Ok((status?, true));
        }
        group.signal(Signal::KILL);
        let status = child.wait().await?;
        // What was written before the end is still in the pipes. Somebody who left the group may
        // hold them open for ever, though.
        let rest = tokio::time::timeout(Duration::from_secs(1), reading);
        rest.await.unwrap_or_default();
        group.gone();
        Ok((status, true))
    }
}

/// The processes of one program; ended when this is dropped before they are known to be gone.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may be gone already, which is what we want.
            kill_process_group(group, signal).unwrap_or_default();
        }
    }

    /// The leader was waited for: its number may belong to somebody else from now on.
    fn gone(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn drain(stream: Option<impl AsyncRead + Unpin>, output: &mut Output, keep: usize) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            // An error on a pipe is its end too.
            Ok(0) | Err(_) => return,
            Ok(count) => output.take(buffer.get(..count).unwrap_or_default(), keep),
        }
    }
}
