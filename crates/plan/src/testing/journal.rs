//! A journal that a killed engine leaves behind.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lotse_core::id::IntentId;
use lotse_core::journal::{Conclusion, Intent, Journal, JournalError};
use lotse_core::time::Timestamp;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What was intended.
    pub intent: Intent,
    /// How it ended, if anybody wrote that down.
    pub conclusion: Option<Conclusion>,
}

/// A journal in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    positions: HashMap<IntentId, usize>,
    /// Writes that still succeed; `None` for all.
    writes_left: Option<usize>,
}

impl MemoryJournal {
    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// After so many more writes, every write fails as on a full disk; `None` ends that.
    pub fn full_after(&self, writes: Option<usize>) {
        self.state().writes_left = writes;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        let mut state = self.state();
        match &mut state.writes_left {
            Some(0) => {
                let source = std::io::Error::from(std::io::ErrorKind::StorageFull).into();
                Err(JournalError { operation: "written", source })
            }
            Some(left) => {
                *left -= 1;
                Ok(state)
            }
            None => Ok(state),
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn intend(&self, intent: &Intent) -> Result<(), JournalError> {
        let mut state = self.write()?;
        let position = state.entries.len();
        state.positions.insert(intent.id, position);
        state.entries.push(Entry { intent: intent.clone(), conclusion: None });
        Ok(())
    }

    async fn conclude(
        &self,
        intent: IntentId,
        conclusion: &Conclusion,
        _at: Timestamp,
    ) -> Result<(), JournalError> {
        let mut state = self.write()?;
        let position = state.positions.get(&intent).copied();
        if let Some(entry) = position.and_then(|at| state.entries.get_mut(at)) {
            entry.conclusion.get_or_insert_with(|| conclusion.clone());
        }
        Ok(())
    }

    async fn unfinished(&self, cloud: &str, kind: &str) -> Result<Vec<Intent>, JournalError> {
        let open = |entry: &&Entry| {
            entry.conclusion.is_none() && entry.intent.cloud == cloud && entry.intent.kind == kind
        };
        Ok(self.state().entries.iter().filter(open).map(|entry| entry.intent.clone()).collect())
    }
}
