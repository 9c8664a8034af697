//! A desk of changes in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lotse_core::change::{Conclusion, Desk, DeskError, Document, Finding, Policy, Verdict};
use lotse_core::id::ChangeId;

/// A desk that follows the policy and keeps one change: a new difference waits, an approved one
/// goes.
#[derive(Debug, Default)]
pub struct MemoryDesk(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    waiting: Option<Document>,
    approved: Option<Document>,
    conclusions: Vec<Conclusion>,
    unreachable: bool,
}

impl MemoryDesk {
    /// Somebody approves what waits.
    pub fn approve(&self) {
        let mut memory = self.memory();
        let waiting = memory.waiting.clone();
        memory.approved = waiting;
    }

    /// Whether something waits for people.
    pub fn waits(&self) -> bool {
        let memory = self.memory();
        memory.waiting.is_some() && memory.approved.is_none()
    }

    /// What came of everything that went, oldest first.
    pub fn conclusions(&self) -> Vec<Conclusion> {
        self.memory().conclusions.clone()
    }

    /// From now on, or no longer, every request fails.
    pub fn unreachable(&self, unreachable: bool) {
        self.memory().unreachable = unreachable;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self, operation: &'static str) -> Result<MutexGuard<'_, Memory>, DeskError> {
        let memory = self.memory();
        if memory.unreachable {
            let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into();
            return Err(DeskError { operation, source });
        }
        Ok(memory)
    }
}

#[async_trait]
impl Desk for MemoryDesk {
    async fn consider(&self, finding: Finding<'_>) -> Result<Verdict, DeskError> {
        let mut memory = self.reach("consider a difference")?;
        if finding.document.steps.is_empty() {
            memory.waiting = None;
            return Ok(Verdict::Nothing);
        }
        let consent = finding.needs_consent.is_some();
        let agreed = memory.approved.as_ref().is_some_and(|it| finding.document.is_within(it));
        Ok(match finding.policy {
            Policy::Observe => Verdict::Report,
            Policy::Apply if !consent => {
                Verdict::Go { change: nth(memory.conclusions.len()), with_consent: false }
            }
            Policy::Propose | Policy::Apply if agreed => {
                Verdict::Go { change: nth(memory.conclusions.len()), with_consent: consent }
            }
            Policy::Propose | Policy::Apply => {
                memory.waiting = Some(finding.document);
                Verdict::Wait(nth(memory.conclusions.len()))
            }
        })
    }

    async fn conclude(&self, _change: ChangeId, conclusion: Conclusion) -> Result<(), DeskError> {
        let mut memory = self.reach("conclude a change")?;
        if conclusion.succeeded {
            (memory.waiting, memory.approved) = (None, None);
        }
        memory.conclusions.push(conclusion);
        Ok(())
    }
}

/// The id of the nth change.
fn nth(number: usize) -> ChangeId {
    ChangeId::from_uuid(uuid::Uuid::from_u128(number as u128 + 1))
}
