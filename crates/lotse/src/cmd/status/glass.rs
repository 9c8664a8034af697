//! `lotse status post` and `lotse status merge`: what operators say on an edge, and its way back.

use std::collections::BTreeMap;
use std::path::Path;

use lotse_core::error::ExitCode;
use lotse_core::id::IncidentId;
use lotse_core::signature::ssh::SigningKey;
use lotse_status::bundle::glass::{NAMESPACE, Operators, Post, Signed};
use lotse_status::bundle::line::Line;
use lotse_status::bundle::merge;
use lotse_status::{Desk, Error};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::report::Reporter;
use crate::cli::status::{MergeArguments, PostArguments};
use crate::daemon::clock;
use crate::failure::{CommandResult, Error as Trouble, Failure};
use crate::output;
use crate::settings::{Environment, Globals};

/// Signs a post, and sends it to an edge.
pub(super) async fn post(arguments: PostArguments, globals: &Globals) -> CommandResult {
    let key = signing_key(&arguments.key)?;
    let incident = match &arguments.incident {
        Some(text) => text.parse().map_err(|_| Error::invalid("--incident", "it is no UUID"))?,
        None => IncidentId::generate(),
    };
    let pair = |text: &String| {
        let wrong = || Error::invalid("--affects", format!("{text:?} is not COMPONENT=SEVERITY"));
        let (name, severity) = text.rsplit_once('=').ok_or_else(wrong)?;
        let severity: u8 = severity.parse().map_err(|_| wrong())?;
        Ok((name.to_owned(), severity))
    };
    let post = Post {
        id: Uuid::now_v7(),
        incident,
        at: clock().now(),
        name: arguments.name,
        text: arguments.text,
        affects: arguments.affects.iter().map(pair).collect::<Result<BTreeMap<_, _>, Error>>()?,
        ends: arguments.ends,
    };
    // All keys are texts, so this cannot fail.
    let document = serde_json::to_string(&post).unwrap_or_default();
    let signed = Signed { signature: key.sign(NAMESPACE, document.as_bytes()), document };
    let Some(edge) = arguments.edge else {
        output::data(globals, &signed.to_text())?;
        return Ok(ExitCode::Success);
    };
    Line::to(edge.as_str())?.post(&signed).await?;
    if globals.json() {
        output::json(globals, &json!({ "id": post.id, "incident": incident }))?;
    } else {
        output::data(globals, &format!("{incident}\n"))?;
    }
    Ok(ExitCode::Success)
}

fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let trouble =
        |source| Trouble::File { action: "read", path: path.display().to_string(), source };
    let text = std::fs::read_to_string(path).map_err(trouble)?;
    Ok(SigningKey::parse(&text).map_err(|reason| Error::invalid("--key", reason))?)
}

/// The posts that an edge holds, or a file that it gave.
async fn posts(from: &str) -> Result<Vec<Signed>, Failure> {
    if from.starts_with("http://") || from.starts_with("https://") {
        return Ok(Line::to(from)?.posts().await?);
    }
    let trouble = |source| Trouble::File { action: "read", path: from.to_owned(), source };
    let text = std::fs::read_to_string(from).map_err(trouble)?;
    if text.starts_with("-----BEGIN ") {
        return Ok(vec![Signed::parse(&text)?]);
    }
    let posts = serde_json::from_str(&text);
    Ok(posts.map_err(|error| Error::invalid("posts", error.to_string()))?)
}

/// Puts the posts of an edge on the page.
pub(super) async fn merge_from(
    desk: &Desk,
    operators: &Operators,
    edge: &Url,
) -> Result<merge::Merged, Failure> {
    Ok(merge::merge(desk, operators, &posts(edge.as_str()).await?).await?)
}

/// Puts posts on the page.
pub(super) async fn merge(
    arguments: MergeArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let operators = Operators::read(&arguments.operators)?;
    let posts = posts(&arguments.from).await?;
    let reporter = Reporter::open(&arguments.kept, globals, environment).await?;
    let done = merge::merge(&reporter.desk, &operators, &posts).await?;
    if globals.json() {
        output::json(globals, &json!(done))?;
    } else {
        let merge::Merged { merged, known, refused } = done;
        let text = format!("merged {merged} posts; {known} were there, {refused} were refused\n");
        output::data(globals, &text)?;
    }
    Ok(if done.refused == 0 { ExitCode::Success } else { ExitCode::Failed })
}
