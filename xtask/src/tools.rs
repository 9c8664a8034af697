//! Tools that come from crates.io: built once per version below the target directory, used from there.
//!
//! They are not dependencies of the workspace, so nobody pays for them who does not use them. Built
//! without optimisation: that takes a third of the time, and what they do takes a second.

use std::path::PathBuf;

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// A program of a crate.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    features: &'static str,
}

/// Builds the book; without its own web server. About a minute of one processor to build.
pub(crate) const MDBOOK: Tool = Tool { name: "mdbook", version: "0.5.4", features: "search" };
/// Makes the Debian package. Another minute.
pub(crate) const CARGO_DEB: Tool = Tool { name: "cargo-deb", version: "3.8.0", features: "" };

/// The path of the tool; builds it unless that was done before.
pub(crate) fn provide(env: &Environment, tool: &Tool) -> Result<PathBuf, Error> {
    let Tool { name, version, features } = tool;
    let tools = env.scratch()?.join("tools");
    let root = tools.join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if program.is_file() {
        return Ok(program);
    }
    anstream::println!("  building {name} {version}, once");
    let build = tools.join(format!("build-{name}-{}", std::process::id()));
    let (root_text, build_text) = (root.display().to_string(), build.display().to_string());
    let job = Job::cargo(env, &["install", "--locked", "--debug", "--no-default-features"])
        .args(&["--features", features, "--root", &root_text, "--target-dir", &build_text])
        .args(&["--version", version, name])
        .var("CARGO_PROFILE_DEV_DEBUG", "0")
        .var("CARGO_INCREMENTAL", "0")
        .log(env.scratch()?.join(format!("install-{name}.log")));
    let finished = job.run_lines(|_| {})?;
    // What the compiler left is some hundred megabytes that nobody needs again.
    std::fs::remove_dir_all(&build).ok();
    if finished.status.success() && program.is_file() {
        return Ok(program);
    }
    let last = finished.tail.last().cloned().unwrap_or_default();
    Err(Error::Child {
        command: job.command_line(),
        status: format!("{}: {last}", finished.status),
    })
}
