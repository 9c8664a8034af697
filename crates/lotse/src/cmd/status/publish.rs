//! `lotse status publish` and `lotse status edge`: the page as signed files, and their reader.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::{ExitCode, chain};
use lotse_core::time::SignedDuration;
use lotse_status::bundle::edge::Edge;
use lotse_status::bundle::key::SigningKey;
use lotse_status::bundle::{Bundle, Manifest, folder};
use lotse_status::site::{Options, Site};
use lotse_status::{Desk, pages::look::Look};
use lotse_web::ListenError;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::status::{EdgeArguments, PublishArguments};
use crate::daemon::{self, clock};
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::settings::status::store_url;
use crate::settings::{Environment, Globals};

/// How often an unchanged page is published again, so that it is known to be the present.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// How often it is looked for changes.
const LOOK: Duration = Duration::from_millis(500);

/// How long open requests may take after a stop was requested.
const GRACE: Duration = Duration::from_secs(5);

/// Publishes once, or until told to stop.
pub(super) fn publish(
    arguments: &PublishArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let look = arguments.theme.as_deref().map(Look::read).transpose();
    let look = look.map_err(lotse_status::Error::from)?.unwrap_or_default();
    let key = arguments.key.clone();
    let key = key.unwrap_or_else(|| environment.state_directory().join("status-signing.key"));
    let publisher = Publisher {
        key: SigningKey::open(&key)?,
        to: arguments.to.clone(),
        base: arguments.public_url.as_str().trim_end_matches('/').to_owned(),
        valid: SignedDuration::from_mins(arguments.valid.into()),
    };
    let url = store_url(arguments.database.as_deref(), environment)?;
    super::super::small_runtime()?.block_on(async {
        let stop = daemon::cancelled_by_signal()?;
        let store = Arc::new(daemon::open_state(&url).await?);
        let desk = Arc::new(Desk::open(store.clone(), clock()).await?);
        let site = Site::new(desk, look, Options::default());
        let manifest = publisher.publish(&site)?;
        let (files, sequence) = (manifest.files.len(), manifest.sequence);
        let public = publisher.key.public().to_string();
        if globals.json() {
            let done = json!({ "sequence": sequence, "files": files, "key": public });
            output::data(globals, &format!("{done}\n"))?;
        } else {
            let text = format!("published {files} files as {sequence}, signed by {public}\n");
            output::data(globals, &text)?;
        }
        if arguments.follow {
            follow(&publisher, &site, &stop).await;
        }
        store.close().await;
        Ok(ExitCode::Success)
    })
}

struct Publisher {
    key: SigningKey,
    to: std::path::PathBuf,
    base: String,
    valid: SignedDuration,
}

impl Publisher {
    fn publish(&self, site: &Site) -> Result<Manifest, lotse_status::Error> {
        let bundle = Bundle::render(site, &self.base);
        folder::publish(&self.to, &bundle, &self.key, clock().now(), self.valid)
    }
}

/// Publishes every change, and the present once a minute. Trouble is told and tried again.
async fn follow(publisher: &Publisher, site: &Site, stop: &CancellationToken) {
    let mut shown = site.desk().snapshot().revision();
    let mut last = tokio::time::Instant::now();
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        if let Err(error) = site.desk().look().await {
            // Without the state nothing can be said about the present: the edge will say so.
            tracing::warn!(error = chain(&error), "the page cannot be read");
            continue;
        }
        let revision = site.desk().snapshot().revision();
        if revision == shown && last.elapsed() < HEARTBEAT {
            continue;
        }
        match publisher.publish(site) {
            Ok(_) => (shown, last) = (revision, tokio::time::Instant::now()),
            Err(error) => tracing::warn!(error = chain(&error), "the page was not published"),
        }
    }
}

/// Shows what is published until told to stop.
pub(super) fn edge(
    arguments: EdgeArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let EdgeArguments { from, listen, key, memory } = arguments;
    let memory = memory.unwrap_or_else(|| environment.state_directory().join("status-edge.json"));
    super::super::server_runtime()?.block_on(async {
        let stop = daemon::cancelled_by_signal()?;
        let edge = Arc::new(Edge::open(&from, &memory, key, clock())?);
        let listener = lotse_web::bind(listen).await?;
        let address =
            listener.local_addr().map_err(|source| ListenError { address: listen, source })?;
        let ended = stop.clone().cancelled_owned();
        let server = tokio::spawn(lotse_web::serve(listener, edge.router(), ended, GRACE));
        announce(globals, &edge, &format!("http://{address}"))?;
        edge.follow(stop).await;
        let clean = matches!(server.await, Ok(Ok(())));
        Ok(if clean { ExitCode::Success } else { ExitCode::Failed })
    })
}

fn announce(globals: &Globals, edge: &Edge, page: &str) -> Result<(), Failure> {
    if globals.json() {
        let key = edge.key().to_string();
        let hello =
            json!({ "event": "started", "page": page, "sequence": edge.sequence(), "key": key });
        output::data(globals, &format!("{hello}\n"))?;
    } else {
        let (number, key) = (edge.sequence(), edge.key());
        output::note(globals, &format!("the edge shows {number} of publisher {key} at {page}"));
    }
    Ok(())
}
