//! The timeline of a definition: which builds a cloud had, as its images tell.

use serde::Serialize;

use crate::PINNED;
use crate::declare::Catalog;
use crate::model::{Image, natural_order};
use crate::observe::Observed;
use crate::plan::members;

/// One image in the life of a definition.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Chapter {
    /// When it was created (ISO 8601).
    pub created_at: String,
    /// The version it holds.
    pub version: String,
    /// When upstream built it, if it says so.
    pub build_date: Option<String>,
    /// Its name now.
    pub name: String,
    /// Its id.
    pub image: String,
    /// What it is now: `present`, `superseded`, `restored` (a rollback brought it back) or
    /// `unfinished`.
    pub role: &'static str,
    /// What can be done with it.
    pub status: &'static str,
    /// Who sees it.
    pub visibility: &'static str,
    /// Whether listings leave it out.
    pub hidden: bool,
}

/// The timelines of all definitions, by their names, the oldest image first.
pub fn history(catalog: &Catalog, observed: &Observed) -> Vec<(String, Vec<Chapter>)> {
    let all = members(catalog, &observed.images);
    let told = catalog.definitions.iter().zip(all).filter(|(definition, _)| definition.enabled);
    let lives = told.map(|(definition, mut images)| {
        images.sort_by(|one, other| {
            one.created_at
                .cmp(&other.created_at)
                .then_with(|| natural_order(&one.label(), &other.label()))
                .then_with(|| one.id.cmp(&other.id))
        });
        let declared = |version: &str| definition.versions.iter().any(|one| one.version == version);
        let leads = |image: &Image| {
            if definition.multi {
                image.name == definition.name
            } else {
                image.internal_version().is_some_and(declared)
            }
        };
        let life = images.into_iter().map(|image| chapter(image, leads(image))).collect();
        (definition.name.clone(), life)
    });
    lives.collect()
}

fn chapter(image: &Image, leads: bool) -> Chapter {
    let restored = image.property(PINNED).is_some_and(|from| !from.is_empty());
    let role = match (image.status.is_complete() && !image.is_pending(), leads) {
        (false, _) => "unfinished",
        (true, true) if restored => "restored",
        (true, true) => "present",
        (true, false) => "superseded",
    };
    Chapter {
        created_at: image.created_at.clone(),
        version: image.label(),
        build_date: image.property("image_build_date").map(str::to_owned),
        name: image.name.clone(),
        image: image.id.clone(),
        role,
        status: image.status.as_str(),
        visibility: image.visibility.as_str(),
        hidden: image.os_hidden,
    }
}
