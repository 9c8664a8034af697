//! What an audience sees of a book. Everybody is an audience, too: the one without a name.
//!
//! Components that name audiences are left out for all others, and with them what touches nothing
//! else. Readers are answered from books that were filtered here, so that nothing that answers them
//! has to remember what is private.

use std::sync::Arc;

use lotse_core::id::ComponentId;

use crate::book::{Book, Case};
use crate::extra::{Schedule, Upstream};

/// Whether there is anything that not everybody sees.
pub fn has_secrets(book: &Book) -> bool {
    book.components.values().any(|one| !one.audiences.is_empty())
}

/// The book as this audience sees it; `None` is everybody. Templates and audiences are nobody's.
pub fn seen_by(book: &Book, audience: Option<&str>) -> Book {
    let components = book
        .components
        .iter()
        .filter(|(_, one)| {
            let own = audience.is_some_and(|audience| one.audiences.contains(audience));
            one.audiences.is_empty() || own
        })
        .map(|(id, one)| (*id, Arc::clone(one)))
        .collect();
    let mut seen = Book {
        components,
        impact_types: book.impact_types.clone(),
        bands: book.bands.clone(),
        phases: book.phases.clone(),
        ..Book::default()
    };
    let is_seen = |id: &ComponentId| seen.components.contains_key(id);
    seen.cases =
        book.cases.iter().filter_map(|(id, case)| Some((*id, case_seen(case, is_seen)?))).collect();
    seen.schedules = book
        .schedules
        .iter()
        .filter_map(|(name, one)| {
            let components = left(&one.components, is_seen)?;
            Some((name.clone(), kept(one, components, |one: &mut Schedule| &mut one.components)))
        })
        .collect();
    seen.upstream = book
        .upstream
        .iter()
        .filter_map(|(id, one)| {
            let components = left(&one.components, is_seen)?;
            Some((*id, kept(one, components, |one: &mut Upstream| &mut one.components)))
        })
        .collect();
    seen
}

/// The case without what is hidden; nothing when it touches only that.
fn case_seen(case: &Arc<Case>, is_seen: impl Fn(&ComponentId) -> bool) -> Option<Arc<Case>> {
    let affects = &case.incident.affects;
    if affects.iter().all(|impact| is_seen(&impact.component)) {
        return Some(Arc::clone(case));
    }
    let mut seen = Case::clone(case);
    seen.incident.affects.retain(|impact| is_seen(&impact.component));
    (!seen.incident.affects.is_empty()).then(|| Arc::new(seen))
}

/// What of it is seen; nothing when it was all hidden.
fn left(
    components: &[ComponentId],
    is_seen: impl Fn(&ComponentId) -> bool,
) -> Option<Vec<ComponentId>> {
    let left: Vec<_> = components.iter().copied().filter(|id| is_seen(id)).collect();
    (components.is_empty() || !left.is_empty()).then_some(left)
}

/// The same document with other components, or the same one when they are the same.
fn kept<T: Clone>(
    one: &Arc<T>,
    components: Vec<ComponentId>,
    of: impl Fn(&mut T) -> &mut Vec<ComponentId>,
) -> Arc<T> {
    let mut changed = T::clone(one);
    let place = of(&mut changed);
    if *place == components {
        return Arc::clone(one);
    }
    *place = components;
    Arc::new(changed)
}
