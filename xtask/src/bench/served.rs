//! A server of ours in a process of its own, from its first words to its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::error::Error;

/// A running `lotse …`, ended whatever happens.
pub(super) struct Served {
    child: Child,
    /// What it says when it is up, for example where it listens.
    pub(super) hello: Value,
}

impl Served {
    /// Starts it, on these processors only (as `taskset` writes them) if they are named, and waits
    /// for what it says.
    pub(super) fn start(
        binary: &str,
        processors: Option<&str>,
        arguments: &[&str],
    ) -> Result<Self, Error> {
        let mut command = match processors {
            Some(processors) => {
                let mut command = Command::new("taskset");
                command.args(["-c", processors, binary]);
                command
            }
            None => Command::new(binary),
        };
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::Start { program: binary.to_owned(), source })?;
        let mut served = Self { child, hello: Value::Null };
        let mut said = String::new();
        if let Some(stdout) = &mut served.child.stdout {
            let mut lines = BufReader::new(stdout);
            while served.hello.is_null() {
                let read = lines.read_line(&mut said);
                if read.map_err(Error::file("read", "the output of lotse"))? == 0 {
                    return Err(Error::Answer {
                        program: format!("lotse {}", arguments.first().unwrap_or(&"")),
                        detail: "it ended before it was ready".to_owned(),
                    });
                }
                // A pretty-printed object goes on over several lines.
                served.hello = serde_json::from_str(&said).unwrap_or_default();
            }
        }
        Ok(served)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
