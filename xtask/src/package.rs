//! `cargo xtask package deb`: the Debian package, made and looked at.
//!
//! What is in it stands in `[package.metadata.deb]` of `crates/lotse/Cargo.toml`; `cargo deb` reads
//! that. What the program itself can say (manual pages, completions) and what can be found out
//! (the licences of all that is linked in, the day of the change) is written here before, below
//! `target/PROFILE/package`. A package that was made is always examined ([`contents`], [`mod@unit`]):
//! without installing anything and without privileges.

mod contents;
mod notices;
mod unit;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::tools;

/// What to make.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kind of package.
    kind: Kind,
    /// Pack the program as tests build it: quick, large and slow.
    #[arg(long)]
    debug: bool,
    /// Write it into this directory (default: `debian` in the target directory).
    #[arg(long, value_name = "DIRECTORY")]
    to: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A package for Debian and its children.
    Deb,
}

/// Shells with a place for completions, and what their files are called.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "lotse.bash"), ("zsh", "_lotse"), ("fish", "lotse.fish")];

/// Builds the program, packs it and examines the package.
pub(crate) fn run(args: &Args, env: &Environment) -> Result<(), Error> {
    let Kind::Deb = args.kind;
    let to = args.to.clone().unwrap_or_else(|| env.target.join("debian"));
    let package = make(env, args.debug, &to)?;
    examine(env, &package)?;
    anstream::println!("{}", package.display());
    Ok(())
}

/// Packs the program that tests built, and examines the package: for the gate.
pub(crate) fn check(env: &Environment) -> Result<(), Error> {
    let package = make(env, true, &env.scratch()?.join("package"))?;
    examine(env, &package)
}

/// Makes a package in the directory and returns its path.
fn make(env: &Environment, debug: bool, to: &Path) -> Result<PathBuf, Error> {
    let deb = tools::provide(env, &tools::CARGO_DEB)?;
    let (profile, directory) = if debug { ("dev", "debug") } else { ("release", "release") };
    let build = ["build", "--locked", "--package", "lotse", "--profile", profile];
    Job::cargo(env, &build).run_visible()?;
    let built = env.target.join(directory);
    write_parts(env, &built)?;
    std::fs::create_dir_all(to).map_err(Error::file("create", to))?;
    let to = to.display().to_string();
    let mut job = Job::new(env, deb.display().to_string())
        .args(&["--package", "lotse", "--no-build", "--profile", profile, "--output", &to])
        .var("CARGO_TARGET_DIR", env.target.display().to_string());
    if debug {
        job = job.args(&["--fast"]);
    }
    let said = job.output()?;
    // The path is all that it writes to its standard output.
    said.lines().last().map(PathBuf::from).filter(|path| path.is_file()).ok_or_else(|| {
        Error::Answer { program: "cargo-deb".to_owned(), detail: format!("no package: {said}") }
    })
}

/// Fails when the package does not hold what it should, or what it holds does not fit together.
fn examine(env: &Environment, package: &Path) -> Result<(), Error> {
    let name = package.display().to_string();
    let deb = |args: &[&str]| Job::new(env, "dpkg-deb").args(args).output();
    let listing = deb(&["--contents", &name])?;
    let mut problems = contents::problems(&listing, &deb(&["--field", &name])?);
    let root = env.scratch()?.join(format!("package-{}", std::process::id()));
    deb(&["--raw-extract", &name, &root.display().to_string()])?;
    problems.extend(contents::script_problems(&root.join("DEBIAN"))?);
    let checked = unit::problems(env, &root);
    // What was unpacked is of no further use, whatever came of the check.
    std::fs::remove_dir_all(&root).map_err(Error::file("remove", &root))?;
    problems.extend(checked?);
    for problem in &problems {
        anstream::println!("  error: {problem}");
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::ChecksFailed) }
}

/// Writes what the package holds beside the program.
fn write_parts(env: &Environment, built: &Path) -> Result<(), Error> {
    let parts = built.join("package");
    if parts.exists() {
        // Pages of commands that are no more must not stay.
        std::fs::remove_dir_all(&parts).map_err(Error::file("remove", &parts))?;
    }
    let man = parts.join("man");
    std::fs::create_dir_all(&man).map_err(Error::file("create", &man))?;
    let program = built.join("lotse").display().to_string();
    let lotse = |words: &[&str]| Job::new(env, &*program).args(words).output();
    lotse(&["reference", "manual", "--to", &man.display().to_string()])?;
    for page in std::fs::read_dir(&man).map_err(Error::file("read", &man))? {
        compress(env, &page.map_err(Error::file("read", &man))?.path())?;
    }
    for (shell, name) in COMPLETIONS {
        write(&parts.join(name), &lotse(&["completion", shell])?)?;
    }
    write_compressed(env, &parts.join("changelog.Debian"), &changelog(env))?;
    write_compressed(env, &parts.join("THIRD-PARTY"), &notices::collect(env)?)
}

/// The changelog as Debian wants it; what changed stands in `CHANGELOG.md`, which is packed as well.
fn changelog(env: &Environment) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let git = ["log", "-1", "--format=%cD"];
    // Without a repository (a source archive) the date of the change is not known.
    let date = Job::new(env, "git").args(&git).output().unwrap_or_default();
    let date = if date.trim().is_empty() { "Thu, 01 Jan 1970 00:00:00 +0000" } else { date.trim() };
    format!(
        "lotse ({version}-1) unstable; urgency=medium\n\n  * See /usr/share/doc/lotse/changelog.gz.\n\n \
         -- Lotse developers <developers@lotse.invalid>  {date}\n"
    )
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(Error::file("write", path))
}

fn write_compressed(env: &Environment, path: &Path, text: &str) -> Result<(), Error> {
    write(path, text)?;
    compress(env, path)
}

/// Makes `PATH.gz` of `PATH`; the same text makes the same bytes.
fn compress(env: &Environment, path: &Path) -> Result<(), Error> {
    Job::new(env, "gzip").args(&["-9n", &path.display().to_string()]).run_visible()
}
