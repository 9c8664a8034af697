//! Other programs: started with an explicit environment, watched line by line, never left behind.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::error::Error;

/// A program to run.
#[derive(Debug)]
pub(crate) struct Job {
    program: String,
    args: Vec<String>,
    vars: Vec<(String, String)>,
    dir: PathBuf,
    log: Option<PathBuf>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// How long it ran.
    pub(crate) took: Duration,
    /// The last lines it wrote, oldest first.
    pub(crate) tail: Vec<String>,
}

/// How many lines of output are kept to explain a failure.
const TAIL: usize = 40;

impl Job {
    /// A program that will run in the checkout.
    pub(crate) fn new(env: &Environment, program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            vars: Vec::new(),
            dir: env.root.clone(),
            log: None,
        }
    }

    /// Cargo itself, with its subcommand and flags.
    pub(crate) fn cargo(env: &Environment, args: &[&str]) -> Self {
        Self::new(env, &env.cargo).args(args)
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<str>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    pub(crate) fn var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    /// Sets several variables.
    pub(crate) fn vars<'a>(mut self, vars: impl IntoIterator<Item = &'a (String, String)>) -> Self {
        self.vars.extend(vars.into_iter().cloned());
        self
    }

    /// Runs it in another directory.
    pub(crate) fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = dir.into();
        self
    }

    /// Also writes everything it says into a file.
    pub(crate) fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    /// The command line, for people.
    pub(crate) fn command_line(&self) -> String {
        let name = Path::new(&self.program)
            .file_name()
            .map_or_else(|| self.program.clone(), |name| name.to_string_lossy().into_owned());
        std::iter::once(name).chain(self.args.iter().cloned()).collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        command
    }

    fn start_error(&self, source: std::io::Error) -> Error {
        Error::Start { program: self.program.clone(), source }
    }

    /// Runs it with our own standard streams; fails when it fails.
    pub(crate) fn run_visible(&self) -> Result<(), Error> {
        let status = self.command().status().map_err(|source| self.start_error(source))?;
        self.expect_success(status)
    }

    /// Runs it and gives every line it writes (both streams, in order) to `on_line`.
    pub(crate) fn run_lines(&self, mut on_line: impl FnMut(&str)) -> Result<Finished, Error> {
        let begun = Instant::now();
        // One pipe for both streams keeps the order in which the program wrote them.
        let (reader, writer) = std::io::pipe().map_err(|source| self.start_error(source))?;
        let mut command = self.command();
        command
            .stdout(writer.try_clone().map_err(|source| self.start_error(source))?)
            .stderr(writer);
        let mut child = Guard(command.spawn().map_err(|source| self.start_error(source))?);
        drop(command); // holds the last write ends of our side
        let mut log = match &self.log {
            Some(path) => Some(File::create(path).map_err(Error::file("create", path))?),
            None => None,
        };
        let mut tail = std::collections::VecDeque::with_capacity(TAIL);
        let mut reader = BufReader::new(reader);
        let mut raw = Vec::new();
        while reader.read_until(b'\n', &mut raw).map_err(|source| self.start_error(source))? > 0 {
            let text = String::from_utf8_lossy(&raw);
            let line = text.trim_end_matches(['\n', '\r']);
            if let (Some(log), Some(path)) = (&mut log, &self.log) {
                writeln!(log, "{line}").map_err(Error::file("write", path))?;
            }
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(line.to_owned());
            on_line(line);
            raw.clear();
        }
        let status = child.0.wait().map_err(|source| self.start_error(source))?;
        Ok(Finished { status, took: begun.elapsed(), tail: tail.into() })
    }

    /// Runs it and returns what it wrote to its standard output; fails when it fails.
    pub(crate) fn output(&self) -> Result<String, Error> {
        let output = self
            .command()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| self.start_error(source))?;
        self.expect_success(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it runs and ends well; what it says goes nowhere.
    pub(crate) fn succeeds(&self) -> bool {
        self.command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn expect_success(&self, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Child { command: self.command_line(), status: status.to_string() })
    }
}

/// A child that does not outlive an early return.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Ended already in the good case: both calls then do nothing.
        if let Ok(None) = self.0.try_wait() {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Environment {
        Environment::of_this_process().unwrap()
    }

    #[test]
    fn lines_of_both_streams_arrive_in_order_and_the_status_is_kept() {
        let mut seen = Vec::new();
        let finished = Job::new(&env(), "/bin/sh")
            .args(&["-c", "echo one; echo two >&2; echo three; exit 3"])
            .run_lines(|line| seen.push(line.to_owned()))
            .unwrap();
        assert_eq!(seen, ["one", "two", "three"]);
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.tail, seen);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Job::new(&env(), "no-such-program-here").output().unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn the_log_keeps_what_was_said() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("a.log");
        Job::new(&env(), "/bin/sh")
            .args(&["-c", "printf 'no newline at the end'"])
            .log(&log)
            .run_lines(|_| {})
            .unwrap();
        assert_eq!(std::fs::read_to_string(log).unwrap(), "no newline at the end\n");
    }
}
