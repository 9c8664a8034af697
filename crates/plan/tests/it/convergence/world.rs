//! Objects behind requests, each request with its chances of failing and of being the last.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lotse_core::error::ErrorKind;
use lotse_core::id::{IntentId, Marker};
use lotse_core::journal::{Conclusion, Intent, Journal, JournalError};
use lotse_core::retry::RetryClass;
use lotse_core::time::Timestamp;
use lotse_plan::StepError;
use lotse_plan::testing::MemoryJournal;
use tokio::sync::Notify;

/// `colour` can be changed, `fixed` only by a new object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fields {
    pub(super) colour: u8,
    pub(super) fixed: u8,
}

/// One object. A fresh one is not complete: its colour comes with a second request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) fields: Fields,
    pub(super) owner: u8,
    pub(super) marker: Option<Marker>,
    pub(super) complete: bool,
}

/// Where a process can die, counted over the whole life of a world.
#[derive(Debug, Default)]
pub(super) struct Boundaries {
    passed: AtomicU64,
    /// `u64::MAX`, the beginning, is never reached.
    kill_at: Mutex<Option<u64>>,
    killed: Notify,
}

impl Boundaries {
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    pub(super) fn kill_at(&self, boundary: u64) {
        *self.kill_at.lock().unwrap() = Some(boundary);
    }

    pub(super) fn spare(&self) {
        *self.kill_at.lock().unwrap() = None;
    }

    pub(super) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// Never returns from the boundary at which the process dies.
    async fn pass(&self) {
        // Others get their turn in between.
        tokio::task::yield_now().await;
        let number = self.passed.fetch_add(1, Ordering::Relaxed);
        if *self.kill_at.lock().unwrap() == Some(number) {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn dies_here(&self) -> bool {
        *self.kill_at.lock().unwrap() == Some(self.passed())
    }
}

/// The weather: which request fails is a function of its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    pub(super) seed: u64,
    pub(super) percent: u64,
}

impl Faults {
    /// What goes wrong with this request, and whether it takes effect all the same.
    fn of(self, request: u64) -> Option<(RetryClass, bool)> {
        // A step of the splitmix64 generator: spreads neighbouring numbers.
        let mut bits = self.seed.wrapping_add(request.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        if bits % 100 >= self.percent {
            return None;
        }
        Some(match (bits >> 32) % 5 {
            0 => (RetryClass::NoEffect, false),
            1 => (RetryClass::Ambiguous, false),
            2 => (RetryClass::Ambiguous, true),
            3 => (RetryClass::Busy, false),
            _ => (RetryClass::Never, false),
        })
    }
}

#[derive(Debug)]
pub(super) struct World {
    objects: Mutex<BTreeMap<u64, Object>>,
    next: AtomicU64,
    requests: AtomicU64,
    writes: AtomicU64,
    calm: AtomicBool,
    faults: Faults,
    boundaries: Arc<Boundaries>,
    /// With `Some`, the creation during which the process dies takes effect only later.
    late: Mutex<Option<Vec<Object>>>,
    /// Broken laws; recorded, because a panic would only become one more failed step.
    violations: Mutex<Vec<String>>,
}

impl World {
    pub(super) fn new(objects: &[Object], faults: Faults, boundaries: Boundaries) -> Self {
        Self {
            objects: Mutex::new((0..).zip(objects.iter().cloned()).collect()),
            next: AtomicU64::new(1000),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            calm: AtomicBool::new(faults.percent == 0),
            faults,
            boundaries: Arc::new(boundaries),
            late: Mutex::new(None),
            violations: Mutex::default(),
        }
    }

    pub(super) fn boundaries(&self) -> Arc<Boundaries> {
        Arc::clone(&self.boundaries)
    }

    pub(super) fn objects(&self) -> BTreeMap<u64, Object> {
        self.objects.lock().unwrap().clone()
    }

    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(super) fn arrive_late(&self) {
        *self.late.lock().unwrap() = Some(Vec::new());
    }

    pub(super) fn late_arrivals(&self) {
        for object in self.late.lock().unwrap().take().unwrap_or_default() {
            self.insert(object);
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    fn law(&self, kept: bool, broken: impl FnOnce() -> String) {
        if !kept {
            self.violations.lock().unwrap().push(broken());
        }
    }

    fn insert(&self, object: Object) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.objects.lock().unwrap().insert(id, object);
        id
    }

    /// One request with its effect.
    async fn request<O>(&self, effect: impl FnOnce() -> O) -> Result<O, StepError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.boundaries.pass().await;
        let fault = self.faults.of(number).filter(|_| !self.is_calm());
        let answer = match fault {
            Some((_, false)) => None,
            Some((_, true)) | None => Some(effect()),
        };
        self.boundaries.pass().await;
        match (fault, answer) {
            (None, Some(answer)) => Ok(answer),
            (fault, _) => {
                let retry = fault.map_or(RetryClass::Never, |(retry, _)| retry);
                Err(StepError::new(ErrorKind::Unavailable, format!("bad weather at {number}"))
                    .retried(retry))
            }
        }
    }

    pub(super) async fn list(&self) -> Result<BTreeMap<u64, Object>, StepError> {
        self.request(|| self.objects()).await
    }

    /// `instead_of` is what the creator means to replace. Creating beside anything else of the same
    /// name and owner is the duplicate that must never be.
    pub(super) async fn create(
        &self,
        object: Object,
        instead_of: Option<u64>,
    ) -> Result<u64, StepError> {
        let effect = || {
            self.writes.fetch_add(1, Ordering::Relaxed);
            let mut late = self.late.lock().unwrap();
            if let Some(late) = late.as_mut().filter(|_| self.boundaries.dies_here()) {
                late.push(object);
                return 0;
            }
            let twin = self.objects().into_iter().find(|(id, other)| {
                other.name == object.name && other.owner == object.owner && Some(*id) != instead_of
            });
            self.law(twin.is_none(), || format!("{object:?} is created beside {twin:?}"));
            self.insert(object)
        };
        self.request(effect).await
    }

    /// Only the owner may touch an object.
    pub(super) async fn paint(&self, id: u64, owner: u8, colour: u8) -> Result<bool, StepError> {
        let effect = || {
            self.writes.fetch_add(1, Ordering::Relaxed);
            let mut objects = self.objects.lock().unwrap();
            let Some(object) = objects.get_mut(&id) else { return false };
            self.law(object.owner == owner, || format!("{object:?} is painted by {owner}"));
            object.fields.colour = colour;
            object.complete = true;
            true
        };
        self.request(effect).await
    }

    pub(super) async fn delete(&self, id: u64, owner: u8) -> Result<(), StepError> {
        let effect = || {
            self.writes.fetch_add(1, Ordering::Relaxed);
            if let Some(object) = self.objects.lock().unwrap().remove(&id) {
                self.law(object.owner == owner, || format!("{object:?} is deleted by {owner}"));
            }
        };
        self.request(effect).await
    }
}

/// A journal at whose writes the process can die.
#[derive(Debug)]
pub(super) struct KillableJournal {
    memory: MemoryJournal,
    boundaries: Arc<Boundaries>,
}

impl KillableJournal {
    pub(super) fn new(boundaries: Arc<Boundaries>) -> Self {
        Self { memory: MemoryJournal::default(), boundaries }
    }

    pub(super) fn written(&self) -> usize {
        self.memory.entries().len()
    }

    pub(super) fn open(&self) -> usize {
        self.memory.entries().iter().filter(|entry| entry.conclusion.is_none()).count()
    }
}

#[async_trait]
impl Journal for KillableJournal {
    async fn intend(&self, intent: &Intent) -> Result<(), JournalError> {
        self.boundaries.pass().await;
        self.memory.intend(intent).await?;
        self.boundaries.pass().await;
        Ok(())
    }

    async fn conclude(
        &self,
        intent: IntentId,
        conclusion: &Conclusion,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.boundaries.pass().await;
        self.memory.conclude(intent, conclusion, at).await?;
        self.boundaries.pass().await;
        Ok(())
    }

    async fn unfinished(&self, cloud: &str, kind: &str) -> Result<Vec<Intent>, JournalError> {
        self.boundaries.pass().await;
        self.memory.unfinished(cloud, kind).await
    }
}
