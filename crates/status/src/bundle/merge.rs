//! Break-glass posts on their way into the main page, after the cloud is back.
//!
//! Each post is checked again, becomes an incident or an update with its own time, and is remembered
//! by its id, so that merging the same again changes nothing. A crash between the deed and the
//! memory is repaired by what stands on the page: the same incident, or an update with the same time
//! and text, is not made twice.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::id::IncidentId;
use lotse_store::Store;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::glass::{Operators, Post, Signed};
use crate::book::{Book, Case};
use crate::command::{Command, IncidentFields, UpdateFields};
use crate::desk::Desk;
use crate::detect::memory;
use crate::error::Error;
use crate::model::Impact;

/// What came of merging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// Posts that are on the page now and were not before.
    pub merged: usize,
    /// Posts that were there already.
    pub known: usize,
    /// Posts that were not believed.
    pub refused: usize,
}

/// Puts posts on the page. What cannot be believed is passed over.
///
/// # Errors
/// The page cannot be read or written; merging again goes on where this stopped.
pub async fn merge(desk: &Desk, operators: &Operators, posts: &[Signed]) -> Result<Merged, Error> {
    let known = merged(desk.store()).await?;
    let mut checked = Vec::new();
    let mut outcome = Merged::default();
    for signed in posts {
        match operators.check(signed) {
            Ok(good) => checked.push(good),
            Err(error) => {
                tracing::warn!(%error, "a break-glass post was not merged");
                outcome.refused += 1;
            }
        }
    }
    checked.sort_by_key(|(post, _)| (post.at, post.id));
    for (post, by) in checked {
        if known.contains(&post.id) {
            outcome.known += 1;
            continue;
        }
        for command in commands(desk.whole().book(), &post) {
            desk.perform(&format!("{by} (break-glass)"), &command).await?;
        }
        memory::merged_add(desk.store(), post.id, desk.clock().now()).await?;
        outcome.merged += 1;
    }
    Ok(outcome)
}

/// The posts that were merged, for manifests.
///
/// # Errors
/// The state cannot be read.
pub async fn merged(store: &Store) -> Result<BTreeSet<Uuid>, Error> {
    Ok(memory::merged(store).await?)
}

/// What a post means for the page as it is.
fn commands(book: &Book, post: &Post) -> Vec<Command> {
    let ends = |id: IncidentId, case: Option<&Case>| {
        let began = case.and_then(|case| case.incident.began).unwrap_or(post.at);
        let is_open = case.is_none_or(|case| case.incident.ended.is_none());
        let fields =
            IncidentFields { ended: Some(Some(post.at.max(began))), ..IncidentFields::default() };
        (post.ends && is_open).then_some(Command::ChangeIncident(id, fields))
    };
    let Some(case) = book.cases.get(&post.incident) else {
        let opened = Command::AddIncident(post.incident, opening(book, post));
        return [Some(opened), ends(post.incident, None)].into_iter().flatten().collect();
    };
    let text = Some(&post.text);
    let is_opening =
        case.incident.began == Some(post.at) && case.incident.description.as_ref() == text;
    let is_said = |update: &crate::model::Update| {
        update.created == Some(post.at) && update.description.as_ref() == text
    };
    let update = UpdateFields {
        name: post.name.clone(),
        description: text.cloned(),
        created: Some(post.at),
    };
    let is_there = is_opening || case.updates.values().any(is_said);
    let update = (!is_there).then_some(Command::AddUpdate(post.incident, update));
    [update, ends(post.incident, Some(case))].into_iter().flatten().collect()
}

fn opening(book: &Book, post: &Post) -> IncidentFields {
    let component = |(word, severity): (&String, &u8)| {
        // What is no component of the page is not touched; the text still says it.
        let component = book
            .components
            .values()
            .find(|one| one.id.to_string() == *word || one.name.as_ref() == Some(word))?;
        Some((component.id, *severity))
    };
    // A component may be named twice, by its id and by its name.
    let touched: BTreeMap<_, _> = post.affects.iter().filter_map(component).collect();
    let impact = |(component, severity)| Impact { component, kind: None, severity: Some(severity) };
    IncidentFields {
        name: post.name.clone(),
        description: Some(post.text.clone()),
        affects: Some(touched.into_iter().map(impact).collect()),
        began: Some(post.at),
        ..IncidentFields::default()
    }
}
