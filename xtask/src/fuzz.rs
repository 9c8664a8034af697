//! `cargo xtask fuzz [TARGET]`: feeds parsers of foreign bytes with random input.
//!
//! The targets live in `fuzz/`, a workspace of its own because they need a nightly compiler to run.
//! That they compile is checked with the pinned compiler on every `cargo xtask test`.

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// What to fuzz.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One target; all of them when left out.
    target: Option<String>,
    /// Seconds per target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs the targets one after the other; stops at the first crash.
pub(crate) fn run(args: &Args, env: &Environment) -> Result<(), Error> {
    let targets = match &args.target {
        Some(target) => vec![target.clone()],
        None => targets(env)?,
    };
    take_lock(env)?;
    for target in targets {
        anstream::println!("fuzzing {target} for {} s", args.seconds);
        Job::new(env, "cargo")
            .args(&["+nightly", "fuzz", "run", &target, "--"])
            .args(&[format!("-max_total_time={}", args.seconds)])
            // rustup sets these for the pinned toolchain; the nightly one must find its own.
            .var("RUSTUP_TOOLCHAIN", "nightly")
            .run_visible()?;
    }
    Ok(())
}

/// Whether there are targets at all.
pub(crate) fn exists(env: &Environment) -> bool {
    env.root.join("fuzz/Cargo.toml").is_file()
}

/// Compiles the targets with the pinned compiler, without running them.
///
/// Versions, profile and target directory are those of the workspace, so that only the targets
/// themselves are compiled anew.
pub(crate) fn compile(env: &Environment) -> Result<(), Error> {
    take_lock(env)?;
    let job = Job::cargo(env, &["check", "--quiet", "--no-default-features"])
        .dir(env.root.join("fuzz"))
        .var("CARGO_TARGET_DIR", env.target.display().to_string());
    let finished = job.run_lines(|line| anstream::println!("  {line}"))?;
    if finished.status.success() {
        return Ok(());
    }
    Err(Error::Child { command: job.command_line(), status: finished.status.to_string() })
}

/// Gives the targets the versions of the workspace: one set of dependencies is enough.
fn take_lock(env: &Environment) -> Result<(), Error> {
    let (from, to) = (env.root.join("Cargo.lock"), env.root.join("fuzz/Cargo.lock"));
    std::fs::copy(from, &to).map_err(Error::file("write", &to)).map(drop)
}

/// The names of the targets: the files in `fuzz/fuzz_targets`.
fn targets(env: &Environment) -> Result<Vec<String>, Error> {
    let files = crate::workspace::rust_files(&env.root.join("fuzz/fuzz_targets"))?;
    Ok(files
        .iter()
        .filter_map(|file| file.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect())
}
