//! `cargo xtask bench [NAME]`: what Lotse costs, measured beside what it replaces.
//!
//! Every number is measured here and now: results are kept in `bench/results.json` and rendered into
//! `docs/src/reference/benchmarks.md`, each with the machine and its load. Comparisons with a peer are
//! ratios of one run on one machine. Nothing here is a test: a slow machine fails no build.

mod build;
mod cloud;
mod conformance;
mod console;
mod daemon;
mod images;
mod import;
mod load;
mod measure;
mod mirror;
mod monitor;
mod page;
mod ranges;
mod served;
mod server;
mod sim;
mod start;
mod status;
mod transfer;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::report;

/// Which benchmarks to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One benchmark; without a name they are listed.
    name: Option<String>,
    /// All of them.
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

/// A benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Environment) -> Result<Vec<Fact>, Error>,
}

/// All of them, quick ones first.
const BENCHES: [Bench; 13] = [
    Bench { name: "start", about: "start of the program (`lotse --version`)", run: start::run },
    Bench {
        name: "images",
        about: "`lotse image plan` on a converged Glance beside the Python image manager",
        run: images::run,
    },
    Bench {
        name: "import",
        about: "first import and new versions beside the Python image manager, on the same Glance",
        run: import::run,
    },
    Bench {
        name: "sim",
        about: "the simulated cloud on one processor, at scale and with a thousand requests in flight",
        run: sim::run,
    },
    Bench {
        name: "conformance",
        about: "names of flavors, one simulated cloud, fifty of them at the same time",
        run: conformance::run,
    },
    Bench { name: "daemon", about: "memory of the daemon with the demo estate", run: daemon::run },
    Bench {
        name: "console",
        about: "pages of the console with much in it, at a steady rate",
        run: console::run,
    },
    Bench {
        name: "status",
        about: "the status page: reads on one processor, writes until they are seen, a large page",
        run: status::run,
    },
    Bench {
        name: "monitor",
        about: "the compliance monitor with ten million results, and uploads",
        run: monitor::run,
    },
    Bench {
        name: "server",
        about: "a server of the simulated cloud until it is active",
        run: server::run,
    },
    Bench {
        name: "transfer",
        about: "a download of 2 GiB beside curl and dd, and after a kill",
        run: transfer::run,
    },
    Bench { name: "edit", about: "an edit in `images` until its tests have run", run: build::edit },
    Bench { name: "build", about: "release build of the binary from nothing", run: build::cold },
];

/// One measured number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fact {
    /// What was measured.
    pub(crate) what: String,
    /// The number.
    pub(crate) value: f64,
    /// Its unit: `ms`, `s`, `MiB`, `requests`, `×`.
    pub(crate) unit: String,
    /// What we want it to be, if there is such a wish.
    pub(crate) target: Option<Target>,
}

/// A wish.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Fact {
    /// A number without a target.
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &str) -> Self {
        Self { what: what.into(), value, unit: unit.to_owned(), target: None }
    }

    /// The same with a target.
    #[must_use]
    pub(crate) fn wanted(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether the target is met; `None` without one.
    pub(crate) fn met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtMost(most) => self.value <= most,
            Target::AtLeast(least) => self.value >= least,
        })
    }
}

/// The results of one benchmark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Results {
    /// The machine and how busy it was when the benchmark began.
    pub(crate) machine: String,
    /// The commit that was measured.
    pub(crate) commit: String,
    /// The numbers.
    pub(crate) facts: Vec<Fact>,
}

/// Lists the benchmarks, or runs those asked for.
pub(crate) fn run(args: &Args, env: &Environment) -> Result<(), Error> {
    let chosen: Vec<&Bench> = match &args.name {
        Some(name) => vec![find(name)?],
        None if args.all => BENCHES.iter().collect(),
        None => {
            for bench in &BENCHES {
                anstream::println!("{:8} {}", bench.name, bench.about);
            }
            anstream::println!("\n`cargo xtask bench NAME` runs one, `--all` all of them");
            return Ok(());
        }
    };
    let mut failed = false;
    for bench in chosen {
        anstream::println!("{}: {}", bench.name, bench.about);
        let machine = measure::machine()?;
        match (bench.run)(env) {
            Ok(facts) => {
                let results = Results { machine, commit: commit(env)?, facts };
                anstream::print!("{}", page::table(&results.facts));
                keep(env, bench.name, results)?;
            }
            Err(error) => {
                failed = true;
                anstream::println!("  not measured: {}", report::chain(&error));
            }
        }
    }
    if failed { Err(Error::ChecksFailed) } else { Ok(()) }
}

fn find(name: &str) -> Result<&'static Bench, Error> {
    BENCHES.iter().find(|bench| bench.name == name).ok_or_else(|| Error::Missing {
        what: format!("a benchmark named `{name}`"),
        hint: format!("there are {}", BENCHES.map(|bench| bench.name).join(", ")),
    })
}

fn commit(env: &Environment) -> Result<String, Error> {
    let git = Job::new(env, "git").args(&["describe", "--always", "--dirty"]);
    Ok(git.output()?.trim().to_owned())
}

/// Stores the results beside those of the other benchmarks and writes the page anew.
fn keep(env: &Environment, name: &str, results: Results) -> Result<(), Error> {
    let path = env.root.join("bench/results.json");
    let mut all: BTreeMap<String, Results> = match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| Error::Answer {
            program: path.display().to_string(),
            detail: error.to_string(),
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(Error::file("read", &path)(error)),
    };
    all.insert(name.to_owned(), results);
    let text = serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    let order: Vec<(&str, &str)> = BENCHES.iter().map(|b| (b.name, b.about)).collect();
    let page = env.root.join("docs/src/reference/benchmarks.md");
    if let Some(dir) = page.parent() {
        std::fs::create_dir_all(dir).map_err(Error::file("create", dir))?;
    }
    std::fs::write(&page, page::render(&order, &all)).map_err(Error::file("write", &page))
}

/// The release binary of this checkout, built if need be.
fn binary(env: &Environment) -> Result<PathBuf, Error> {
    Job::cargo(env, &["build", "--release", "--locked", "--quiet", "--package", "lotse"])
        .run_visible()?;
    Ok(env.target.join("release/lotse"))
}
