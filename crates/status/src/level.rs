//! How bad something is, in the few steps that a page can show by shape, colour and word.

use crate::book::Book;
use crate::model::{Impact, Incident, MAINTENANCE};

/// The highest severity that users hardly notice.
pub const SLIGHT: u8 = 33;
/// The highest severity with which a component can still be used.
pub const LIMITED: u8 = 66;

/// A step of badness, in the order in which it is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing is known to be wrong.
    Operational,
    /// Planned work goes on.
    Maintenance,
    /// Something is wrong that users hardly notice.
    Slight,
    /// It can be used, with trouble.
    Limited,
    /// It cannot be used.
    Broken,
}

impl Level {
    /// All of them, the best first.
    pub const ALL: [Self; 5] =
        [Self::Operational, Self::Maintenance, Self::Slight, Self::Limited, Self::Broken];

    /// The level of a severity. When nobody said how bad it is, it counts as limited.
    pub const fn of(severity: Option<u8>) -> Self {
        match severity {
            Some(MAINTENANCE) => Self::Maintenance,
            Some(severity) if severity <= SLIGHT => Self::Slight,
            Some(severity) if severity > LIMITED => Self::Broken,
            _ => Self::Limited,
        }
    }

    /// The level of an impact of this incident: planned work is planned for all it touches.
    pub fn of_impact(incident: &Incident, impact: &Impact) -> Self {
        if incident.is_maintenance() { Self::Maintenance } else { Self::of(impact.severity) }
    }

    /// The worst that the incident does.
    pub fn of_incident(incident: &Incident) -> Self {
        let impacts = incident.affects.iter();
        impacts.map(|impact| Self::of_impact(incident, impact)).max().unwrap_or(Self::Slight)
    }

    /// Whether a component counts as not available at this level.
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Limited | Self::Broken)
    }

    /// The class of what is shown in style sheets.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Operational => "l-ok",
            Self::Maintenance => "l-work",
            Self::Slight => "l-slight",
            Self::Limited => "l-limited",
            Self::Broken => "l-broken",
        }
    }

    /// A sign of another shape for each level, for those who do not see its colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Operational => "✓",
            Self::Maintenance => "⚒",
            Self::Slight => "▽",
            Self::Limited => "▲",
            Self::Broken => "✕",
        }
    }

    /// The word of the Statuspage API for a component.
    pub const fn statuspage(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Maintenance => "under_maintenance",
            Self::Slight => "degraded_performance",
            Self::Limited => "partial_outage",
            Self::Broken => "major_outage",
        }
    }

    /// The word of the Statuspage API for the whole page or an incident.
    pub const fn indicator(self) -> &'static str {
        match self {
            Self::Operational => "none",
            Self::Maintenance => "maintenance",
            Self::Slight => "minor",
            Self::Limited => "major",
            Self::Broken => "critical",
        }
    }
}

/// What the operator calls a severity: the first name whose value is not below it.
pub fn band_of(book: &Book, severity: u8) -> Option<String> {
    if severity == MAINTENANCE {
        return None;
    }
    let bands = book.bands_by_value();
    bands.into_iter().find(|band| band.value >= severity).map(|band| band.name.clone())
}

#[cfg(test)]
mod tests {
    use super::Level::{Broken, Limited, Maintenance, Slight};
    use super::*;
    use crate::model::Band;

    #[test]
    fn severities_fall_into_levels_and_bands_by_their_upper_bounds() {
        let levels = [0, 1, 33, 34, 66, 67, 100].map(|severity| Level::of(Some(severity)));
        assert_eq!(levels, [Maintenance, Slight, Slight, Limited, Limited, Broken, Broken]);
        assert_eq!(Level::of(None), Limited);
        let mut book = Book::default();
        for (name, value) in [("broken", 100), ("fine", 33)] {
            book.bands.insert(name.to_owned(), Band { name: name.to_owned(), value });
        }
        let names = [0, 33, 34, 100].map(|severity| band_of(&book, severity));
        assert_eq!(names.map(Option::unwrap_or_default), ["", "fine", "broken", "broken"]);
    }
}
