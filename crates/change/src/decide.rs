//! The heart: from what is known and what was found to what happens.

use lotse_core::change::{Document, Policy};

use crate::model::{Change, State, digest};

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The difference.
    pub document: &'a Document,
    /// What is done about differences here.
    pub policy: Policy,
    /// Whether this one needs a person's consent whatever the policy.
    pub needs_consent: bool,
}

/// What is known of earlier differences of the same capability on the same cloud.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The change that can still come about.
    pub live: Option<&'a Change>,
    /// The digest of the change that was rejected last, if nothing else was proposed since.
    pub rejected: Option<&'a Change>,
}

/// What happens to the live change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It stays as it is.
    Stays,
    /// The difference is gone, or nobody is to make it good any more.
    Withdrawn,
    /// The difference is gone because the last attempt had done all of it.
    Applied,
    /// Other steps are needed.
    Superseded,
}

/// What happens to the difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Course {
    /// There is none.
    Nothing,
    /// It is reported.
    Report,
    /// The live change waits for people.
    Wait,
    /// It was rejected.
    Rejected,
    /// A change is opened and waits for people.
    Propose,
    /// A change is opened and made good at once.
    OpenAndApply,
    /// The live change is made good now.
    Apply,
}

/// What happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision {
    /// To the live change.
    pub fate: Fate,
    /// To the difference.
    pub course: Course,
}

/// Decides what happens.
pub fn decide(found: Found<'_>, known: Known<'_>) -> Decision {
    if found.document.steps.is_empty() {
        let fate = match known.live {
            None => Fate::Stays,
            // Its process died after the last step, or the cloud finished late.
            Some(live) if matches!(live.state, State::Applying | State::Failed) => Fate::Applied,
            Some(_) => Fate::Withdrawn,
        };
        return Decision { fate, course: Course::Nothing };
    }
    if found.policy == Policy::Observe {
        // Nobody will make it good any more.
        let fate = if known.live.is_some() { Fate::Withdrawn } else { Fate::Stays };
        return Decision { fate, course: Course::Report };
    }
    let at_once = found.policy == Policy::Apply && !found.needs_consent;
    match known.live {
        Some(live) => with_live(found, live, at_once),
        None => Decision { fate: Fate::Stays, course: without_live(found, known, at_once) },
    }
}

fn with_live(found: Found<'_>, live: &Change, at_once: bool) -> Decision {
    let stays = |course| Decision { fate: Fate::Stays, course };
    let other = |course| Decision { fate: Fate::Superseded, course };
    let open = if at_once { Course::OpenAndApply } else { Course::Propose };
    let same = live.digest == digest(found.document);
    match live.state {
        State::Proposed if same && !at_once => stays(Course::Wait),
        State::Proposed => other(open),
        // Agreed to, or under way when its process died: what is left of it is done.
        _ if found.document.is_within(&live.document) && may_go(found, live, at_once) => {
            stays(Course::Apply)
        }
        _ => other(open),
    }
}

/// A change that began without people (policy `apply`) needs them once the policy says so.
fn may_go(found: Found<'_>, live: &Change, at_once: bool) -> bool {
    let agreed = live.has_enough_approvals() && live.approvals_needed > 0;
    at_once || (agreed && (!found.needs_consent || live.has_consent()))
}

fn without_live(found: Found<'_>, known: Known<'_>, at_once: bool) -> Course {
    match known.rejected {
        Some(rejected) if rejected.digest == digest(found.document) => Course::Rejected,
        _ if at_once => Course::OpenAndApply,
        _ => Course::Propose,
    }
}

#[cfg(test)]
mod tests;
