//! Back to the image before, and forth again.
//!
//! The image that gets the plain name back carries from which version was rolled back
//! ([`crate::PINNED`]). Every later plan respects that until a version is declared that is newer than
//! that one, or until somebody goes forth again.

use std::cmp::Ordering;

use lotse_core::error::{ErrorKind, Explain};
use lotse_plan::{Plan, PlanError};

use super::assign::{Family, families};
use super::effective::{Turn, effective};
use super::planned;
use crate::declare::Catalog;
use crate::model::{Definition, Image, natural_order};
use crate::observe::Observed;
use crate::operation::Operation;
use crate::options::Options;

/// Which image gets the plain name of a definition.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rollback {
    /// The definition.
    pub name: String,
    /// The version to go back to; the one before the present one by default.
    pub to: Option<String>,
    /// End an earlier rollback instead.
    pub undo: bool,
}

/// Why nothing can be rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// No definition has this name.
    #[error("no enabled definition is called \"{name}\"")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The definition has no plain name to give to another version.
    #[error("\"{name}\" is declared without \"multi\", so every version has a name of its own")]
    NotMulti {
        /// The name.
        name: String,
    },
    /// No image bears the name.
    #[error("no image of ours is called \"{name}\" and says which version it holds")]
    NoImage {
        /// The name.
        name: String,
    },
    /// There is no image to go back to.
    #[error("there is no image of \"{name}\" before the version {present}")]
    NothingBefore {
        /// The name.
        name: String,
        /// The version that bears it.
        present: String,
    },
    /// There is no image of the wanted version.
    #[error("no complete image of \"{name}\" holds the version {version}; there are {there}")]
    NoVersion {
        /// The name.
        name: String,
        /// The wanted version.
        version: String,
        /// Those that there are.
        there: String,
    },
    /// Nobody rolled back.
    #[error("\"{name}\" is not rolled back")]
    NotRolledBack {
        /// The name.
        name: String,
    },
    /// What the definition means now is not known.
    #[error("\"{name}\" cannot be planned now: {reason}")]
    Unclear {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A defect of the planner.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Explain for RollbackError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } | Self::NotMulti { .. } => ErrorKind::Usage,
            Self::NoImage { .. } | Self::NothingBefore { .. } | Self::NoVersion { .. } => {
                ErrorKind::NotFound
            }
            Self::NotRolledBack { .. } => ErrorKind::Refused,
            Self::Unclear { .. } => ErrorKind::Unavailable,
            Self::Plan(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unknown { .. } => {
                "the name is that in the definition file; see `lotse image list`"
            }
            Self::NotMulti { .. } => "change the version in the definition file instead",
            Self::NoImage { .. } => "run `lotse image apply` first",
            Self::NothingBefore { .. } | Self::NoVersion { .. } => {
                "older images stay as long as their uuid_validity promises; see `lotse image history`"
            }
            Self::NotRolledBack { .. } => "there is nothing to undo",
            Self::Unclear { .. } => "try again when upstream answers",
            Self::Plan(error) => return error.hints(),
        };
        vec![hint.to_owned()]
    }
}

/// Plans a rollback, or the end of one. Only images of this definition are touched.
///
/// # Errors
/// [`RollbackError`] when there is nothing to roll back, or nothing to roll back to.
pub fn roll_back(
    catalog: &Catalog,
    observed: &Observed,
    options: &Options,
    wanted: &Rollback,
) -> Result<Plan<Operation>, RollbackError> {
    let name = wanted.name.clone();
    let families = families(catalog, &observed.images).families;
    let mut all = catalog.definitions.iter().zip(&families);
    let (definition, family) = all
        .find(|(definition, _)| definition.enabled && definition.name == wanted.name)
        .ok_or_else(|| RollbackError::Unknown { name: name.clone() })?;
    if !definition.multi {
        return Err(RollbackError::NotMulti { name });
    }
    let definition = effective(definition, family, observed, options, None)
        .map_err(|(_, reason)| RollbackError::Unclear { name: name.clone(), reason })?;
    let turn = if wanted.undo {
        if definition.pinned.is_none() {
            return Err(RollbackError::NotRolledBack { name });
        }
        Turn::Forth
    } else {
        back(&definition, family, wanted)?
    };
    Ok(planned(catalog, observed, options, Some((&wanted.name, &turn)))?)
}

fn back(
    definition: &Definition,
    family: &Family<'_>,
    wanted: &Rollback,
) -> Result<Turn, RollbackError> {
    let name = || definition.name.clone();
    let bearing = family.bearing(&definition.name);
    let present = bearing.first().and_then(|image| image.internal_version());
    let present = present.ok_or_else(|| RollbackError::NoImage { name: name() })?;
    let version = |image: &Image| image.internal_version().unwrap_or_default().to_owned();
    let mut others: Vec<&Image> = family
        .members
        .iter()
        .copied()
        .filter(|image| image.status.is_complete() && !image.is_pending())
        .filter(|image| image.internal_version().is_some_and(|held| held != present))
        .collect();
    others.sort_by(|one, other| {
        natural_order(&version(other), &version(one)).then_with(|| one.id.cmp(&other.id))
    });
    let found = others.iter().find(|image| match &wanted.to {
        Some(to) => version(image) == *to,
        None => natural_order(&version(image), present) == Ordering::Less,
    });
    let Some(image) = found else {
        return Err(match &wanted.to {
            None => RollbackError::NothingBefore { name: name(), present: present.to_owned() },
            Some(to) => {
                let mut there: Vec<String> = others.iter().map(|image| version(image)).collect();
                there.push(present.to_owned());
                let (version, there) = (to.clone(), there.join(", "));
                RollbackError::NoVersion { name: name(), version, there }
            }
        });
    };
    // What is declared and newer than both shall not undo this with the next plan.
    let newest = definition.newest().map_or(present, |newest| newest.version.as_str());
    if version(image) == newest {
        return Ok(Turn::Forth);
    }
    let newer = natural_order(newest, present) == Ordering::Greater;
    let from = if newer { newest } else { present };
    Ok(Turn::Back { image: image.id.clone(), from: from.to_owned() })
}
