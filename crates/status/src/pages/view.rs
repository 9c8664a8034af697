//! What the pages show, computed from a snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lotse_core::id::{ComponentId, IncidentId};
use lotse_core::time::{SignedDuration, Timestamp};

use super::bars::{self, DAY, DAYS, Day};
use super::frame::{clock, exact};
use super::recurring::{RecurringView, UpstreamView, recurring, upstream};
use super::words::Words;
use crate::book::{Book, Case, When};
use crate::level::{Level, band_of};
use crate::model::{Component, Impact};
use crate::sla::{self, Policy, Span};
use crate::snapshot::Snapshot;

/// How far back the first page tells what happened.
const RECENT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How far ahead it tells what is planned.
const AHEAD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A level with the words for it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) class: &'static str,
    pub(crate) sign: &'static str,
    pub(crate) text: String,
}

impl State {
    pub(super) fn of(level: Level, words: &Words) -> Self {
        let text = words.level(level).to_owned();
        Self { class: level.class(), sign: level.sign(), text }
    }

    /// With the operator's own name for the severity, if there is one.
    fn named(book: &Book, level: Level, severity: Option<u8>, words: &Words) -> Self {
        let mut state = Self::of(level, words);
        if !matches!(level, Level::Operational | Level::Maintenance)
            && let Some(name) = severity.and_then(|severity| band_of(book, severity))
        {
            state.text = name;
        }
        state
    }
}

/// A component on the first page.
#[derive(Debug)]
pub(crate) struct ComponentView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) available: String,
    /// The bars; an SVG that is made of numbers only.
    pub(crate) bars: String,
    pub(crate) days: Vec<DayView>,
}

/// A day with trouble.
#[derive(Debug)]
pub(crate) struct DayView {
    pub(crate) date: String,
    pub(crate) text: &'static str,
    pub(crate) minutes: i64,
    /// The page of its month.
    pub(crate) month: String,
}

/// Components that belong together.
#[derive(Debug)]
pub(crate) struct GroupView<'a> {
    pub(crate) name: String,
    members: Vec<Member<'a>>,
    words: &'a Words,
    now: Timestamp,
}

/// A component with what is needed to show it.
#[derive(Debug)]
struct Member<'a> {
    component: &'a Component,
    state: State,
    cases: Vec<&'a Arc<Case>>,
}

impl GroupView<'_> {
    /// Each component when its turn comes: views of a thousand of them at once are some megabytes.
    pub(crate) fn components(&self) -> impl Iterator<Item = ComponentView> {
        self.members.iter().map(|member| {
            let Member { component, state, cases } = member;
            component_view(component, state.clone(), cases, self.words, self.now)
        })
    }
}

/// The first page.
#[derive(Debug)]
pub(crate) struct FrontView<'a> {
    pub(crate) overall: State,
    pub(crate) groups: Vec<GroupView<'a>>,
    /// Trouble that goes on.
    pub(crate) current: Vec<CaseView>,
    /// Planned work that goes on.
    pub(crate) running: Vec<CaseView>,
    /// What is planned once.
    pub(crate) planned: Vec<CaseView>,
    pub(crate) recurring: Vec<RecurringView>,
    pub(crate) upstream: Vec<UpstreamView>,
    pub(crate) past: Vec<CaseView>,
    pub(crate) legend: Vec<State>,
    /// The path of good days; made of numbers only.
    pub(crate) good: String,
}

impl<'a> FrontView<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot, words: &'a Words, now: Timestamp) -> Self {
        let book = snapshot.book();
        let since = Timestamp::from_second((now.as_second().div_euclid(DAY) - DAYS + 1) * DAY);
        let since = since.unwrap_or(Timestamp::MIN);
        let cases = snapshot.overlapping(since, now);
        let ahead = snapshot.overlapping(now, now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX));
        let view = |case: &&Arc<Case>| CaseView::of(book, case, words, now);
        let recent = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
        let active = |is_work: bool| {
            let active = cases.iter().rev().filter(|case| case.incident.is_active(now));
            active.filter(move |case| case.incident.is_maintenance() == is_work).map(view)
        };
        let past = cases.iter().rev().filter(|case| {
            case.incident.ended.is_some_and(|ended| ended <= now && ended >= recent)
        });
        let planned = ahead.iter().filter(|case| {
            case.incident.began.is_some_and(|at| at > now) && case.incident.occurrence.is_none()
        });
        let level = super::overall(snapshot, now);
        let mut overall = State::of(level, words);
        words.overall(level).clone_into(&mut overall.text);
        Self {
            overall,
            groups: groups(book, &cases, words, now),
            current: active(false).collect(),
            running: active(true).collect(),
            recurring: recurring(book, words, now),
            upstream: upstream(book, recent),
            planned: planned.map(view).collect(),
            past: past.map(view).collect(),
            good: bars::good_days(),
            legend: Level::ALL.map(|level| State::of(level, words)).into(),
        }
    }
}

/// Components by region and group. A place stands where the first of its components does, then by its
/// name; what has neither region nor group comes last.
fn groups<'a>(
    book: &'a Book,
    cases: &[&'a Arc<Case>],
    words: &'a Words,
    now: Timestamp,
) -> Vec<GroupView<'a>> {
    let mut groups: BTreeMap<String, Vec<Member<'a>>> = BTreeMap::new();
    let mut by_component = by_component(cases);
    let active = book.active_at(When::Now(now));
    for component in book.in_order() {
        let touched = active.get(&component.id).map_or(&[][..], Vec::as_slice);
        groups.entry(component.place()).or_default().push(Member {
            component,
            state: state_of(book, touched, words),
            cases: by_component.remove(&component.id).unwrap_or_default(),
        });
    }
    let only = groups.len() == 1;
    let mut groups: Vec<_> = groups.into_iter().collect();
    let first = |members: &[Member<'_>]| members.first().map(|one| one.component.order());
    groups.sort_by_key(|(name, members)| (name.is_empty(), first(members)));
    let group = |(name, members): (String, Vec<Member<'a>>)| {
        let name = match (name.is_empty(), only) {
            (true, true) => String::new(),
            (true, false) => words.other.to_owned(),
            (false, _) => name,
        };
        GroupView { name, members, words, now }
    };
    groups.into_iter().map(group).collect()
}

/// The cases of each component, in their order: a page with many components looks at each case once.
fn by_component<'a>(cases: &[&'a Arc<Case>]) -> HashMap<ComponentId, Vec<&'a Arc<Case>>> {
    let mut all: HashMap<_, Vec<&Arc<Case>>> = HashMap::new();
    for case in cases {
        for impact in &case.incident.affects {
            let own = all.entry(impact.component).or_default();
            if own.last().is_none_or(|last| !Arc::ptr_eq(last, case)) {
                own.push(case);
            }
        }
    }
    all
}

/// The state of a component that is touched by these.
fn state_of(book: &Book, touched: &[(IncidentId, &Impact)], words: &Words) -> State {
    let worst = touched.iter().filter_map(|(id, impact)| {
        let case = book.cases.get(id)?;
        Some((Level::of_impact(&case.incident, impact), impact.severity))
    });
    let (level, severity) = worst.max().unwrap_or((Level::Operational, None));
    State::named(book, level, severity, words)
}

/// A component by itself.
pub(super) fn component(
    snapshot: &Snapshot,
    id: ComponentId,
    words: &Words,
    now: Timestamp,
) -> Option<ComponentView> {
    let book = snapshot.book();
    let component = book.components.get(&id)?;
    let since = Timestamp::from_second((now.as_second().div_euclid(DAY) - DAYS + 1) * DAY);
    let cases = snapshot.overlapping(since.unwrap_or(Timestamp::MIN), now);
    let active = book.active_at(When::Now(now));
    let touched = active.get(&id).map_or(&[][..], Vec::as_slice);
    let own = by_component(&cases).remove(&id).unwrap_or_default();
    Some(component_view(component, state_of(book, touched, words), &own, words, now))
}

fn component_view(
    component: &Component,
    state: State,
    cases: &[&Arc<Case>],
    words: &Words,
    now: Timestamp,
) -> ComponentView {
    let days = bars::days(cases, component.id, now);
    let window = Span { from: now.as_second() - DAYS * DAY, to: now.as_second() };
    let incidents = cases.iter().map(|case| &case.incident);
    let availability = sla::availability(&incidents, component.id, window, Policy::default());
    let day = |day: &Day| DayView {
        date: day.date.clone(),
        text: words.level(day.level),
        minutes: day.minutes,
        month: day.date.chars().take(7).collect(),
    };
    ComponentView {
        id: component.id.to_string(),
        name: component.title(),
        state,
        available: availability.percent(),
        bars: bars::drawing(&days),
        days: days.iter().rev().map(day).collect(),
    }
}

/// A moment twice: for people and for programs.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) text: String,
    pub(crate) exact: String,
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self { text: clock(at), exact: exact(at) }
    }
}

/// A message on a page.
#[derive(Debug)]
pub(crate) struct UpdateView {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) at: Option<Moment>,
    pub(crate) order: u32,
}

/// What an incident touches, on a page.
#[derive(Debug)]
pub(crate) struct ImpactView {
    pub(crate) component: String,
    pub(crate) kind: String,
    pub(crate) state: State,
}

/// An incident on a page.
#[derive(Debug)]
pub(crate) struct CaseView {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) state: State,
    pub(crate) phase: String,
    pub(crate) began: Option<Moment>,
    pub(crate) ended: Option<Moment>,
    /// Whether its beginning is yet to come.
    pub(crate) is_ahead: bool,
    /// Whether its end has come.
    pub(crate) is_over: bool,
    pub(crate) impacts: Vec<ImpactView>,
    /// The newest first.
    pub(crate) updates: Vec<UpdateView>,
    /// What was learned from it, and when that was published.
    pub(crate) postmortem: Option<(String, Moment)>,
}

impl CaseView {
    pub(crate) fn of(book: &Book, case: &Case, words: &Words, now: Timestamp) -> Self {
        let incident = &case.incident;
        let level = Level::of_incident(incident);
        let impact = |impact: &Impact| {
            let component = book.components.get(&impact.component);
            let kind = impact.kind.and_then(|kind| book.impact_types.get(&kind));
            let level = Level::of_impact(incident, impact);
            ImpactView {
                component: component.map(|one| one.title()).unwrap_or_default(),
                kind: kind.map(|kind| kind.name.clone()).unwrap_or_default(),
                state: State::named(book, level, impact.severity, words),
            }
        };
        let update = |update: &crate::model::Update| UpdateView {
            title: update.name.clone().unwrap_or_default(),
            text: update.description.clone().unwrap_or_default(),
            at: update.created.map(Moment::from),
            order: update.order,
        };
        let phase = incident.phase.and_then(|phase| book.phase_name(phase));
        let learned = incident.postmortem.as_ref();
        Self {
            id: incident.id.to_string(),
            title: incident.title().to_owned(),
            text: incident.description.clone().unwrap_or_default(),
            state: State::named(book, level, incident.severity(), words),
            phase: phase.unwrap_or_default().to_owned(),
            began: incident.began.map(Moment::from),
            ended: incident.ended.map(Moment::from),
            is_ahead: incident.began.is_some_and(|began| began > now),
            is_over: incident.ended.is_some_and(|ended| ended <= now),
            impacts: incident.affects.iter().map(impact).collect(),
            updates: case.updates.values().rev().map(update).collect(),
            postmortem: learned.map(|one| (one.text.clone(), Moment::from(one.published))),
        }
    }
}

/// A month of the history.
#[derive(Debug)]
pub(crate) struct MonthView {
    pub(crate) month: String,
    pub(crate) cases: Vec<CaseView>,
    /// All months in which something happened, the newest first.
    pub(crate) months: Vec<String>,
}

impl MonthView {
    /// Nothing when this is no month.
    pub(crate) fn of(
        snapshot: &Snapshot,
        month: &str,
        words: &Words,
        now: Timestamp,
    ) -> Option<Self> {
        let window = month_window(month)?;
        let cases = snapshot.overlapping(window.0, window.1);
        let view = |case: &&Arc<Case>| CaseView::of(snapshot.book(), case, words, now);
        Some(Self {
            month: month.to_owned(),
            cases: cases.iter().rev().map(view).collect(),
            months: months(snapshot, now),
        })
    }
}

/// The first and the last moment of a month `YYYY-MM` in UTC.
pub(super) fn month_window(month: &str) -> Option<(Timestamp, Timestamp)> {
    let (year, number) = month.split_once('-').filter(|(y, m)| y.len() == 4 && m.len() == 2)?;
    let first = jiff::civil::Date::new(year.parse().ok()?, number.parse().ok()?, 1).ok()?;
    let at = |date: jiff::civil::Date| {
        date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let next = at(first.checked_add(jiff::Span::new().months(1)).ok()?)?;
    Some((at(first)?, next.checked_sub(SignedDuration::from_nanos(1)).ok()?))
}

/// The month of a moment.
pub(super) fn month_of(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

pub(super) fn months(snapshot: &Snapshot, now: Timestamp) -> Vec<String> {
    let began = snapshot.book().cases.values().filter_map(|case| case.incident.began);
    let mut months: Vec<_> = began.map(month_of).chain([month_of(now)]).collect();
    months.sort_unstable();
    months.dedup();
    months.reverse();
    months
}

/// The incidents in which all words are found, the newest first.
pub(super) fn search(
    snapshot: &Snapshot,
    text: &str,
    words: &Words,
    now: Timestamp,
    most: usize,
) -> Vec<CaseView> {
    let wanted: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let book = snapshot.book();
    let is_found = |case: &&Arc<Case>| {
        let text = searched(book, case);
        wanted.iter().all(|word| text.contains(word))
    };
    let mut found: Vec<_> = book.cases.values().filter(is_found).collect();
    found.sort_by_key(|case| std::cmp::Reverse(case.incident.began));
    found.into_iter().take(most).map(|case| CaseView::of(book, case, words, now)).collect()
}

/// All that is said in a case, in small letters.
fn searched(book: &Book, case: &Case) -> String {
    let incident = &case.incident;
    let components = incident.affects.iter().filter_map(|i| book.components.get(&i.component));
    let mut parts = vec![incident.name.clone(), incident.description.clone()];
    parts.push(incident.postmortem.as_ref().map(|one| one.text.clone()));
    parts.extend(components.map(|component| component.name.clone()));
    parts.extend(case.updates.values().flat_map(|u| [u.name.clone(), u.description.clone()]));
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n").to_lowercase()
}
