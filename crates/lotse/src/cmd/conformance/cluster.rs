//! Looking at clusters of Kubernetes, and reading what is published about versions.

use std::collections::BTreeSet;

use lotse_conformance::feed::{Feeds, Publications, fetch};
use lotse_conformance::kaas::observe::{INNER_PORTS, Options, PATIENCE, observe};
use lotse_conformance::kaas::{Access, Api, Part, api, suite};
use lotse_conformance::observe::Reach;
use lotse_conformance::snapshot::Answer;
use lotse_conformance::testcase::Need;
use lotse_conformance::{Error as ConformanceError, Snapshot};
use lotse_core::error::ExitCode;
use lotse_core::retry::Backoff;
use lotse_core::time::{Clock as _, SystemClock};
use uuid::Uuid;

use super::write_file;
use crate::cli::conformance_cluster::{ClusterArguments, FeedsArguments};
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::settings::Globals;

/// Looks at the cluster to which the arguments lead; `None` if they lead to none.
pub(super) async fn look(
    arguments: &ClusterArguments,
    needs: &BTreeSet<Need>,
    reach: Reach,
) -> Option<Result<Snapshot, Failure>> {
    let kubeconfig = arguments.kubeconfig.as_deref()?;
    let access = Access::read(kubeconfig, arguments.context.as_deref());
    Some(match access {
        Ok(access) => at(access, arguments, needs, reach).await.map_err(Failure::from),
        Err(error) => Err(error.into()),
    })
}

async fn at(
    access: Access,
    arguments: &ClusterArguments,
    needs: &BTreeSet<Need>,
    reach: Reach,
) -> Result<Snapshot, ConformanceError> {
    let parts: BTreeSet<Part> = needs
        .iter()
        .filter_map(|need| if let Need::Kubernetes(part) = need { Some(*part) } else { None })
        .collect();
    let run = Uuid::new_v4();
    let (seed, _) = run.as_u64_pair();
    let api = Api::new(access, api::PATIENCE, seed)?;
    let now = SystemClock.now();
    let wants_feeds = parts.contains(&Part::Feeds);
    let options =
        Options { reach, parts, now, run, ports: INNER_PORTS.to_vec(), patience: PATIENCE };
    let publications = async {
        match &arguments.feeds {
            Some(path) => Feeds::read(path),
            None if wants_feeds => published(&Publications::of_the_world()?).await,
            None => Ok(Feeds::default()),
        }
    };
    // Many questions at once make a large future.
    let (mut snapshot, feeds) = tokio::join!(Box::pin(observe(&api, &options)), publications);
    snapshot.feeds = feeds?;
    let accepted = match &arguments.accepted_failures {
        Some(path) => suite::read_accepted(path)?,
        None => suite::accepted_failures(),
    };
    let read = |paths: &[std::path::PathBuf]| match paths {
        [] => Answer::NotAsked,
        paths => suite::read(paths, accepted.clone()),
    };
    snapshot.cluster.conformance = read(&arguments.conformance_results);
    snapshot.cluster.networking = read(&arguments.networking_results);
    Ok(snapshot)
}

async fn published(publications: &Publications) -> Result<Feeds, ConformanceError> {
    let backoff = Backoff { attempts: 3, ..Backoff::default() };
    fetch(publications, SystemClock.now(), backoff).await
}

/// `lotse conformance feeds`: reads what is published, for checks without the internet.
pub(super) async fn feeds(arguments: &FeedsArguments, globals: &Globals) -> CommandResult {
    let publications = match &arguments.mirror {
        Some(mirror) => Publications::at(mirror)?,
        None => Publications::of_the_world()?,
    };
    let feeds = published(&publications).await?;
    let text = feeds.to_text();
    match &arguments.output {
        Some(path) => {
            write_file(path, &text)?;
            output::note(globals, &format!("wrote {}", path.display()));
        }
        None => output::data(globals, &text)?,
    }
    let mut whole = true;
    for (what, trouble) in [("releases", feeds.releases.failure()), ("CVEs", feeds.cves.failure())]
    {
        if let Some(trouble) = trouble {
            output::note(globals, &format!("{what}: {}", trouble.message));
            whole = false;
        }
    }
    if let Some(cves) = feeds.cves.given() {
        for unread in &cves.entries.unread {
            output::note(globals, &format!("{}: {}", unread.id, unread.why));
            whole = false;
        }
    }
    Ok(if whole { ExitCode::Success } else { ExitCode::Failed })
}
