//! The time until the program has said its version: what every call of it pays.

use super::measure::{cost, median, millis};
use super::{Fact, Target, binary};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// How often it is started.
const RUNS: usize = 100;

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let binary = binary(env)?;
    let size = std::fs::metadata(&binary).map_err(Error::file("read", &binary))?.len();
    let job = Job::new(env, binary.display().to_string()).args(&["--version"]);
    let times = (0..RUNS).map(|_| Ok(cost(&job)?.wall)).collect::<Result<Vec<_>, Error>>()?;
    #[expect(clippy::cast_precision_loss, reason = "a file size in MiB needs no last byte")]
    let size = size as f64 / 1_048_576.0;
    Ok(vec![
        Fact::new(format!("`lotse --version`, median of {RUNS}"), millis(median(times)), "ms")
            .wanted(Target::AtMost(10.0)),
        Fact::new("size of the binary", size, "MiB"),
    ])
}
