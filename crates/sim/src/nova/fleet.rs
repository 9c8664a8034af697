//! All servers, in the order in which Nova lists them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use lotse_core::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::server::{Server, VmState};

/// The place of a server in the default order: the youngest first.
pub(crate) type Key = (Reverse<i64>, Reverse<u64>);

/// What a project uses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Used {
    pub(crate) instances: u64,
    pub(crate) cores: u64,
    /// MiB.
    pub(crate) ram: u64,
}

/// How many deleted servers are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 10_000;

/// All servers, kept in the order in which lists show them, so that a page costs its length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers {
    /// Boxed, because the nodes of a tree that grows at one end are half empty.
    live: BTreeMap<Key, Box<Server>>,
    keys: HashMap<Box<str>, Key>,
    /// When the next step of a server is due.
    due: BTreeSet<(Timestamp, Key)>,
    used: HashMap<Arc<str>, Used>,
    deleted: VecDeque<Server>,
}

impl Servers {
    pub(crate) fn get(&self, id: &str) -> Option<&Server> {
        self.live.get(self.keys.get(id)?).map(Box::as_ref)
    }

    pub(crate) fn at(&self, key: Key) -> Option<&Server> {
        self.live.get(&key).map(Box::as_ref)
    }

    /// All servers, the youngest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Server> {
        self.live.values().map(Box::as_ref)
    }

    /// The servers behind this one.
    pub(crate) fn after(&self, key: Key) -> impl Iterator<Item = &Server> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.live.range((Excluded(key), Unbounded)).map(|(_, server)| &**server)
    }

    /// Deleted servers, the one deleted last first.
    pub(crate) fn gone(&self) -> impl Iterator<Item = &Server> {
        self.deleted.iter().rev()
    }

    /// What a project uses.
    pub(crate) fn used(&self, project: &str) -> Used {
        self.used.get(project).copied().unwrap_or_default()
    }

    pub(crate) fn insert(&mut self, server: Server) {
        let key = server.key();
        self.count(&server, 1);
        self.keys.insert(server.id.as_str().into(), key);
        if let Some(step) = server.steps.front() {
            self.due.insert((step.at, key));
        }
        self.live.insert(key, Box::new(server));
    }

    /// Changes a server; what depends on its content follows.
    pub(crate) fn change<T>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Server) -> T,
    ) -> Option<T> {
        let key = *self.keys.get(id)?;
        self.change_at(key, change)
    }

    /// Changes the server at this place.
    pub(crate) fn change_at<T>(
        &mut self,
        key: Key,
        change: impl FnOnce(&mut Server) -> T,
    ) -> Option<T> {
        let server = self.live.get_mut(&key)?;
        let next = server.steps.front().map(|step| step.at);
        let flavor = Arc::clone(&server.flavor);
        let made = change(server);
        let later = server.steps.front().map(|step| step.at);
        if next != later {
            next.map(|at| self.due.remove(&(at, key)));
            later.map(|at| self.due.insert((at, key)));
        }
        if !Arc::ptr_eq(&flavor, &server.flavor)
            && let Some(used) = self.used.get_mut(&server.project_id)
        {
            used.cores = (used.cores + server.flavor.vcpus).saturating_sub(flavor.vcpus);
            used.ram = (used.ram + server.flavor.ram).saturating_sub(flavor.ram);
        }
        Some(made)
    }

    /// The server whose next step is due first, if it is due.
    pub(crate) fn first_due(&self, now: Timestamp) -> Option<(Timestamp, Key)> {
        self.due.first().copied().filter(|(at, _)| *at <= now)
    }

    /// Takes a server out of all lists, and remembers it for a while.
    pub(crate) fn bury(&mut self, key: Key) {
        let Some(server) = self.live.remove(&key) else { return };
        self.keys.remove(server.id.as_str());
        if let Some(step) = server.steps.front() {
            self.due.remove(&(step.at, key));
        }
        self.count(&server, -1);
        if self.deleted.len() >= REMEMBERED {
            self.deleted.pop_front();
        }
        self.deleted.push_back(*server);
    }

    /// Takes a server away as if it had never been.
    pub(crate) fn forget(&mut self, id: &str) {
        let Some(key) = self.keys.get(id).copied() else { return };
        self.bury(key);
        self.deleted.pop_back();
    }

    fn count(&mut self, server: &Server, by: i64) {
        let used = self.used.entry(Arc::clone(&server.project_id)).or_default();
        let add = |to: &mut u64, amount: u64| {
            *to = if by > 0 { to.saturating_add(amount) } else { to.saturating_sub(amount) };
        };
        add(&mut used.instances, 1);
        add(&mut used.cores, server.flavor.vcpus);
        add(&mut used.ram, server.flavor.ram);
    }
}

impl Serialize for Servers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Oldest first, and the deleted ones with them: a vm state tells them apart.
        serializer.collect_seq(self.deleted.iter().chain(self.iter().rev()))
    }
}

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut servers = Self::default();
        for server in Vec::<Server>::deserialize(deserializer)? {
            if server.vm == VmState::Deleted {
                servers.deleted.push_back(server);
            } else {
                servers.insert(server);
            }
        }
        Ok(servers)
    }
}
