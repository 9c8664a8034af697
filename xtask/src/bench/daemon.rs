//! Memory of the daemon: `lotse demo` holds the simulated cloud and the daemon in one process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::measure::resident;
use super::{Fact, Target, binary};
use crate::environment::Environment;
use crate::error::Error;

/// How long it is watched after the estate has converged.
const WATCHED: Duration = Duration::from_secs(10);

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?;
    let start = |source| Error::Start { program: binary.display().to_string(), source };
    let begun = Instant::now();
    let mut demo = Demo(
        Command::new(&binary)
            .args(["demo", "--listen", "127.0.0.1:0"])
            .current_dir(&env.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(start)?,
    );
    let pid = demo.0.id();
    wait_converged(&mut demo.0)?;
    let converged = begun.elapsed();
    let mut most: f64 = 0.0;
    let watching = Instant::now();
    while watching.elapsed() < WATCHED {
        most = most.max(resident(pid)?);
        std::thread::park_timeout(Duration::from_millis(200));
    }
    Ok(vec![
        Fact::new("daemon and simulated cloud with the demo estate, resident", most, "MiB")
            .wanted(Target::AtMost(40.0)),
        Fact::new("`lotse demo` until the estate has converged", converged.as_secs_f64(), "s")
            .wanted(Target::AtMost(60.0)),
    ])
}

/// Reads what it says until it says that the estate has converged. Its pipe stays open.
fn wait_converged(demo: &mut Child) -> Result<(), Error> {
    let stdout = demo.stdout.take();
    let mut said = Vec::new();
    if let Some(stdout) = stdout {
        let mut reader = BufReader::new(stdout);
        loop {
            let mut line = String::new();
            let read = reader.read_line(&mut line).map_err(Error::file("read", "lotse demo"))?;
            if read == 0 {
                break;
            }
            if line.to_lowercase().contains("converged") {
                demo.stdout = Some(reader.into_inner());
                return Ok(());
            }
            said.push(line.trim().to_owned());
        }
    }
    Err(Error::Answer {
        program: "lotse demo".to_owned(),
        detail: format!("it ended before the estate had converged; it said: {}", said.join(" | ")),
    })
}

/// Ends the demo whatever happens.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
