//! What is measured and what is declared, side by side.

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;

use super::config::Detection;
use super::heart::{Condition, Situation, conditions};
use super::measure::Measure;
use crate::book::{Book, When};
use crate::level::Level;

/// A component as it is measured and as the page says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The component.
    pub component: ComponentId,
    /// What people call it.
    pub name: String,
    /// What monitors say; nothing when none watches it.
    pub measured: Option<Measured>,
    /// The worst that the page says.
    pub declared: Level,
}

/// What monitors say of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Well.
    Well,
    /// Changing too often to say.
    Unsettled,
    /// As bad as this, since then.
    Bad(Level, Timestamp),
}

impl Side {
    /// Whether monitors and the page say something different: bad here, well there.
    pub const fn differs(&self) -> bool {
        let is_declared = !matches!(self.declared, Level::Operational);
        match self.measured {
            Some(Measured::Bad(..)) => !is_declared,
            Some(Measured::Well) => matches!(self.declared, Level::Limited | Level::Broken),
            _ => false,
        }
    }
}

/// All components, in the order of the book.
pub fn sides(
    book: &Book,
    detection: &Detection,
    measures: &[Measure],
    now: Timestamp,
) -> Vec<Side> {
    let rules = book.components.values().map(|one| (one.id, detection.rule(one))).collect();
    let situation = Situation { book, detection, measures, proposals: &[], now };
    let conditions = conditions(&situation, &rules);
    let active = book.active_at(When::Now(now));
    let side = |id: &ComponentId, name: String| {
        let impacts = active.get(id).map(Vec::as_slice).unwrap_or_default();
        let level = |(incident, impact): &(_, &_)| {
            let case = book.cases.get(incident)?;
            Some(Level::of_impact(&case.incident, impact))
        };
        let measured = conditions.get(id).map(|condition| match condition {
            Condition::Well => Measured::Well,
            Condition::Unsettled => Measured::Unsettled,
            Condition::Bad(severity, since) => Measured::Bad(Level::of(Some(*severity)), *since),
        });
        let declared = impacts.iter().filter_map(level).max().unwrap_or(Level::Operational);
        Side { component: *id, name, measured, declared }
    };
    book.components.values().map(|one| side(&one.id, one.title())).collect()
}
