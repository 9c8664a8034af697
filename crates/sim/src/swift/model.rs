//! What Swift knows, as plain data, and the one transition that time brings: objects expire.

use std::collections::BTreeMap;

use axum::body::Bytes;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seed::{Keyed, keyed};

/// Everything the service knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Objects {
    /// By project.
    #[serde(with = "keyed")]
    pub(crate) accounts: BTreeMap<String, Account>,
}

/// The account of a project; it comes to be with the first change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) project_id: String,
    pub(crate) created_at: Timestamp,
    /// By name in lower case.
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(with = "keyed")]
    pub(crate) containers: BTreeMap<String, Container>,
}

impl Keyed for Account {
    fn key(&self) -> &str {
        &self.project_id
    }
}

/// A container.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Who may read, as the header has it; empty: nobody else.
    pub(crate) read: String,
    /// Who may write.
    pub(crate) write: String,
    #[serde(with = "keyed")]
    pub(crate) objects: BTreeMap<String, Object>,
}

impl Keyed for Container {
    fn key(&self) -> &str {
        &self.name
    }
}

impl Container {
    /// Bytes of all objects.
    pub(crate) fn bytes(&self) -> u64 {
        self.objects.values().map(|object| object.bytes).sum()
    }
}

/// An object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: u64,
    /// MD5 of the bytes.
    pub(crate) etag: String,
    pub(crate) changed_at: Timestamp,
    pub(crate) metadata: BTreeMap<String, String>,
    /// `content-disposition` and `content-encoding`, if they were given.
    pub(crate) headers: BTreeMap<String, String>,
    /// When it expires, in seconds.
    pub(crate) delete_at: Option<i64>,
    /// The bytes; they are no part of the state that is dumped.
    #[serde(skip)]
    pub(crate) content: Option<Bytes>,
}

impl Keyed for Object {
    fn key(&self) -> &str {
        &self.name
    }
}

impl Objects {
    /// Makes the transitions that are due: objects whose time is over are gone.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        let now = now.as_second();
        let containers =
            self.accounts.values_mut().flat_map(|account| account.containers.values_mut());
        for container in containers {
            container.objects.retain(|_, object| object.delete_at.is_none_or(|at| at > now));
        }
    }

    /// A container of a project.
    pub(crate) fn container(&self, project: &str, name: &str) -> Option<&Container> {
        self.accounts.get(project)?.containers.get(name)
    }

    /// The account of a project, which comes to be now if it is not there.
    pub(crate) fn account(&mut self, project: &str, now: Timestamp) -> &mut Account {
        self.accounts.entry(project.to_owned()).or_insert_with(|| Account {
            project_id: project.to_owned(),
            created_at: now,
            ..Account::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_gone_when_its_time_is_over() {
        let mut objects = Objects::default();
        let now = Timestamp::from_second(1_000).expect("a time");
        let container = Container {
            objects: [("old", Some(1_000)), ("new", Some(1_001)), ("kept", None)]
                .map(|(name, delete_at)| {
                    (
                        name.to_owned(),
                        Object { name: name.to_owned(), delete_at, ..Object::default() },
                    )
                })
                .into(),
            ..Container::default()
        };
        objects.account("p", now).containers.insert("box".to_owned(), container);
        objects.settle(now);
        let left = objects.container("p", "box").expect("a container");
        assert_eq!(left.objects.keys().collect::<Vec<_>>(), ["kept", "new"]);
    }
}
