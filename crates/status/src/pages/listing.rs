//! Lists of what happened: the page of a component, and the index of everything by month and
//! component, which finds things also where nobody can search.

use std::collections::BTreeMap;

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;

use super::view::{ComponentView, Moment, State, component};
use super::words::Words;
use crate::level::Level;
use crate::snapshot::Snapshot;

/// So many cases are on the page of a component.
const MOST: usize = 500;

/// A case in one line.
#[derive(Debug)]
pub(crate) struct LineView {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) state: State,
    pub(crate) began: Option<Moment>,
    pub(crate) ended: Option<Moment>,
}

/// A component and all that happened to it.
#[derive(Debug)]
pub(crate) struct HistoryView {
    pub(crate) component: ComponentView,
    pub(crate) cases: Vec<LineView>,
    /// The path of good days.
    pub(crate) good: String,
}

impl HistoryView {
    pub(crate) fn of(
        snapshot: &Snapshot,
        id: ComponentId,
        words: &Words,
        now: Timestamp,
    ) -> Option<Self> {
        let component = component(snapshot, id, words, now)?;
        let touches = |case: &&&std::sync::Arc<crate::book::Case>| {
            case.incident.affects.iter().any(|impact| impact.component == id)
        };
        let all = snapshot.overlapping(Timestamp::MIN, Timestamp::MAX);
        let cases = all.iter().rev().filter(touches).take(MOST);
        let line = |case: &&std::sync::Arc<crate::book::Case>| {
            let incident = &case.incident;
            let impacts = incident.affects.iter().filter(|impact| impact.component == id);
            let level = impacts.map(|impact| Level::of_impact(incident, impact)).max();
            LineView {
                id: incident.id.to_string(),
                title: incident.title().to_owned(),
                state: State::of(level.unwrap_or(Level::Slight), words),
                began: incident.began.map(Moment::from),
                ended: incident.ended.map(Moment::from),
            }
        };
        let good = super::bars::good_days();
        Some(Self { component, cases: cases.map(line).collect(), good })
    }
}

/// A month and how much is in it.
#[derive(Debug, Default)]
pub(crate) struct MonthLine {
    pub(crate) month: String,
    pub(crate) incidents: usize,
    pub(crate) maintenance: usize,
    /// Whether its availability is reported; not before it has begun.
    pub(crate) has_report: bool,
}

/// A component and how much happened to it.
#[derive(Debug)]
pub(crate) struct ComponentLine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) cases: usize,
}

/// The last twelve months, of which reports are linked and published.
pub(crate) fn reported(now: Timestamp) -> Vec<String> {
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let month = |back: i32| day.checked_sub(jiff::Span::new().months(back)).ok();
    (0..12).filter_map(month).map(|day| day.strftime("%Y-%m").to_string()).collect()
}

/// Everything, by month and by component.
#[derive(Debug)]
pub(crate) struct IndexView {
    /// The newest first.
    pub(crate) months: Vec<MonthLine>,
    /// By name.
    pub(crate) components: Vec<ComponentLine>,
}

impl IndexView {
    pub(crate) fn of(snapshot: &Snapshot, now: Timestamp) -> Self {
        let reported = reported(now);
        let book = snapshot.book();
        let mut months: BTreeMap<String, MonthLine> = BTreeMap::new();
        let mut touched: BTreeMap<ComponentId, usize> = BTreeMap::new();
        for case in book.cases.values() {
            let incident = &case.incident;
            for impact in &incident.affects {
                *touched.entry(impact.component).or_default() += 1;
            }
            let Some(began) = incident.began else { continue };
            let line = months.entry(super::month_of(began)).or_default();
            if incident.is_maintenance() {
                line.maintenance += 1;
            } else {
                line.incidents += 1;
            }
        }
        let month = |(month, line): (String, MonthLine)| {
            let has_report = reported.contains(&month);
            MonthLine { month, has_report, ..line }
        };
        let mut components: Vec<_> = book
            .components
            .values()
            .map(|one| ComponentLine {
                id: one.id.to_string(),
                name: one.title(),
                place: one.place(),
                cases: touched.get(&one.id).copied().unwrap_or_default(),
            })
            .collect();
        components.sort_by(|one, other| (&one.name, &one.place).cmp(&(&other.name, &other.place)));
        Self { months: months.into_iter().rev().map(month).collect(), components }
    }
}
