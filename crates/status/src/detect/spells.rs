//! What was measured, from when to when: the memory that reports need, where a measure knows only
//! the present.
//!
//! A **spell** is a time in which a component was measured to be bad at one level. It begins when the
//! trouble began, as soon as the rule of the component believes it, and ends when the last monitor
//! said that all is well again. A component is **watched** from the first word of a monitor about it.

use std::collections::BTreeMap;

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::heart::Condition;
use super::measure::Measure;
use crate::book::Book;
use crate::level::Level;
use crate::sla::{Measured, Span};

/// A time in which a component was measured to be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spell {
    /// The component.
    pub(super) component: ComponentId,
    /// When it began.
    pub(super) from: Timestamp,
    /// When it ended; nothing while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Timestamp>,
    /// How bad it was.
    pub(super) severity: u8,
}

/// Everything that was measured, as an archive holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Since when components are watched.
    pub(super) watched: BTreeMap<ComponentId, Timestamp>,
    /// Times of trouble, by component and beginning.
    pub(super) spells: Vec<Spell>,
}

impl History {
    /// Whether nothing was ever measured.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty() && self.spells.is_empty()
    }
}

impl Spell {
    /// What it is kept under.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.component, self.from.as_microsecond())
    }

    fn level(&self) -> Level {
        Level::of(Some(self.severity))
    }
}

/// The spells that are new or different, now that the components are in these conditions.
pub(super) fn after(
    known: &[Spell],
    conditions: &BTreeMap<ComponentId, Condition>,
    (book, measures): (&Book, &[Measure]),
    now: Timestamp,
) -> Vec<Spell> {
    let mut changed = Vec::new();
    for open in known.iter().filter(|spell| spell.to.is_none()) {
        let end = match conditions.get(&open.component) {
            Some(Condition::Bad(severity, _)) if Level::of(Some(*severity)) == open.level() => None,
            Some(Condition::Unsettled) => None,
            Some(Condition::Well) => Some(well_since(book, measures, open).unwrap_or(now)),
            // It goes on, better or worse; or nobody watches it any more.
            Some(Condition::Bad(..)) | None => Some(now),
        };
        let to = end.map(|end| end.clamp(open.from, now.max(open.from)));
        changed.extend(to.map(|to| Spell { to: Some(to), ..*open }));
    }
    for (component, condition) in conditions {
        let Condition::Bad(severity, since) = condition else { continue };
        let own = || known.iter().chain(&changed).filter(|spell| spell.component == *component);
        let is_ended = |spell: &&Spell| {
            changed.iter().any(|one| one.component == spell.component && one.from == spell.from)
        };
        if own().any(|spell| spell.to.is_none() && !is_ended(&spell)) {
            continue;
        }
        // What ended is over: the next one begins after it, whatever a monitor says of the past.
        let last = own().filter_map(|spell| spell.to).max();
        let from = last.map_or(*since, |last| last.max(*since)).min(now);
        changed.push(Spell { component: *component, from, to: None, severity: *severity });
    }
    changed
}

/// When the last monitor that had seen the trouble said that all is well.
fn well_since(book: &Book, measures: &[Measure], spell: &Spell) -> Option<Timestamp> {
    let component = book.components.get(&spell.component)?;
    let own = measures.iter().filter(|one| one.components.fits(component));
    // What was never bad says nothing about the end.
    let own = own.filter(|one| !one.is_bad && !one.falls.is_empty() && one.since >= spell.from);
    own.map(|one| one.since).max()
}

/// What reports are made from: since when each component is watched, and its spells up to now.
pub(super) fn measured(
    watched: &BTreeMap<ComponentId, Timestamp>,
    spells: &[Spell],
    now: Timestamp,
) -> Vec<Measured> {
    let watched = watched.iter().map(|(component, from)| Measured {
        component: *component,
        span: Span::between(*from, now),
        level: Level::Operational,
    });
    let spells = spells.iter().map(|spell| Measured {
        component: spell.component,
        span: Span::between(spell.from, spell.to.unwrap_or(now)),
        level: spell.level(),
    });
    watched.chain(spells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn turn(
        known: &mut Vec<Spell>,
        component: ComponentId,
        condition: Option<Condition>,
        now: i64,
    ) {
        let conditions = condition.map(|one| (component, one)).into_iter().collect();
        for spell in after(known, &conditions, (&Book::default(), &[]), at(now)) {
            known.retain(|one| one.name() != spell.name());
            known.push(spell);
        }
        let open = known.iter().filter(|one| one.to.is_none()).count();
        assert!(open <= 1, "{known:?}");
    }

    #[test]
    fn a_spell_begins_with_the_trouble_and_ends_with_it_and_is_written_once() {
        let component = ComponentId::generate();
        let mut known = Vec::new();
        for now in [100, 110, 120] {
            turn(&mut known, component, Some(Condition::Bad(90, at(70))), now);
        }
        turn(&mut known, component, Some(Condition::Unsettled), 130);
        turn(&mut known, component, Some(Condition::Well), 140);
        turn(&mut known, component, Some(Condition::Well), 150);
        let spell = Spell { component, from: at(70), to: Some(at(140)), severity: 90 };
        assert_eq!(known, [spell]);
        // A monitor that says it began before the last end does not count time twice.
        turn(&mut known, component, Some(Condition::Bad(90, at(100))), 200);
        assert_eq!(known[1].from, at(140));
    }

    #[test]
    fn what_gets_worse_is_another_spell_right_after_and_what_nobody_watches_ends() {
        let component = ComponentId::generate();
        let mut known = Vec::new();
        turn(&mut known, component, Some(Condition::Bad(40, at(10))), 20);
        turn(&mut known, component, Some(Condition::Bad(45, at(10))), 30);
        turn(&mut known, component, Some(Condition::Bad(95, at(10))), 40);
        turn(&mut known, component, None, 60);
        let mut spans: Vec<_> =
            known.iter().map(|one| (one.from, one.to.unwrap(), one.severity)).collect();
        spans.sort_unstable();
        assert_eq!(spans, [(at(10), at(40), 40), (at(40), at(60), 95)]);
        let watched = [(component, at(0))].into();
        let measured = measured(&watched, &known, at(100));
        assert_eq!(measured.len(), 3);
        assert_eq!(measured[0].span, Span { from: 0, to: 100 });
        assert!(!measured[0].level.is_down());
    }
}
