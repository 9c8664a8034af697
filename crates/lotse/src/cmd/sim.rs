//! `lotse sim`: a simulated cloud on its own.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use lotse_core::error::ExitCode;
use lotse_images::Catalog;
use lotse_sim::{Delays, DownloadMode, Event, Fault, SimCloud, SimOptions};

use crate::cli::sim::SimArguments;
use crate::failure::{CommandResult, Error};
use crate::settings::Globals;
use crate::{example, output};

/// Serves a simulated cloud until it is interrupted.
pub(super) fn run(arguments: SimArguments, globals: &Globals) -> CommandResult {
    super::server_runtime()?.block_on(serve(arguments, globals))
}

async fn serve(arguments: SimArguments, globals: &Globals) -> CommandResult {
    let options = SimOptions {
        listen: arguments.listen,
        seed: arguments.seed,
        download: if arguments.fetch { DownloadMode::Fetch } else { DownloadMode::Simulated },
        scale: arguments.scale,
        latency: arguments.latency,
        token_lifetime: arguments.token_lifetime,
        import_delay: arguments.delay_import,
        delays: Delays {
            server: arguments.delay_server,
            volume: arguments.delay_volume,
            load_balancer: arguments.delay_load_balancer,
        },
        ..SimOptions::default()
    };
    let faults = arguments.faults.as_deref().map(Fault::read).transpose()?.unwrap_or_default();
    let stop = crate::daemon::cancelled_by_signal()?;
    let upstream = arguments.upstream.as_deref().map(Catalog::load).transpose()?;
    let mut recorder = Recorder::new(arguments.events)?;
    let cloud = SimCloud::start(options).await?;
    cloud.freeze_clock(arguments.freeze);
    for fault in faults {
        cloud.faults().add(fault);
    }
    example::serve(&example::catalog()?, &cloud);
    if let Some(catalog) = &upstream {
        example::serve(catalog, &cloud);
    }
    if let Some(path) = &arguments.write_clouds {
        write(path, &cloud.clouds_yaml())?;
    }
    if globals.json() {
        output::json(globals, &serde_json::json!({ "url": cloud.url(), "cloud": "sim" }))?;
    } else {
        output::note(globals, &format!("simulated cloud at {}", cloud.url()));
        if let Some(path) = &arguments.write_clouds {
            let path = path.display();
            output::note(
                globals,
                &format!("try: OS_CLIENT_CONFIG_FILE={path} openstack --os-cloud sim image list"),
            );
        }
    }
    tokio::select! {
        () = stop.cancelled() => {}
        failed = recorder.follow(&cloud) => failed?,
    }
    cloud.settle();
    recorder.write(&cloud.events().since(recorder.written))?;
    if let Some(path) = &arguments.dump {
        write(path, &format!("{:#}\n", cloud.state().to_json()))?;
    }
    cloud.shutdown().await;
    Ok(ExitCode::Success)
}

/// Writes down what happens.
struct Recorder {
    file: Option<(PathBuf, File)>,
    /// Number of the last event that is written down.
    written: u64,
}

impl Recorder {
    fn new(path: Option<PathBuf>) -> Result<Self, Error> {
        let create = |path: PathBuf| match File::create(&path) {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(Self::failed("create", &path, source)),
        };
        Ok(Self { file: path.map(create).transpose()?, written: 0 })
    }

    /// Writes each event as it comes; ends only when that fails.
    async fn follow(&mut self, cloud: &SimCloud) -> Result<(), Error> {
        if self.file.is_none() {
            return std::future::pending().await;
        }
        loop {
            let events = cloud.next_events(self.written).await;
            self.write(&events)?;
        }
    }

    fn write(&mut self, events: &[Event]) -> Result<(), Error> {
        self.written = events.last().map_or(self.written, |event| event.number);
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let mut lines = String::new();
        for event in events {
            lines.push_str(&event.notification().to_string());
            lines.push('\n');
        }
        file.write_all(lines.as_bytes()).map_err(|source| Self::failed("write", path, source))
    }

    fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
        Error::File { action, path: path.display().to_string(), source }
    }
}

/// Writes a file with credentials: only its owner may read it.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Error::File { action: "write", path: path.display().to_string(), source })
}
