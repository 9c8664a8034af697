//! How long a component was available: exact to the second, from what was declared.
//!
//! Times of trouble are joined before they are counted, so that two incidents at once do not count
//! twice. Planned work is counted apart, and what falls into it is not held against the component,
//! unless the policy says so.

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;

use crate::level::Level;
use crate::model::Incident;

/// A stretch of time in seconds since the epoch, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its first second.
    pub from: i64,
    /// The second after its last one.
    pub to: i64,
}

impl Span {
    /// The stretch between two moments.
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self { from: from.as_second(), to: to.as_second() }
    }

    /// How long it is, in seconds.
    pub const fn seconds(self) -> i64 {
        if self.to > self.from { self.to - self.from } else { 0 }
    }

    /// What both have in common, if anything.
    pub fn within(self, other: Self) -> Option<Self> {
        let common = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (common.from < common.to).then_some(common)
    }
}

/// Stretches of time that neither touch nor overlap, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// The union of these stretches.
    pub fn union(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut all: Vec<_> = spans.into_iter().filter(|span| span.seconds() > 0).collect();
        all.sort_unstable();
        let mut joined: Vec<Span> = Vec::with_capacity(all.len());
        for span in all {
            match joined.last_mut() {
                Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
                _ => joined.push(span),
            }
        }
        Self(joined)
    }

    /// What of it is not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut holes = other.0.iter().peekable();
        for span in &self.0 {
            let mut from = span.from;
            while let Some(hole) = holes.peek() {
                if hole.from >= span.to {
                    break;
                }
                if hole.from > from {
                    left.push(Span { from, to: hole.from });
                }
                from = from.max(hole.to);
                if hole.to > span.to {
                    break;
                }
                holes.next();
            }
            if from < span.to {
                left.push(Span { from, to: span.to });
            }
        }
        Self(left)
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> i64 {
        self.0.iter().map(|span| span.seconds()).sum()
    }

    /// The stretches.
    pub fn iter(&self) -> impl Iterator<Item = Span> {
        self.0.iter().copied()
    }
}

/// Whether planned work counts against a component.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Planned work is left out, and so is trouble while it goes on.
    #[default]
    ExcludeMaintenance,
    /// Planned work counts as not available.
    CountMaintenance,
}

/// What somebody measured of a component: from when to when it was at which level. Measurements are
/// reported beside what was declared, never mixed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The component.
    pub component: ComponentId,
    /// The stretch of time.
    pub span: Span,
    /// How bad it was; only [`Level::Limited`] and [`Level::Broken`] count as not available.
    pub level: Level,
}

/// How long a component was what, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Availability {
    /// The time that counts.
    pub counted: i64,
    /// The time in which it was not available.
    pub down: i64,
    /// The time of planned work.
    pub maintenance: i64,
}

impl Availability {
    /// Both together, for example those of a region.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            counted: self.counted + other.counted,
            down: self.down + other.down,
            maintenance: self.maintenance + other.maintenance,
        }
    }

    /// In thousandths of a percent, rounded down: 100 000 only when it was never down.
    pub fn thousandths(self) -> i64 {
        if self.counted <= 0 {
            return 100_000;
        }
        let up = i128::from(self.counted - self.down) * 100_000 / i128::from(self.counted);
        i64::try_from(up).unwrap_or(0)
    }

    /// As people read it, for example `99.953 %`.
    pub fn percent(self) -> String {
        let thousandths = self.thousandths();
        format!("{}.{:03} %", thousandths / 1000, thousandths % 1000)
    }
}

/// When the incident touched the component, and how badly.
pub fn touches(
    incident: &Incident,
    component: ComponentId,
    window: Span,
) -> impl Iterator<Item = (Span, Level)> {
    let from = incident.began.map_or(window.from, Timestamp::as_second);
    let to = incident.ended.map_or(window.to, Timestamp::as_second);
    let span = Span { from, to }.within(window);
    let impacts = incident.affects.iter().filter(move |impact| impact.component == component);
    impacts.filter_map(move |impact| Some((span?, Level::of_impact(incident, impact))))
}

/// How long a component was available in this time.
pub fn availability<'a>(
    incidents: &(impl Iterator<Item = &'a Incident> + Clone),
    component: ComponentId,
    window: Span,
    policy: Policy,
) -> Availability {
    let of = |wanted: fn(Level) -> bool| {
        let touches = incidents.clone().flat_map(|one| touches(one, component, window));
        Spans::union(touches.filter(|(_, level)| wanted(*level)).map(|(span, _)| span))
    };
    let down = of(Level::is_down);
    let work = of(|level| level == Level::Maintenance);
    balance(&down, &work, window, policy)
}

/// How long a component was available by what was measured; planned work is known from what was
/// declared.
pub fn measured<'a>(
    measured: &[Measured],
    incidents: &(impl Iterator<Item = &'a Incident> + Clone),
    component: ComponentId,
    window: Span,
    policy: Policy,
) -> Availability {
    let own = measured.iter().filter(|one| one.component == component && one.level.is_down());
    let down = Spans::union(own.filter_map(|one| one.span.within(window)));
    let touches = incidents.clone().flat_map(|one| touches(one, component, window));
    let work = touches.filter(|(_, level)| *level == Level::Maintenance).map(|(span, _)| span);
    balance(&down, &Spans::union(work), window, policy)
}

fn balance(down: &Spans, work: &Spans, window: Span, policy: Policy) -> Availability {
    let maintenance = work.seconds();
    match policy {
        Policy::ExcludeMaintenance => Availability {
            counted: window.seconds() - maintenance,
            down: down.without(work).seconds(),
            maintenance,
        },
        Policy::CountMaintenance => {
            let down = Spans::union(down.iter().chain(work.iter())).seconds();
            Availability { counted: window.seconds(), down, maintenance }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        let span =
            (0_i64..50, 0_i64..20).prop_map(|(from, length)| Span { from, to: from + length });
        proptest::collection::vec(span, 0..8)
    }

    fn has(spans: &[Span], second: i64) -> bool {
        spans.iter().any(|span| span.from <= second && second < span.to)
    }

    proptest! {
        #[test]
        fn unions_and_differences_hold_exactly_the_seconds_they_should(a in spans(), b in spans()) {
            let (union, other) = (Spans::union(a.clone()), Spans::union(b.clone()));
            let left = union.without(&other);
            for second in 0..70 {
                prop_assert_eq!(has(&union.0, second), has(&a, second));
                prop_assert_eq!(has(&left.0, second), has(&a, second) && !has(&b, second));
            }
            prop_assert_eq!(left.seconds(), (0..70).map(|s| i64::from(has(&left.0, s))).sum::<i64>());
            prop_assert!(union.0.windows(2).all(|two| two[0].to < two[1].from));
        }
    }

    #[test]
    fn one_second_in_ninety_days_is_not_a_hundred_percent() {
        let day = 86_400;
        let full = Availability { counted: 90 * day, down: 0, maintenance: 0 };
        assert_eq!(full.percent(), "100.000 %");
        assert_eq!(Availability { down: 1, ..full }.percent(), "99.999 %");
        assert_eq!(Availability { down: 90 * day, ..full }.percent(), "0.000 %");
        assert_eq!(Availability { counted: 0, down: 0, maintenance: day }.percent(), "100.000 %");
    }
}
