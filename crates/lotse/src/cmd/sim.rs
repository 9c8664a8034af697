//! `lotse sim`: a simulated cloud on its own.

use std::path::Path;

use lotse_core::error::ExitCode;
use lotse_images::Catalog;
use lotse_sim::{Delays, DownloadMode, Fault, SimCloud, SimOptions};

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
    stop.cancelled().await;
    cloud.shutdown().await;
    Ok(ExitCode::Success)
}

/// Writes a file with credentials: only its owner may read it.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write;
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
