//! What real tests need: installed and started beside the compilation, stopped at the end.
//!
//! Only what this run started is stopped. Each thing started is noted in a file below the target
//! directory, so that `.ci/run` can stop it even when this program is killed.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Instant;

use super::ignored::Marked;
use super::needs::{Need, Provided};
use super::runner;
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{self, Counts, Report};
use crate::testbed;

/// A preparation at work in the background.
#[derive(Debug)]
pub(super) struct Preparation {
    worker: JoinHandle<Prepared>,
}

/// What came of it.
#[derive(Debug, Default)]
struct Prepared {
    provided: Provided,
    /// How long each need took, for the report.
    took: Vec<(Need, std::time::Duration)>,
    /// What has to be stopped at the end, in order of starting.
    started: Vec<Need>,
}

/// Starts to provide what the marked tests need (all of it in CI, so that provisioning is tested).
pub(super) fn prepare(env: &Environment, marked: &[Marked]) -> Preparation {
    let env = env.clone();
    let wanted: Vec<Need> = Need::ALL
        .into_iter()
        .filter(|need| env.is_ci() || marked.iter().any(|t| Need::of(&t.reason).contains(need)))
        .collect();
    let worker = std::thread::spawn(move || {
        let mut prepared = Prepared::default();
        // One after the other: apt allows one installation at a time.
        for need in wanted {
            let begun = Instant::now();
            if let Err(error) = provide(need, &env, &mut prepared) {
                let why = format!("{} cannot be had: {}", need.name(), report::chain(&error));
                anstream::println!("  (beside) {why}");
                prepared.provided.missing.insert(need, why);
            }
            prepared.took.push((need, begun.elapsed()));
        }
        prepared
    });
    Preparation { worker }
}

fn provide(need: Need, env: &Environment, prepared: &mut Prepared) -> Result<(), Error> {
    anstream::println!("  (beside) providing {}", need.name());
    let vars = &mut prepared.provided.vars;
    match need {
        Need::Postgres => {
            let script = script(env, "testbed/postgres.sh")?;
            let was_up = Job::new(env, script.as_str()).args(&["status"]).succeeds();
            note_started(env, need, was_up)?;
            beside(Job::new(env, script.as_str()).args(&["up"]), env, "postgres-up.log")?;
            if !was_up {
                prepared.started.push(need);
            }
            vars.extend(testbed::exported(
                &Job::new(env, script.as_str()).args(&["env"]).output()?,
            ));
        }
        Need::Chromium => {
            let script = script(env, "testbed/apt.sh")?;
            if env.find("chromium").is_none() {
                let install = Job::new(env, script.as_str()).args(&["install", "chromium"]);
                beside(install, env, "chromium-apt.log")?;
            }
            let path = env.find("chromium").ok_or_else(|| Error::Missing {
                what: "chromium".to_owned(),
                hint: "the package was installed but there is no program of that name".to_owned(),
            })?;
            vars.push(("LOTSE_CHROMIUM".to_owned(), path.display().to_string()));
        }
        Need::Testbed => {
            let script = script(env, testbed::SCRIPT)?;
            let was_up = Job::new(env, script.as_str()).args(&["status", "-q"]).succeeds();
            note_started(env, need, was_up)?;
            if !was_up {
                prepared.started.push(need);
                beside(Job::new(env, script.as_str()).args(&["up"]), env, "testbed-up.log")?;
            }
            vars.extend(testbed::exported(
                &Job::new(env, script.as_str()).args(&["env"]).output()?,
            ));
        }
    }
    Ok(())
}

/// The full path of a script of ours; an error that says what is missing if it cannot be used.
fn script(env: &Environment, name: &str) -> Result<String, Error> {
    let path = env.root.join(name);
    if !path.is_file() {
        return Err(Error::Missing {
            what: name.to_owned(),
            hint: "it should be in the checkout".to_owned(),
        });
    }
    if !env.is_root() {
        return Err(Error::Missing {
            what: "root".to_owned(),
            hint: "installing packages and starting services needs it".to_owned(),
        });
    }
    if env.find("apt-get").is_none() {
        return Err(Error::Missing {
            what: "apt-get".to_owned(),
            hint: "the services come as Debian packages".to_owned(),
        });
    }
    Ok(path.display().to_string())
}

/// Runs a preparation, its lines marked as those of the other thread.
fn beside(job: Job, env: &Environment, log: &str) -> Result<(), Error> {
    let job = job.log(env.scratch()?.join(log));
    let finished = job.run_lines(|line| anstream::println!("  (beside) {line}"))?;
    if finished.status.success() {
        return Ok(());
    }
    let last = finished.tail.iter().rev().find(|line| !line.trim().is_empty());
    Err(Error::Child {
        command: job.command_line(),
        status: format!("{}, {}", finished.status, last.map_or("no output", String::as_str)),
    })
}

/// Leaves a mark that we start this; `.ci/run` stops what is marked if we cannot.
fn note_started(env: &Environment, need: Need, was_up: bool) -> Result<(), Error> {
    if was_up {
        return Ok(());
    }
    let mark = mark(env, need)?;
    std::fs::write(&mark, "").map_err(Error::file("write", &mark))
}

fn mark(env: &Environment, need: Need) -> Result<PathBuf, Error> {
    let name = match need {
        Need::Postgres => "postgres",
        Need::Chromium => "chromium",
        Need::Testbed => "testbed",
    };
    Ok(env.scratch()?.join(format!("started-{name}")))
}

/// Waits for the services, runs the marked tests, and stops what was started.
pub(super) fn finish(
    preparation: Preparation,
    env: &Environment,
    marked: &[Marked],
    report: &mut Report,
) {
    report.announce("waiting for the services of the real tests");
    let Ok(prepared) = preparation.worker.join() else {
        report.failure("the preparation of the real tests crashed");
        report.stage(
            "services",
            Counts { failed: 1, ..Counts::default() },
            std::time::Duration::ZERO,
            String::new(),
        );
        return;
    };
    for (need, took) in &prepared.took {
        account(*need, *took, &prepared.provided, env, report);
    }
    let mut leave_out = Vec::new();
    let mut skipped = 0;
    for test in marked {
        if let Some(why) = prepared.provided.obstacle(&test.reason) {
            report.not_run(test.to_string(), why);
            leave_out.push(test.name.clone());
            skipped += 1;
        }
    }
    if marked.len() > skipped {
        runner::marked(env, report, &prepared.provided.vars, &leave_out);
    }
    if skipped > 0 {
        let counts = Counts { skipped, ..Counts::default() };
        report.stage("real tests left out", counts, std::time::Duration::ZERO, String::new());
    }
    if prepared.started.is_empty() {
        return;
    }
    report.announce("stopping what was started");
    for need in prepared.started.into_iter().rev() {
        if let Err(error) = stop(need, env) {
            report.failure(format!("stopping {}: {}", need.name(), report::chain(&error)));
            report.stage(
                "stopping",
                Counts { failed: 1, ..Counts::default() },
                std::time::Duration::ZERO,
                String::new(),
            );
        }
    }
}

/// Writes one need into the report. What apt can give must be there in CI; elsewhere it is listed.
fn account(
    need: Need,
    took: std::time::Duration,
    provided: &Provided,
    env: &Environment,
    report: &mut Report,
) {
    let name = format!("service: {}", need.name());
    match provided.missing.get(&need) {
        None => {
            let counts = Counts { passed: 1, ..Counts::default() };
            report.stage(&name, counts, took, "beside the build".to_owned());
        }
        Some(why) if env.is_ci() && env.is_root() && has_apt(env) => {
            report.failure(why.clone());
            report.stage(&name, Counts { failed: 1, ..Counts::default() }, took, String::new());
        }
        Some(why) => report.not_run(need.name(), why.clone()),
    }
}

fn has_apt(env: &Environment) -> bool {
    env.find("apt-get").is_some_and(|path| Path::new(&path).is_file())
}

fn stop(need: Need, env: &Environment) -> Result<(), Error> {
    let script = match need {
        Need::Postgres => "testbed/postgres.sh",
        Need::Testbed => testbed::SCRIPT,
        Need::Chromium => return Ok(()),
    };
    let script = env.root.join(script).display().to_string();
    beside(Job::new(env, script).args(&["down"]), env, "down.log")?;
    let mark = mark(env, need)?;
    std::fs::remove_file(&mark).map_err(Error::file("remove", &mark))
}
