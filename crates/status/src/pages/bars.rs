//! Ninety days of a component as a drawing of bars, and the same in words.
//!
//! A bar has another height for each level, so that colour is not needed to read it.

use std::fmt::Write as _;

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;

use crate::book::Case;
use crate::level::Level;
use crate::sla::{self, Span, Spans};

/// So many days are shown.
pub(crate) const DAYS: i64 = 90;
/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// A day with trouble or planned work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    /// How many days ago, 0 for today.
    pub(crate) ago: i64,
    /// `YYYY-MM-DD`.
    pub(crate) date: String,
    /// The worst of it.
    pub(crate) level: Level,
    /// For how many minutes something was the matter.
    pub(crate) minutes: i64,
}

/// The days of the last ninety on which something was the matter, the oldest first.
pub(crate) fn days(
    cases: &[&std::sync::Arc<Case>],
    component: ComponentId,
    now: Timestamp,
) -> Vec<Day> {
    let today = now.as_second().div_euclid(DAY);
    let window = Span { from: (today - DAYS + 1) * DAY, to: now.as_second() };
    let touches: Vec<_> =
        cases.iter().flat_map(|case| sla::touches(&case.incident, component, window)).collect();
    if touches.is_empty() {
        return Vec::new();
    }
    let day = |ago: i64| {
        let from = (today - ago) * DAY;
        let whole = Span { from, to: from + DAY };
        let parts = touches.iter().filter_map(|(span, level)| Some((span.within(whole)?, *level)));
        let worst = parts.clone().map(|(_, level)| level).max()?;
        let seconds = Spans::union(parts.map(|(span, _)| span)).seconds();
        let date = Timestamp::from_second(from).ok()?.strftime("%Y-%m-%d").to_string();
        Some(Day { ago, date, level: worst, minutes: (seconds + 59) / 60 })
    };
    (0..DAYS).rev().filter_map(day).collect()
}

/// The path of ninety good days, which the page has once.
pub(crate) fn good_days() -> String {
    let mut path = String::new();
    for place in 0..DAYS {
        // Writing to a string cannot fail.
        write!(path, "M{} 0v32h4v-32z", place * 5).ok();
    }
    path
}

/// The bars: the good days of the page with those of trouble painted over, so that the drawing stays
/// small.
pub(crate) fn drawing(days: &[Day]) -> String {
    let mut svg = String::from(
        "<svg class=\"bars\" viewBox=\"0 0 450 32\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
    );
    svg.push_str("<use class=\"l-ok\" href=\"#good\"/>");
    if !days.is_empty() {
        svg.push_str("<path class=\"gap\" d=\"");
        for day in days {
            write!(svg, "M{} 0v32h5v-32z", (DAYS - 1 - day.ago) * 5).ok();
        }
        svg.push_str("\"/>");
    }
    for day in days {
        let height = match day.level {
            Level::Operational => 32,
            Level::Maintenance => 26,
            Level::Slight => 22,
            Level::Limited => 16,
            Level::Broken => 10,
        };
        let (x, y) = ((DAYS - 1 - day.ago) * 5, 32 - height);
        let class = day.level.class();
        // Writing to a string cannot fail.
        write!(svg, "<path class=\"{class}\" d=\"M{x} {y}v{height}h4v-{height}z\"/>").ok();
    }
    svg.push_str("</svg>");
    svg
}
