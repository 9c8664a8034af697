//! What is shown: accounts, newest results and what they come to, as of a revision and a day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use jiff::civil::Date;

use super::account::Accounts;
use super::standing::Standing;
use super::store::{Row, Rows};
use crate::model::Verdict;
use crate::spec::Spec;

/// What stands before the name of a group where a subject is asked for.
pub(crate) const GROUP: &str = "group-";

/// A subject and a scope.
pub(crate) type Key = (String, String);

/// What a subject comes to for a scope, and what it was computed from.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    row: Arc<Row>,
    /// As the public sees it.
    pub(crate) public: Arc<Standing>,
    /// With everything, approved or not.
    pub(crate) full: Arc<Standing>,
    /// What `/status` says of it, written once.
    pub(crate) status: Arc<OnceLock<String>>,
}

/// What is shown.
#[derive(Debug)]
pub(crate) struct View {
    /// The revision of the state.
    pub(crate) revision: i64,
    /// The day for which it is judged (UTC).
    pub(crate) day: Date,
    /// Accounts of the configuration and of the state.
    pub(crate) accounts: Arc<Accounts>,
    /// The newest results.
    pub(crate) rows: Arc<Rows>,
    /// What they come to.
    pub(crate) judged: BTreeMap<Key, Judged>,
    /// `/status` without parameters, written once.
    pub(crate) status: OnceLock<Bytes>,
    /// The public table, written once.
    pub(crate) table: OnceLock<Bytes>,
}

impl View {
    /// Judges what has changed since the view before, or everything on another day.
    pub(crate) fn new(
        (revision, day): (i64, Date),
        (accounts, rows): (Arc<Accounts>, Arc<Rows>),
        (scopes, approved_only): (&[Spec], bool),
        before: Option<&Self>,
    ) -> Self {
        let before = before.filter(|before| before.day == day);
        let mut judged = BTreeMap::new();
        for (key, row) in rows.iter() {
            let Some(spec) = scopes.iter().find(|spec| spec.uuid == key.1) else { continue };
            let known = before.and_then(|before| before.judged.get(key));
            if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.row, row)) {
                judged.insert(key.clone(), known.clone());
                continue;
            }
            let full = Arc::new(Standing::on(spec, &row.latest, day, false));
            let public = if approved_only {
                Arc::new(Standing::on(spec, &row.latest, day, true))
            } else {
                full.clone()
            };
            judged.insert(
                key.clone(),
                Judged { row: row.clone(), public, full, status: Arc::default() },
            );
        }
        Self {
            revision,
            day,
            accounts,
            rows,
            judged,
            status: OnceLock::new(),
            table: OnceLock::new(),
        }
    }

    /// What a subject comes to for a scope, if it ever reported.
    pub(crate) fn standing(&self, subject: &str, scope: &str, full: bool) -> Option<&Standing> {
        let judged = self.judged.get(&(subject.to_owned(), scope.to_owned()))?;
        Some(if full { &judged.full } else { &judged.public })
    }

    /// All subjects: accounts that can be reported about, and whoever was.
    pub(crate) fn subjects(&self) -> BTreeSet<&str> {
        let reported = self.judged.keys().map(|(subject, _)| subject.as_str());
        reported.collect()
    }

    /// The group of a subject.
    pub(crate) fn group(&self, subject: &str) -> Option<&str> {
        self.accounts.get(subject)?.group.as_deref()
    }

    /// The subjects behind a name: itself, or the members of `group-NAME`.
    pub(crate) fn members<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match name.strip_prefix(GROUP) {
            Some(group) => {
                let of = |subject: &&str| self.group(subject) == Some(group);
                self.subjects().into_iter().filter(of).collect()
            }
            None => vec![name],
        }
    }

    /// The worst of the members of a group for a scope.
    pub(crate) fn worst(&self, members: &[&str], scope: &str, full: bool) -> Verdict {
        let verdict = |subject: &&str| {
            self.standing(subject, scope, full).map_or(Verdict::Missing, |one| one.verdict)
        };
        let nobody = members.is_empty().then_some(Verdict::Missing);
        Verdict::worst(members.iter().map(verdict).chain(nobody))
    }
}
