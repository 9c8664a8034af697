//! What real tests need: installed and started beside the compilation, stopped at the end.
//!
//! Only what this run started is stopped. Each thing started is noted in a file below the target
//! directory, so that `.ci/run` can stop it even when this program is killed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lotse_run::Case;

use super::needs::{Need, Provided};
use super::runner::{self, Programs};
use super::{reason, title};
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{self, Counts, Report};
use crate::{peer, testbed};

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
    took: Vec<(Need, Duration)>,
    /// What has to be stopped at the end, in order of starting.
    started: Vec<Need>,
}

/// Starts to provide what marked tests need (in CI all that apt can give, so that this is tested too).
pub(super) fn prepare(env: &Environment, needed: &BTreeSet<Need>) -> Preparation {
    let env = env.clone();
    let wanted: Vec<Need> =
        Need::ALL.into_iter().filter(|need| env.is_ci() || needed.contains(need)).collect();
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

/// Where Debian puts `openstack loadbalancer …`.
const BALANCER_COMMANDS: &str = "/usr/lib/python3/dist-packages/octaviaclient";

fn provide(need: Need, env: &Environment, prepared: &mut Prepared) -> Result<(), Error> {
    anstream::println!("  (beside) providing {}", need.name());
    let vars = &mut prepared.provided.vars;
    match need {
        Need::Root => require_root(env)?,
        Need::ImageManager => {
            let manager = peer::image_manager(env)?;
            let catalogue = manager.catalogue()?.display().to_string();
            vars.push(("LOTSE_OIM_CATALOG".to_owned(), catalogue));
            vars.push(("LOTSE_OIM".to_owned(), manager.program().display().to_string()));
        }
        Need::Client => {
            if env.find("openstack").is_none() {
                apt_install(env, "python3-openstackclient")?;
            }
            // Its commands for load balancers are a package of their own.
            if !Path::new(BALANCER_COMMANDS).is_dir() {
                apt_install(env, "python3-octaviaclient")?;
            }
        }
        Need::Tempest => {
            if env.find("tempest").is_none() {
                apt_install(env, "tempest")?;
            }
        }
        Need::Postgres => {
            let script = script(env, "testbed/postgres.sh")?;
            // Ours before the script's own: it copes with package sources that do not answer.
            apt_install(env, "postgresql")?;
            note_started(env, need)?;
            prepared.started.push(need);
            let server = |verb| postgres(env, &script, verb);
            beside(server("up"), env, "postgres-up.log")?;
            vars.extend(offers(&server("env"))?);
        }
        Need::Chromium => {
            vars.push(("LOTSE_CHROMIUM".to_owned(), packaged(env, "chromium")?));
        }
        Need::Lynx => vars.push(("LOTSE_LYNX".to_owned(), packaged(env, "lynx")?)),
        Need::Alertmanager => {
            let program = packaged(env, "prometheus-alertmanager")?;
            vars.push(("LOTSE_ALERTMANAGER".to_owned(), program));
        }
        Need::FeedReaders => {
            let python = peer::feed_readers(env)?.display().to_string();
            vars.push(("LOTSE_FEED_PYTHON".to_owned(), python));
        }
        Need::Node => {
            for program in ["node", "npm"] {
                if env.find(program).is_none() {
                    apt_install(env, if program == "node" { "nodejs" } else { "npm" })?;
                }
            }
            let modules = peer::node_modules(env)?.display().to_string();
            vars.push(("LOTSE_NODE_MODULES".to_owned(), modules));
        }
        Need::Schemathesis => {
            let program = peer::schemathesis(env)?.display().to_string();
            vars.push(("LOTSE_SCHEMATHESIS".to_owned(), program));
        }
        Need::SftpServer => {
            const PROGRAM: &str = "/usr/lib/openssh/sftp-server";
            // The package of this program alone: no daemon comes with it.
            if !Path::new(PROGRAM).is_file() {
                apt_install(env, "openssh-sftp-server")?;
            }
            vars.push(("LOTSE_SFTP_SERVER".to_owned(), PROGRAM.to_owned()));
        }
        Need::StatusDocument => {
            const NAME: &str = "LOTSE_STATUS_DOCUMENT";
            let given = env.var(NAME).map(PathBuf::from);
            let path =
                given.unwrap_or_else(|| env.root.join("../shared/data/status-page-openapi.yaml"));
            if !path.is_file() {
                return Err(Error::Missing {
                    what: path.display().to_string(),
                    hint: format!("name the document of status-page-openapi in {NAME}"),
                });
            }
            vars.push((NAME.to_owned(), path.display().to_string()));
        }
        Need::Testbed => {
            let script = script(env, testbed::SCRIPT)?;
            let was_up = Job::new(env, script.as_str()).args(&["status", "-q"]).succeeds();
            if !was_up {
                note_started(env, need)?;
                prepared.started.push(need);
                beside(Job::new(env, script.as_str()).args(&["up"]), env, "testbed-up.log")?;
            }
            vars.extend(offers(&Job::new(env, script).args(&["env"]))?);
        }
    }
    Ok(())
}

/// Installs a Debian package unless it is installed.
fn apt_install(env: &Environment, package: &str) -> Result<(), Error> {
    let script = script(env, "testbed/apt.sh")?;
    let log = format!("apt-{package}.log");
    beside(Job::new(env, script).args(&["install", package]), env, &log)
}

/// The path of the program that has the name of its Debian package; installs it unless it is there.
fn packaged(env: &Environment, name: &str) -> Result<String, Error> {
    if env.find(name).is_none() {
        apt_install(env, name)?;
    }
    let path = env.find(name).ok_or_else(|| Error::Missing {
        what: name.to_owned(),
        hint: "the package was installed but there is no program of that name".to_owned(),
    })?;
    Ok(path.display().to_string())
}

/// What a started service tells tests. Variables of other programs stay out: a test of the command
/// line must not find a cloud it did not name.
fn offers(job: &Job) -> Result<Vec<(String, String)>, Error> {
    Ok(testbed::exported(&job.output()?)
        .into_iter()
        .filter(|(name, _)| name.starts_with("LOTSE_"))
        .collect())
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
    require_root(env)?;
    if env.find("apt-get").is_none() {
        return Err(Error::Missing {
            what: "apt-get".to_owned(),
            hint: "the services come as Debian packages".to_owned(),
        });
    }
    Ok(path.display().to_string())
}

fn require_root(env: &Environment) -> Result<(), Error> {
    if env.is_root() {
        return Ok(());
    }
    Err(Error::Missing {
        what: "root".to_owned(),
        hint: "installing packages, starting services and mounting need it".to_owned(),
    })
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

/// The server of this run alone: one that somebody else started could be stopped under our tests.
fn postgres(env: &Environment, script: &str, verb: &str) -> Job {
    Job::new(env, script).args(&[verb]).var("LOTSE_POSTGRES_DIR", postgres_dir())
}

/// Below `/var/tmp`, because the user `postgres` may not enter the home of root.
fn postgres_dir() -> String {
    format!("/var/tmp/lotse-postgres-{}", std::process::id())
}

/// Leaves a mark that we start this; `.ci/run` stops what is marked if we cannot.
fn note_started(env: &Environment, need: Need) -> Result<(), Error> {
    let mark = mark(env, need)?;
    let place = if need == Need::Postgres { postgres_dir() } else { String::new() };
    std::fs::write(&mark, place).map_err(Error::file("write", &mark))
}

/// The file that says that we started it; named after the script that stops it.
fn mark(env: &Environment, need: Need) -> Result<PathBuf, Error> {
    let name = if need == Need::Postgres { "postgres" } else { "testbed" };
    Ok(env.scratch()?.join(format!("started-{name}")))
}

/// Waits for the services, runs the marked tests, and stops what was started.
pub(super) fn finish(
    preparation: Preparation,
    env: &Environment,
    programs: &Programs,
    marked: &[Case],
    report: &mut Report,
) {
    report.announce("waiting for the services of the real tests");
    let Ok(prepared) = preparation.worker.join() else {
        fail(report, "services", "the preparation of the real tests crashed".to_owned());
        return;
    };
    for (need, took) in &prepared.took {
        account(*need, *took, &prepared.provided, env, report);
    }
    let mut leave_out = Vec::new();
    for test in marked {
        if let Some(why) = prepared.provided.obstacle(reason(test)) {
            report.not_run(title(test), why);
            leave_out.push(test.name.as_str());
        }
    }
    if marked.len() > leave_out.len() {
        runner::marked(env, report, programs, &prepared.provided.vars, &leave_out);
    }
    if !leave_out.is_empty() {
        let counts = Counts { skipped: leave_out.len(), ..Counts::default() };
        report.stage("real tests left out", counts, Duration::ZERO, String::new());
    }
    for need in prepared.started.into_iter().rev() {
        report.announce(&format!("stopping {}", need.name()));
        if let Err(error) = stop(need, env) {
            fail(report, "stopping", format!("{}: {}", need.name(), report::chain(&error)));
        }
    }
}

fn fail(report: &mut Report, stage: &str, why: String) {
    report.failure(why);
    report.stage(stage, Counts { failed: 1, ..Counts::default() }, Duration::ZERO, String::new());
}

/// Writes one need into the report. What apt or a registry can give must be there in CI; elsewhere, and
/// for documents of others, it is listed.
fn account(
    need: Need,
    took: Duration,
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
        Some(why)
            if env.is_ci()
                && env.is_root()
                && env.find("apt-get").is_some()
                && need != Need::StatusDocument =>
        {
            fail(report, &name, why.clone());
        }
        Some(why) => report.not_run(need.name(), why.clone()),
    }
}

fn stop(need: Need, env: &Environment) -> Result<(), Error> {
    let script = match need {
        Need::Postgres => "testbed/postgres.sh",
        Need::Testbed => testbed::SCRIPT,
        Need::Root
        | Need::ImageManager
        | Need::Client
        | Need::Tempest
        | Need::Chromium
        | Need::Node
        | Need::FeedReaders
        | Need::Lynx
        | Need::Alertmanager
        | Need::Schemathesis
        | Need::SftpServer
        | Need::StatusDocument => return Ok(()),
    };
    let script = env.root.join(script).display().to_string();
    beside(postgres(env, &script, "down"), env, "down.log")?;
    let mark = mark(env, need)?;
    std::fs::remove_file(&mark).map_err(Error::file("remove", &mark))
}
