//! What happened to the source: which revisions came into use, and when something was wrong.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{CommitId, Revision};
use crate::status::{Fault, Status, Verdict};

/// So much is remembered; what is older is forgotten.
const MOST: usize = 100;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Happening {
    /// The start of the look that found it.
    pub at: Timestamp,
    /// What it was.
    pub what: What,
    /// The commit it happened to; nothing for a folder, and when the head is not known.
    pub commit: Option<CommitId>,
    /// The first line of the commit's message, if it could be read.
    pub subject: Option<String>,
    /// Who made the commit, as they call themselves.
    pub author: Option<String>,
    /// What was wrong, in one line.
    pub message: Option<String>,
    /// The first wrong place in a declared file, for example `images/debian.yml:3:5`.
    pub place: Option<String>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A revision came into use.
    InUse,
    /// A head (or the folder) was found broken.
    Broken,
    /// The head could not be found out.
    Unreachable,
    /// What was broken or unreachable is well again, with the revision that was in use all the time.
    Recovered,
}

impl What {
    const fn is_trouble(self) -> bool {
        matches!(self, Self::Broken | Self::Unreachable)
    }
}

/// What happened, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct History(Vec<Happening>);

impl History {
    /// Adds what became known with this status; says whether there was anything.
    ///
    /// Only what is not the last entry already is added: neither a restart nor a trouble that lasts
    /// is a new thing.
    pub(crate) fn note(&mut self, status: &Status) -> bool {
        let Some(at) = status.last_look else { return false };
        let Some(happening) = self.next(status, at) else { return false };
        self.push(happening);
        true
    }

    /// Adds the revision in use, if the process that took it did not get so far.
    pub(crate) fn catch_up(&mut self, good: &Revision, since: Timestamp) {
        if self.last_good() != Some(&good.commit) {
            self.push(in_use(good, since));
        }
    }

    /// Everything, newest first.
    pub(crate) fn newest_first(&self) -> Vec<Happening> {
        self.0.iter().rev().cloned().collect()
    }

    fn next(&self, status: &Status, at: Timestamp) -> Option<Happening> {
        if let Some(good) =
            status.good.as_ref().filter(|good| Some(&good.commit) != self.last_good())
        {
            return Some(in_use(good, status.since.unwrap_or(at)));
        }
        let last = self.0.last();
        let was = last.map(|last| last.what);
        match (status.verdict, &status.broken, &status.trouble) {
            (Verdict::Broken, Some(broken), _) => {
                let new = trouble(What::Broken, at, &broken.fault);
                let revision = broken.revision.as_ref();
                let new = Happening {
                    commit: Some(broken.commit.clone()),
                    subject: revision.map(|revision| revision.subject.clone()),
                    author: revision.map(|revision| revision.author.clone()),
                    ..new
                };
                last.is_none_or(|last| !last.is_same(&new)).then_some(new)
            }
            (Verdict::Broken, None, Some(folder)) => {
                let new = trouble(What::Broken, at, &folder.fault);
                last.is_none_or(|last| !last.is_same(&new)).then_some(new)
            }
            (Verdict::Unreachable, _, Some(why)) => {
                (was != Some(What::Unreachable)).then(|| trouble(What::Unreachable, at, &why.fault))
            }
            (Verdict::Good, ..) => was.is_some_and(What::is_trouble).then(|| {
                let good = status.good.as_ref();
                Happening {
                    at,
                    what: What::Recovered,
                    commit: good.map(|good| good.commit.clone()),
                    subject: good.map(|good| good.subject.clone()),
                    author: good.map(|good| good.author.clone()),
                    message: None,
                    place: None,
                }
            }),
            _ => None,
        }
    }

    fn last_good(&self) -> Option<&CommitId> {
        let mut taken = self.0.iter().rev().filter(|one| one.what == What::InUse);
        taken.next().and_then(|one| one.commit.as_ref())
    }

    fn push(&mut self, happening: Happening) {
        self.0.push(happening);
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }
}

impl Happening {
    /// Whether it is the same but for the time.
    fn is_same(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }
}

fn in_use(good: &Revision, at: Timestamp) -> Happening {
    Happening {
        at,
        what: What::InUse,
        commit: Some(good.commit.clone()),
        subject: Some(good.subject.clone()),
        author: Some(good.author.clone()),
        message: None,
        place: None,
    }
}

fn trouble(what: What, at: Timestamp, fault: &Fault) -> Happening {
    Happening {
        at,
        what,
        commit: None,
        subject: None,
        author: None,
        message: Some(fault.message.clone()),
        place: fault.place(),
    }
}

#[cfg(test)]
mod tests {
    use lotse_core::error::ErrorKind;

    use super::*;
    use crate::model::SignatureState;
    use crate::status::Seen;

    fn commit(number: u8) -> CommitId {
        format!("{number:040x}").parse().unwrap()
    }

    fn revision(number: u8) -> Revision {
        Revision {
            commit: commit(number),
            subject: format!("change {number}"),
            author: "Ada".to_owned(),
            committed: None,
            signature: SignatureState::NotAsked,
        }
    }

    fn fault(message: &str) -> Fault {
        Fault {
            kind: ErrorKind::Declaration,
            message: message.to_owned(),
            hints: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    fn broken(number: u8) -> Seen {
        let (commit, revision) = (commit(number), Some(revision(number)));
        Seen::Broken { commit, revision, fault: fault("wrong") }
    }

    /// Looks at these one after the other, and names what was written of it.
    fn told(history: &mut History, mut status: Status, looks: Vec<Seen>) -> (Status, Vec<String>) {
        let mut told = Vec::new();
        for (second, seen) in looks.into_iter().enumerate() {
            let at = Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
            status = status.after(seen, at);
            if history.note(&status) {
                let new = history.0.last().unwrap();
                let what = serde_json::to_value(new.what).unwrap();
                let subject = new.subject.clone().unwrap_or_default();
                told.push(format!("{second} {} {subject}", what.as_str().unwrap()));
            }
        }
        (status, told)
    }

    fn followed() -> Status {
        Status::new("s".to_owned(), Some("refs/heads/main".to_owned()), None)
    }

    #[test]
    fn what_lasts_is_written_once_and_its_end_as_well() {
        let mut history = History::default();
        let looks = vec![
            Seen::New(revision(1)),
            Seen::Same(Some(commit(1))),
            broken(2),
            broken(2),
            Seen::Nothing(fault("down")),
            Seen::Nothing(fault("still down")),
            broken(2),
            broken(3),
            Seen::Same(Some(commit(1))),
            Seen::New(revision(4)),
        ];
        let (_, told) = told(&mut history, followed(), looks);
        let expected = [
            "0 in-use change 1",
            "2 broken change 2",
            "4 unreachable ",
            "6 broken change 2",
            "7 broken change 3",
            "8 recovered change 1",
            "9 in-use change 4",
        ];
        assert_eq!(told, expected);
        assert_eq!(history.newest_first()[0].commit, Some(commit(4)));
    }

    #[test]
    fn a_restart_is_not_a_happening_but_what_it_missed_is() {
        let mut history = History::default();
        let (status, _) = told(&mut history, followed(), vec![Seen::New(revision(1)), broken(2)]);
        let restarted = Status { good: status.good.clone(), since: status.since, ..followed() };
        history.catch_up(status.good.as_ref().unwrap(), status.since.unwrap());
        let (_, told) = told(&mut history, restarted, vec![broken(2), broken(2)]);
        assert_eq!(told, [""; 0]);
        // Killed between the switch and the writing of it.
        history.catch_up(&revision(5), Timestamp::UNIX_EPOCH);
        assert_eq!(history.newest_first()[0].commit, Some(commit(5)));
        assert_eq!(history.0.len(), 3);
    }

    #[test]
    fn a_folder_is_broken_and_well_again() {
        let mut history = History::default();
        let folder = Status::new("/estate".to_owned(), None, None);
        let looks = vec![
            Seen::Same(None),
            Seen::Invalid(fault("wrong")),
            Seen::Invalid(fault("wrong")),
            Seen::Invalid(fault("also wrong")),
            Seen::Same(None),
        ];
        let (_, told) = told(&mut history, folder, looks);
        assert_eq!(told, ["1 broken ", "3 broken ", "4 recovered "]);
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut history = History::default();
        let looks = (0..=u8::MAX).map(|number| Seen::New(revision(number))).collect();
        told(&mut history, followed(), looks);
        assert_eq!(history.0.len(), MOST);
        assert_eq!(history.newest_first()[0].commit, Some(commit(u8::MAX)));
    }
}
