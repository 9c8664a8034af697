//! `lotse status publish` and `lotse status edge`: the page as signed files, and their reader.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::{ExitCode, chain};
use lotse_core::time::SignedDuration;
use lotse_status::bundle::edge::Edge;
use lotse_status::bundle::glass::Operators;
use lotse_status::bundle::key::SigningKey;
use lotse_status::bundle::place::Place;
use lotse_status::bundle::{Bundle, Manifest, Preset, merge};
use lotse_status::site::{Options, Site};
use lotse_status::{Desk, pages::look::Look};
use lotse_web::ListenError;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::glass;
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
    let preset = arguments.preset_after.map(|minutes| Preset {
        after_seconds: minutes.saturating_mul(60),
        name: arguments.preset_name.clone(),
        text: arguments.preset_text.clone(),
    });
    let variable = |name: &str| environment.get(name).map(str::to_owned);
    let operators = arguments.operators.as_deref().map(Operators::read).transpose()?;
    let publisher = Publisher {
        key: SigningKey::open(&key)?,
        to: Place::at(&arguments.to, variable, clock())?,
        preset,
        operators: operators.unwrap_or_default(),
        edges: arguments.merge_from.clone(),
        base: arguments.public_url.as_str().trim_end_matches('/').to_owned(),
        valid: SignedDuration::from_mins(arguments.valid.into()),
    };
    let url = store_url(arguments.database.as_deref(), globals, environment)?;
    super::super::small_runtime()?.block_on(async {
        let stop = daemon::cancelled_by_signal()?;
        let store = Arc::new(daemon::open_state(&url).await?);
        let desk = Arc::new(Desk::open(store.clone(), clock()).await?);
        let site = Site::new(desk, look, Options::default());
        let manifest = publisher.publish(&site).await?;
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
    to: Place,
    preset: Option<Preset>,
    operators: Operators,
    /// Whose posts are put on the page.
    edges: Vec<Url>,
    base: String,
    valid: SignedDuration,
}

impl Publisher {
    async fn publish(&self, site: &Site) -> Result<Manifest, lotse_status::Error> {
        let mut bundle = Bundle::render(site, &self.base);
        bundle.merged = merge::merged(site.desk().store()).await?;
        bundle.preset.clone_from(&self.preset);
        self.to.publish(&bundle, &self.key, clock().now(), self.valid).await
    }

    /// Puts on the page what operators said on the edges. An edge that is not there has nothing to say.
    async fn merge(&self, site: &Site) {
        for edge in &self.edges {
            match glass::merge_from(site.desk(), &self.operators, edge).await {
                Ok(done) if done.merged > 0 => {
                    tracing::info!(%edge, merged = done.merged, "break-glass posts were merged");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%edge, ?error, "an edge was not asked for posts"),
            }
        }
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
        publisher.merge(site).await;
        match publisher.publish(site).await {
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
    let EdgeArguments { from, listen, key, memory, operators } = arguments;
    let memory = memory.unwrap_or_else(|| environment.state_directory().join("status-edge.json"));
    let operators = operators.as_deref().map(Operators::read).transpose()?.unwrap_or_default();
    let place = Place::at(&from, |name| environment.get(name).map(str::to_owned), clock())?;
    super::super::server_runtime()?.block_on(async {
        let stop = daemon::cancelled_by_signal()?;
        let folder = match &place {
            Place::Folder(folder) => folder.clone(),
            // What was fetched stays, so that the edge can start while its source is gone.
            _ => memory.with_extension("bundles"),
        };
        if let Err(error) = place.fetch(&folder).await {
            tracing::warn!(error = chain(&error), "nothing new could be fetched");
        }
        let edge = Edge::open(&folder, &memory, key, clock())?.believing(operators);
        let edge = Arc::new(edge);
        let listener = lotse_web::bind(listen).await?;
        let address =
            listener.local_addr().map_err(|source| ListenError { address: listen, source })?;
        let ended = stop.clone().cancelled_owned();
        let server = tokio::spawn(lotse_web::serve(listener, edge.router(), ended, GRACE));
        announce(globals, &edge, &format!("http://{address}"))?;
        edge.follow(&place, stop).await;
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
