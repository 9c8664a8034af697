//! `lotse demo`: a simulated cloud, the daemon and the example estate in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::ExitCode;
use lotse_core::task::{Board, Outcome, TaskStatus};
use lotse_images::{Catalog, ImportPreference};
use lotse_sim::{SimCloud, SimOptions};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::demo::DemoArguments;
use crate::daemon::{self, Daemon, Start};
use crate::failure::{CommandResult, Error, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, Globals};
use crate::{example, output};

/// How long a simulated import takes, so that one can watch it.
const IMPORT: Duration = Duration::from_millis(500);

/// Runs the demo until it has converged (`--once`) or is interrupted.
pub(super) fn run(arguments: &DemoArguments, globals: &Globals) -> CommandResult {
    let directory = directory()?;
    super::server_runtime()?.block_on(show(arguments, globals, directory.path()))
}

/// The description of the API (`OpenAPI`) as the demo serves it: with the operations of all that the
/// example estate uses.
pub(super) fn openapi() -> Result<String, Failure> {
    let directory = directory()?;
    super::server_runtime()?.block_on(async {
        let harbour =
            Harbour::make(directory.path(), SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let daemon = harbour.start().await?;
        let document = daemon.openapi().to_owned();
        daemon.stop().await;
        harbour.cloud.shutdown().await;
        Ok(document)
    })
}

fn directory() -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new().prefix("lotse-demo-").tempdir().map_err(|source| Error::File {
        action: "create",
        path: "a temporary directory".to_owned(),
        source,
    })
}

/// What the daemon of the demo is started with.
struct Harbour {
    config: Config,
    cloud: SimCloud,
    estate: PathBuf,
    clouds_file: PathBuf,
}

impl Harbour {
    async fn make(directory: &Path, listen: SocketAddr) -> Result<Self, Failure> {
        let estate = directory.join("estate");
        example::unpack(&estate)?;
        let mut config = Config::read(&estate.join("lotse.yaml"))?.value;
        let cloud = cloud(&config).await?;
        let clouds_file = directory.join("clouds.yaml");
        super::sim::write(&clouds_file, &cloud.clouds_yaml())?;
        config.listen = listen;
        config.state_directory = Some(directory.join("state"));
        config.clouds_file = Some(clouds_file.clone());
        // The demo needs no network: its cloud pretends to download, we would really do it.
        if let Some(images) = &mut config.images {
            images.import = ImportPreference::Cloud;
        }
        Ok(Self { config, cloud, estate, clouds_file })
    }

    async fn start(&self) -> Result<Daemon, Failure> {
        // Nothing of the caller's environment: the demo is the same everywhere.
        let environment = Environment::default();
        let start = Start { config: &self.config, environment: &environment, mode: "demo" };
        Daemon::start(start).await
    }
}

async fn show(arguments: &DemoArguments, globals: &Globals, directory: &Path) -> CommandResult {
    let stop = daemon::cancelled_by_signal()?;
    let harbour = Harbour::make(directory, arguments.listen).await?;
    let daemon = harbour.start().await?;
    let Harbour { cloud, estate, clouds_file, .. } = harbour;
    // A program that waits for the end gets one object, not two.
    if !(arguments.once && globals.json()) {
        let link = daemon.sign_in_link().await?.unwrap_or_default();
        introduce(globals, &cloud, (daemon.address, &link), &estate, &clouds_file)?;
    }
    let outcome = if arguments.once {
        once(globals, &daemon, &stop).await
    } else {
        follow(globals, &daemon.board, &stop).await;
        Ok(ExitCode::Success)
    };
    daemon.stop().await;
    cloud.shutdown().await;
    outcome
}

/// The simulated cloud, in whose internet every declared URL serves what is declared of it.
async fn cloud(config: &Config) -> Result<SimCloud, Failure> {
    let options = SimOptions { import_delay: IMPORT, ..SimOptions::default() };
    let cloud = SimCloud::start(options).await?;
    if let Some(images) = &config.images {
        example::serve(&Catalog::load(&images.path)?, &cloud);
    }
    Ok(cloud)
}

fn introduce(
    globals: &Globals,
    cloud: &SimCloud,
    (address, link): (SocketAddr, &str),
    estate: &Path,
    clouds_file: &Path,
) -> Result<(), Error> {
    let base = format!("http://{address}");
    if globals.json() {
        let places = json!({
            "event": "started",
            "page": base,
            "sign_in": link,
            "api": format!("{base}/api/v1"),
            "tasks": format!("{base}/api/v1/tasks"),
            "metrics": format!("{base}/metrics"),
            "cloud": cloud.url(),
            "clouds_file": clouds_file,
            "estate": estate,
        });
        return output::data(globals, &format!("{places}\n"));
    }
    let text = format!(
        "Lotse demo: a simulated cloud, the daemon and the example estate in one process.\n\n\
         \x20 page            {base}/\n\
         \x20 sign in (once)  {link}\n\
         \x20 JSON API        {base}/api/v1\n\
         \x20 metrics         {base}/metrics\n\
         \x20 simulated cloud {}\n\
         \x20 estate          {}\n\n\
         Look at the cloud as any OpenStack client does:\n\
         \x20 OS_CLIENT_CONFIG_FILE={} openstack --os-cloud sim image list\n",
        cloud.url(),
        estate.display(),
        clouds_file.display(),
    );
    output::data(globals, &text)
}

/// Says what the tasks do until the process is told to stop.
async fn follow(globals: &Globals, board: &Arc<Board>, stop: &CancellationToken) {
    output::note(globals, "\nCtrl-C ends the demo and removes its files.");
    let mut said = 0;
    let watch = board.wait_until(|tasks| {
        let activations = tasks.iter().map(|task| task.succeeded + task.failed).sum();
        if activations != said {
            said = activations;
            for task in tasks {
                output::note(globals, &line(task));
            }
        }
        false
    });
    tokio::select! {
        () = watch => {}
        () = stop.cancelled() => {}
    }
}

/// Waits until every task has run and says that nothing is left to do.
async fn once(globals: &Globals, daemon: &Daemon, stop: &CancellationToken) -> CommandResult {
    let ran =
        daemon.board.wait_until(|tasks| tasks.iter().all(|task| task.succeeded + task.failed > 0));
    tokio::select! {
        () = ran => {}
        () = stop.cancelled() => return Err(Failure::from(stopped())),
    }
    // What the first activation changed, the second one must find in order.
    let before = daemon.board.tasks();
    for task in &before {
        daemon.request(&task.name);
    }
    let again = daemon.board.wait_until(|tasks| {
        tasks
            .iter()
            .zip(&before)
            .all(|(now, then)| now.succeeded + now.failed > then.succeeded + then.failed)
    });
    tokio::select! {
        () = again => {}
        () = stop.cancelled() => return Err(Failure::from(stopped())),
    }
    let tasks = daemon.board.tasks();
    if globals.json() {
        output::data(
            globals,
            &format!("{}\n", json!({ "event": "converged", "first": before, "tasks": tasks })),
        )?;
    } else {
        for (first, task) in before.iter().zip(&tasks) {
            output::data(globals, &format!("\nfirst   {}\nsecond  {}\n", line(first), line(task)))?;
        }
    }
    match tasks.iter().find(|task| !converged(task)) {
        None => Ok(ExitCode::Success),
        Some(task) => Err(Error::DemoFailed { reason: line(task) }.into()),
    }
}

fn stopped() -> Error {
    Error::DemoFailed { reason: "it was stopped".to_owned() }
}

/// Whether the last activation found nothing to do. A task that keeps no cloud names no needs.
fn converged(task: &TaskStatus) -> bool {
    match task.last.as_ref().map(|last| &last.outcome) {
        Some(Outcome::Succeeded { report }) => {
            report.detail["needed"].as_object().is_none_or(|kinds| kinds.values().all(|n| n == 0))
        }
        _ => false,
    }
}

fn line(task: &TaskStatus) -> String {
    let Some(last) = &task.last else { return format!("{}: has not run", task.name) };
    match &last.outcome {
        Outcome::Succeeded { report } => {
            format!("{}: {} ({:.2} s)", task.name, report.summary, last.seconds)
        }
        Outcome::Failed { message, .. } => format!("{}: failed: {message}", task.name),
    }
}
