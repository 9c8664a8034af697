//! Recurring maintenance and what providers have, on the first page.

use std::fmt::Write as _;
use std::sync::Arc;

use lotse_core::time::Timestamp;

use super::view::Moment;
use super::words::Words;
use crate::book::Book;
use crate::extra::{Schedule, Upstream};
use crate::recur::{Frequency, Rule};

/// So many occurrences are shown ahead.
const NEXT: usize = 3;

/// Maintenance that comes again.
#[derive(Debug)]
pub(crate) struct RecurringView {
    pub(crate) title: String,
    pub(crate) text: String,
    /// When it comes, in words.
    pub(crate) rule: String,
    /// What it touches.
    pub(crate) components: String,
    /// The ids and beginnings of the next ones.
    pub(crate) next: Vec<(String, Moment)>,
}

/// All of them, by their titles.
pub(crate) fn recurring(book: &Book, words: &Words, now: Timestamp) -> Vec<RecurringView> {
    let mut views: Vec<_> =
        book.schedules.values().map(|one| view(book, one, words, now)).collect();
    views.sort_by(|one, other| one.title.cmp(&other.title));
    views
}

fn view(book: &Book, schedule: &Schedule, words: &Words, now: Timestamp) -> RecurringView {
    let mut next: Vec<_> = book
        .cases
        .values()
        .map(|case| &case.incident)
        .filter(|one| one.occurrence.as_ref().is_some_and(|o| o.schedule == schedule.name))
        .filter_map(|one| Some((one.began.filter(|began| *began > now)?, one.id)))
        .collect();
    next.sort_unstable();
    next.truncate(NEXT);
    RecurringView {
        title: schedule.title.clone(),
        text: schedule.text.clone().unwrap_or_default(),
        rule: rule(schedule, words),
        components: names(book, &schedule.components),
        next: next.into_iter().map(|(at, id)| (id.to_string(), Moment::from(at))).collect(),
    }
}

fn names(book: &Book, components: &[lotse_core::id::ComponentId]) -> String {
    let names = components.iter().filter_map(|id| Some(book.components.get(id)?.title()));
    names.collect::<Vec<_>>().join(", ")
}

/// For example `every 2 weeks (Tue, Thu), 22:00 Europe/Berlin, 90 min`.
fn rule(schedule: &Schedule, words: &Words) -> String {
    let Ok(rule) = Rule::parse(&schedule.rule) else { return schedule.rule.clone() };
    let (one, many) = match rule.frequency {
        Frequency::Daily => words.every_day,
        Frequency::Weekly => words.every_week,
        Frequency::Monthly => words.every_month,
    };
    let mut text = match rule.interval {
        1 => one.to_owned(),
        number => many.replace('#', &number.to_string()),
    };
    let ordinal = |number: i8| match number {
        -1 => words.last.to_owned(),
        number => format!("{number}."),
    };
    let day = |(number, day): &(Option<i8>, jiff::civil::Weekday)| {
        let place = usize::from(day.to_monday_zero_offset().unsigned_abs());
        let name = words.weekdays.get(place).copied().unwrap_or_default();
        number.map_or_else(|| name.to_owned(), |number| format!("{} {name}", ordinal(number)))
    };
    let days: Vec<_> =
        rule.days.iter().map(day).chain(rule.month_days.iter().map(|day| ordinal(*day))).collect();
    if !days.is_empty() {
        // Writing to a string cannot fail.
        write!(text, " ({})", days.join(", ")).ok();
    }
    let zone = schedule.zone.as_deref().unwrap_or("UTC");
    let zoned = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let time = schedule.start.to_zoned(zoned).strftime("%H:%M").to_string();
    format!("{text}, {time} {zone}, {} {}", schedule.minutes, words.minutes)
}

/// Something at a provider.
#[derive(Debug)]
pub(crate) struct UpstreamView {
    pub(crate) provider: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) url: String,
    pub(crate) began: Moment,
    pub(crate) ended: Option<Moment>,
    pub(crate) components: String,
}

/// What goes on at providers, or ended since, the newest first.
pub(crate) fn upstream(book: &Book, since: Timestamp) -> Vec<UpstreamView> {
    let is_recent = |one: &&Arc<Upstream>| one.ended.is_none_or(|ended| ended >= since);
    let mut all: Vec<_> = book.upstream.values().filter(is_recent).collect();
    all.sort_by_key(|one| std::cmp::Reverse((one.began, one.id)));
    let view = |one: &Arc<Upstream>| UpstreamView {
        provider: one.provider.clone(),
        title: one.title.clone(),
        text: one.text.clone().unwrap_or_default(),
        url: one.url.as_ref().map(ToString::to_string).unwrap_or_default(),
        began: Moment::from(one.began),
        ended: one.ended.map(Moment::from),
        components: names(book, &one.components),
    };
    all.into_iter().map(view).collect()
}
