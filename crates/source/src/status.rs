//! What all of this comes to now.

use std::path::Path;

use jiff::Timestamp;
use lotse_core::declared::Diagnostic;
use lotse_core::error::{ErrorKind, Explain, chain};
use serde::Serialize;

use crate::model::{CommitId, Revision, shown};

/// Complaints that a status carries; the rest is only counted.
const MOST_DIAGNOSTICS: usize = 20;

/// Characters of a message or line that a status carries.
const LONGEST: usize = 1000;

/// A failure in a form that can be kept, shown and sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// What it is, for the one who has to react.
    pub kind: ErrorKind,
    /// What went wrong, in one line.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// The places in declared files that are wrong, at most 20; paths count from the estate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

impl Fault {
    /// The failure `error`; paths below `root` are shown as people know them, from the estate.
    pub fn of(error: &dyn Explain, root: Option<&Path>) -> Self {
        let prefix = root.map(|root| format!("{}/", root.display())).unwrap_or_default();
        let from_root = |text: &str| {
            let text = if prefix.is_empty() { text.to_owned() } else { text.replace(&prefix, "") };
            shown(&text, LONGEST)
        };
        let diagnostics = error.diagnostics().iter().take(MOST_DIAGNOSTICS).cloned();
        let diagnostics = diagnostics.map(|mut diagnostic| {
            diagnostic.file = from_root(&diagnostic.file);
            diagnostic.line_text = shown(&diagnostic.line_text, LONGEST);
            diagnostic.message = shown(&diagnostic.message, LONGEST);
            for place in &mut diagnostic.also {
                place.file = from_root(&place.file);
                place.line_text = shown(&place.line_text, LONGEST);
            }
            diagnostic
        });
        Self {
            kind: error.kind(),
            message: from_root(&chain(error)),
            hints: error.hints().iter().map(|hint| from_root(hint)).collect(),
            diagnostics: diagnostics.collect(),
        }
    }

    /// The first wrong place in a declared file, for example `images/debian.yml:3:5`.
    pub fn place(&self) -> Option<String> {
        let Diagnostic { file, span, .. } = self.diagnostics.first()?;
        Some(format!("{file}:{}:{}", span.line, span.column))
    }
}

/// The head, when it is not good.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Broken {
    /// The head.
    pub commit: CommitId,
    /// What is known of it; nothing when it could not be read at all.
    pub revision: Option<Revision>,
    /// When it was found.
    pub since: Timestamp,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Why nothing can be learnt about the head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub fault: Fault,
}

/// All of it in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing was looked at yet.
    Starting,
    /// The head is in use.
    Good,
    /// The head is broken and the last good revision, if there is one, is in use; or the folder is
    /// not a valid estate.
    Broken,
    /// The head is not known; the last good revision, if there is one, is in use.
    Unreachable,
}

/// What all of this comes to now.
///
/// Also the content of the status file `status.json` in the state directory; its times are RFC 3339
/// in UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The folder, or the address of the repository.
    pub source: String,
    /// What is followed, for example `refs/heads/main`; nothing for a folder.
    pub reference: Option<String>,
    /// The directory within the repository; nothing for all of it.
    pub path: Option<String>,
    /// All that follows in one word.
    pub verdict: Verdict,
    /// What the branch showed at the last look that reached it.
    pub head: Option<CommitId>,
    /// The revision in use.
    pub good: Option<Revision>,
    /// Since when it is in use.
    pub since: Option<Timestamp>,
    /// What is wrong with the head, when it is not in use.
    pub broken: Option<Broken>,
    /// Why the last look did not reach the head, or what is wrong with the folder.
    pub trouble: Option<Trouble>,
    /// The start of the last look.
    pub last_look: Option<Timestamp>,
    /// The start of the last look that reached the head.
    pub last_reached: Option<Timestamp>,
}

/// What a look came to, for [`Status::after`].
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// The head is the revision in use (or, for a folder, the folder is valid).
    Same(Option<CommitId>),
    /// There is a new revision in use.
    New(Revision),
    /// The head is broken.
    Broken { commit: CommitId, revision: Option<Revision>, fault: Fault },
    /// The folder is not a valid estate.
    Invalid(Fault),
    /// The head is not known.
    Nothing(Fault),
}

impl Status {
    /// Before the first look.
    pub(crate) fn new(source: String, reference: Option<String>, path: Option<String>) -> Self {
        Self {
            source,
            reference,
            path,
            verdict: Verdict::Starting,
            head: None,
            good: None,
            since: None,
            broken: None,
            trouble: None,
            last_look: None,
            last_reached: None,
        }
    }

    /// The status after a look that began at `at`. What lasts keeps the time at which it began.
    pub(crate) fn after(mut self, seen: Seen, at: Timestamp) -> Self {
        self.last_look = Some(at);
        match seen {
            Seen::Nothing(fault) => {
                let since = self.trouble.map_or(at, |trouble| trouble.since);
                self.trouble = Some(Trouble { since, fault });
                self.verdict = Verdict::Unreachable;
                return self;
            }
            Seen::Invalid(fault) => {
                let since = self.trouble.map_or(at, |trouble| trouble.since);
                self.trouble = Some(Trouble { since, fault });
                self.last_reached = Some(at);
                self.verdict = Verdict::Broken;
                return self;
            }
            Seen::Same(head) => {
                self.head = head;
                self.broken = None;
                self.verdict = Verdict::Good;
            }
            Seen::New(revision) => {
                self.head = Some(revision.commit.clone());
                self.good = Some(revision);
                self.since = Some(at);
                self.broken = None;
                self.verdict = Verdict::Good;
            }
            Seen::Broken { commit, revision, fault } => {
                let since = match self.broken {
                    Some(broken) if broken.commit == commit => broken.since,
                    _ => at,
                };
                self.head = Some(commit.clone());
                self.broken = Some(Broken { commit, revision, since, fault });
                self.verdict = Verdict::Broken;
            }
        }
        self.trouble = None;
        self.last_reached = Some(at);
        self
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let good = match &self.good {
            Some(good) => format!("{} \"{}\" in use", good.commit.short(), good.subject),
            None if self.reference.is_none() => "folder in use".to_owned(),
            None => "nothing in use yet".to_owned(),
        };
        match (&self.broken, &self.trouble) {
            (_, Some(trouble)) => format!("{}; {good}", trouble.fault.message),
            (Some(broken), None) => {
                format!("{} is broken: {}; {good}", broken.commit.short(), broken.fault.message)
            }
            (None, None) => good,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::SignatureState;

    fn commit(number: u8) -> CommitId {
        format!("{number:040x}").parse().unwrap()
    }

    fn revision(number: u8) -> Revision {
        Revision {
            commit: commit(number),
            subject: "add an image".to_owned(),
            author: "A".to_owned(),
            committed: None,
            signature: SignatureState::NotAsked,
        }
    }

    fn fault() -> Fault {
        Fault {
            kind: ErrorKind::Declaration,
            message: "wrong".to_owned(),
            hints: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    fn seen() -> impl Strategy<Value = Seen> {
        (0_u8..4, 0_u8..4).prop_map(|(kind, number)| match kind {
            0 => Seen::Same(Some(commit(number))),
            1 => Seen::New(revision(number)),
            2 => Seen::Broken { commit: commit(number), revision: None, fault: fault() },
            _ => Seen::Nothing(fault()),
        })
    }

    #[test]
    fn what_lasts_keeps_the_time_at_which_it_began() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let broken =
            |number| Seen::Broken { commit: commit(number), revision: None, fault: fault() };
        let status = Status::new("s".to_owned(), Some("r".to_owned()), None)
            .after(Seen::New(revision(1)), at(1))
            .after(broken(2), at(2))
            .after(Seen::Nothing(fault()), at(3))
            .after(Seen::Nothing(fault()), at(4));
        assert_eq!(status.trouble.as_ref().unwrap().since, at(3));
        assert_eq!(status.broken.as_ref().unwrap().since, at(2));
        assert_eq!((status.last_look, status.last_reached), (Some(at(4)), Some(at(2))));
        let status = status.after(broken(2), at(5));
        assert_eq!((status.broken.as_ref().unwrap().since, &status.trouble), (at(2), &None));
        let status = status.after(broken(3), at(6));
        assert_eq!(status.broken.as_ref().unwrap().since, at(6));
        assert_eq!((status.good.as_ref().unwrap(), status.since), (&revision(1), Some(at(1))));
    }

    proptest! {
        #[test]
        fn only_a_new_good_revision_replaces_the_one_in_use(looks in prop::collection::vec(seen(), 0..20)) {
            let mut status = Status::new("s".to_owned(), Some("r".to_owned()), None);
            let mut good = None;
            for (second, seen) in looks.into_iter().enumerate() {
                if let Seen::New(revision) = &seen {
                    good = Some(revision.clone());
                }
                let at = Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
                status = status.after(seen, at);
                prop_assert_eq!(&status.good, &good);
                prop_assert_eq!(status.trouble.is_some(), status.verdict == Verdict::Unreachable);
                if status.verdict == Verdict::Good {
                    prop_assert!(status.broken.is_none());
                }
            }
        }
    }
}
