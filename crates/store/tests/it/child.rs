//! The test program as its own child process, so that it can be killed or run out of room.
//!
//! A test that begins with [`job`] runs as the child when its parent says so, and as the parent
//! otherwise.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Tells the child where the state is.
const VARIABLE: &str = "LOTSE_TEST_CHILD";

/// What every line of the child's protocol begins with; the test harness writes lines, too.
const PREFIX: &str = "child: ";

/// The URL of the state, when we are the child.
#[expect(clippy::disallowed_methods, reason = "set by the parent only")]
pub(crate) fn job() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

/// As the child: tells the parent. Written at once, as a whole.
pub(crate) fn tell(line: &str) {
    println!("{PREFIX}{line}");
}

/// As the child: waits for a line of the parent; `false` when it wants no more.
pub(crate) fn told_to_go_on() -> bool {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap() > 0
}

/// A child, killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts this test program again to run `test` as a child, through these words before it.
    pub(crate) fn start(wrapper: &[&str], test: &str, url: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let words = wrapper.iter().map(std::ffi::OsStr::new).chain([program.as_os_str()]);
        let words: Vec<_> = words.collect();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .args([test, "--exact", "--nocapture", "--include-ignored"])
            .env(VARIABLE, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { stdin: child.stdin.take().unwrap(), child, lines }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the child tells next; `None` when it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            // A line that the kill cut short cannot be told from a whole one, but `tell` writes
            // less than the pipe takes at once.
            let line = self.lines.next()?.unwrap();
            if let Some((_, told)) = line.split_once(PREFIX) {
                return Some(told.to_owned());
            }
        }
    }

    /// Lets the child go on.
    pub(crate) fn go_on(&mut self) {
        self.stdin.write_all(b"go\n").unwrap();
    }

    /// SIGKILL, and what the child had told before.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
