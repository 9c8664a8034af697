//! How long a developer waits: the first release build, and an edit until its tests have run.

use super::measure::cost;
use super::{Fact, Target};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// A release build after everything that was built for a release has been removed; the sources of
/// the crates are downloaded before. What is built stays for the other benchmarks.
pub(super) fn cold(env: &Environment) -> Result<Vec<Fact>, Error> {
    Job::cargo(env, &["fetch", "--locked", "--quiet"]).run_visible()?;
    let dir = env.target.join("release");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).map_err(Error::file("remove", &dir))?;
    }
    let cost = cost(&Job::cargo(env, &["build", "--release", "--locked", "--package", "lotse"]))?;
    Ok(vec![
        Fact::new("release build from nothing", cost.wall.as_secs_f64(), "s")
            .wanted(Target::AtMost(600.0)),
        Fact::new("… processor time", cost.cpu.as_secs_f64(), "s"),
    ])
}

/// A file of `images` is touched; then its tests are built and run.
pub(super) fn edit(env: &Environment) -> Result<Vec<Fact>, Error> {
    let test = Job::cargo(env, &["test", "--locked", "--package", "lotse-images"]);
    cost(&test)?;
    Job::new(env, "touch").args(&["crates/images/src/lib.rs"]).run_visible()?;
    let edited = cost(&test)?;
    Ok(vec![
        Fact::new("edit in `images`, tests have run after", edited.wall.as_secs_f64(), "s")
            .wanted(Target::AtMost(20.0)),
    ])
}
