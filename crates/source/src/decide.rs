//! Whether a head is worth fetching. Pure.

use crate::model::{CommitId, Revision};
use crate::status::Fault;

/// What is remembered from earlier looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    /// The revision in use.
    pub(crate) good: Option<CommitId>,
    /// The last revision that was found broken, and by which rules (a digest of what is configured
    /// outside of the repository, such as the allowed signers). Forgotten at a restart: another
    /// version of Lotse may judge otherwise.
    pub(crate) broken: Option<(CommitId, String)>,
    /// What was wrong with it.
    pub(crate) fault: Option<(Option<Revision>, Fault)>,
}

/// What to do about a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// Nothing: it is in use.
    Keep,
    /// Nothing: it was found broken by the same rules.
    StillBroken,
    /// Fetch and examine it.
    Take,
}

/// Whether `head` is worth fetching under `rules`.
pub(crate) fn decide(memory: &Memory, head: &CommitId, rules: &str) -> Next {
    if memory.good.as_ref() == Some(head) {
        return Next::Keep;
    }
    match &memory.broken {
        Some((commit, by)) if commit == head && by == rules => Next::StillBroken,
        _ => Next::Take,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_taken_once_under_the_same_rules() {
        let [one, two]: [CommitId; 2] = [1, 2].map(|n| format!("{n:040x}").parse().unwrap());
        let memory = Memory {
            good: Some(one.clone()),
            broken: Some((two.clone(), "r".to_owned())),
            fault: None,
        };
        assert_eq!(decide(&Memory::default(), &one, "r"), Next::Take);
        assert_eq!(decide(&memory, &one, "r"), Next::Keep);
        assert_eq!(decide(&memory, &two, "r"), Next::StillBroken);
        assert_eq!(decide(&memory, &two, "other signers"), Next::Take);
    }
}
