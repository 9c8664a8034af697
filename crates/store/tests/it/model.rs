//! Leases and journal against a simple model in memory, in random interleavings.

use std::collections::BTreeMap;
use std::time::Duration;

use lotse_core::id::InstanceId;
use lotse_core::journal::{Conclusion, Intent, Journal};
use lotse_core::lease::{Claim, Lease, Leases};
use lotse_core::time::{Clock, ManualClock, SignedDuration, Timestamp};
use lotse_store::Store;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::home::{intent, on_both, second};

/// Runs random cases; each has names of its own, so one store serves all.
fn for_random<S: Strategy>(
    strategy: S,
    mut check: impl AsyncFnMut(u32, S::Value) -> Result<(), TestCaseError>,
) where
    S::Value: Clone,
{
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let mut number = 0;
    let check = std::cell::RefCell::new(&mut check);
    let number = std::cell::RefCell::new(&mut number);
    let outcome = TestRunner::new(config).run(&strategy, |value| {
        **number.borrow_mut() += 1;
        let case = **number.borrow();
        let check: &mut _ = &mut **check.borrow_mut();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(check(case, value))
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

// Leases.

#[derive(Clone, Debug)]
enum LeaseAct {
    Claim {
        name: usize,
        holder: usize,
        seconds: u64,
    },
    Release {
        name: usize,
        holder: usize,
    },
    /// Time passes, whole holders' lives included.
    Advance {
        seconds: i64,
    },
}

fn lease_act() -> impl Strategy<Value = LeaseAct> {
    prop_oneof![
        5 => (0..2_usize, 0..3_usize, 0..6_u64)
            .prop_map(|(name, holder, seconds)| LeaseAct::Claim { name, holder, seconds }),
        2 => (0..2_usize, 0..3_usize).prop_map(|(name, holder)| LeaseAct::Release { name, holder }),
        2 => (0..4_i64).prop_map(|seconds| LeaseAct::Advance { seconds }),
    ]
}

/// What a lease is, said in the plainest way.
#[derive(Default)]
struct LeaseModel(BTreeMap<String, (InstanceId, i64, Timestamp)>);

impl LeaseModel {
    fn claim(&mut self, name: &str, holder: InstanceId, until: Timestamp, now: Timestamp) -> bool {
        let Some((current, fence, end)) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), (holder, 1, until));
            return true;
        };
        if *end <= now {
            (*current, *fence, *end) = (holder, *fence + 1, until);
        } else if *current == holder {
            *end = until;
        }
        *current == holder
    }

    fn release(&mut self, name: &str, holder: InstanceId) {
        if let Some((current, _, end)) = self.0.get_mut(name)
            && *current == holder
        {
            *end = Timestamp::MIN;
        }
    }

    fn held(&self, now: Timestamp) -> Vec<(String, InstanceId, i64, Timestamp)> {
        let all = self.0.iter().map(|(name, (h, f, end))| (name.clone(), *h, *f, *end));
        all.filter(|(_, _, _, end)| *end > now).collect()
    }
}

fn essence(lease: &Lease) -> (String, InstanceId, i64, Timestamp) {
    (lease.name.clone(), lease.holder, lease.fence, lease.until)
}

async fn leases_agree(store: &Store, case: u32, acts: Vec<LeaseAct>) -> Result<(), TestCaseError> {
    let clock = ManualClock::starting_at(second(1_000));
    let holders: Vec<_> = (0..3).map(|_| InstanceId::generate()).collect();
    let mut model = LeaseModel::default();
    for act in acts {
        let now = clock.now();
        match act {
            LeaseAct::Claim { name, holder, seconds } => {
                let (name, holder) = (format!("{case}/{name}"), holders[holder]);
                let lasting = Duration::from_secs(seconds);
                let claim = store.claim(&name, holder, "", lasting, now).await.unwrap();
                let got_it = model.claim(&name, holder, now + lasting, now);
                // A lease of no length is held by its holder, though nobody would find it held.
                let (is_held, lease) = match &claim {
                    Claim::Held(lease) => (true, lease),
                    Claim::Taken(lease) => (false, lease),
                };
                prop_assert_eq!(is_held, got_it);
                let (holder, fence, until) = model.0[&name];
                prop_assert_eq!(essence(lease), (name.clone(), holder, fence, until));
                prop_assert!(store.lease_is_current(&name, fence).await.unwrap());
            }
            LeaseAct::Release { name, holder } => {
                let (name, holder) = (format!("{case}/{name}"), holders[holder]);
                store.release(&name, holder).await.unwrap();
                model.release(&name, holder);
            }
            LeaseAct::Advance { seconds } => clock.advance(SignedDuration::from_secs(seconds)),
        }
        let held = store.held(clock.now()).await.unwrap();
        let of_case: Vec<_> =
            held.iter().filter(|l| l.name.starts_with(&format!("{case}/"))).map(essence).collect();
        prop_assert_eq!(of_case, model.held(clock.now()));
    }
    Ok(())
}

on_both! {
    async fn leases_agree_with_the_model(home: Home) {
        // Two instances, so that nothing can be remembered in one of them.
        let stores = [home.open().await, home.open().await];
        for_random(vec(lease_act(), 1..25), async |case, acts| {
            leases_agree(&stores[case as usize % 2], case, acts).await
        });
    }
}

// The journal.

#[derive(Clone, Debug)]
enum JournalAct {
    Intend {
        cloud: usize,
        second: i64,
    },
    /// Writes again what was written before.
    Repeat {
        which: usize,
    },
    Conclude {
        which: usize,
        done: bool,
    },
    Prune {
        second: i64,
    },
}

fn journal_act() -> impl Strategy<Value = JournalAct> {
    prop_oneof![
        4 => (0..2_usize, 0..5_i64).prop_map(|(cloud, second)| JournalAct::Intend { cloud, second }),
        1 => (0..20_usize).prop_map(|which| JournalAct::Repeat { which }),
        3 => (0..20_usize, any::<bool>())
            .prop_map(|(which, done)| JournalAct::Conclude { which, done }),
        1 => (0..5_i64).prop_map(|second| JournalAct::Prune { second }),
    ]
}

async fn journal_agrees(
    store: &Store,
    case: u32,
    acts: Vec<JournalAct>,
) -> Result<(), TestCaseError> {
    let mut model: Vec<(Intent, Option<Conclusion>)> = Vec::new();
    // Times of a case begin where those of the last one ended, so that pruning stays in its case.
    let start = i64::from(case) * 1_000;
    for (number, act) in (0_i64..).zip(acts) {
        match act {
            JournalAct::Intend { cloud, second: at } => {
                let intent = intent(&format!("{case}/{cloud}"), "n", second(start + at));
                store.intend(&intent).await.unwrap();
                model.push((intent, None));
            }
            JournalAct::Repeat { which } if !model.is_empty() => {
                let intent = &model[which % model.len()].0;
                store.intend(intent).await.unwrap();
            }
            JournalAct::Conclude { which, done } if !model.is_empty() => {
                let length = model.len();
                let (intent, conclusion) = &mut model[which % length];
                let new = if done {
                    Conclusion::Done { object: Some(number.to_string()) }
                } else {
                    Conclusion::Abandoned
                };
                store.conclude(intent.id, &new, second(start + number)).await.unwrap();
                conclusion.get_or_insert(new);
            }
            JournalAct::Prune { second: before } => {
                // Everything of earlier cases goes; of this one, what was concluded before.
                store.journal_prune(second(start + before)).await.unwrap();
                let mut left = Vec::new();
                for (intent, conclusion) in model {
                    let entries = store.journal_of_run(intent.run).await.unwrap();
                    let stored = entries.first().map(|entry| entry.conclusion.clone());
                    match (stored, &conclusion) {
                        (None, Some(_)) => continue,
                        (None, None) => prop_assert!(false, "an open intent was pruned"),
                        (Some(None), open) => prop_assert!(open.is_none()),
                        (Some(Some((stored, at))), expected) => {
                            prop_assert_eq!(Some(&stored), expected.as_ref());
                            prop_assert!(at >= second(start + before));
                        }
                    }
                    left.push((intent, conclusion));
                }
                model = left;
            }
            _ => {}
        }
        for cloud in [format!("{case}/0"), format!("{case}/1")] {
            let mut expected: Vec<_> = model
                .iter()
                .filter(|(intent, conclusion)| intent.cloud == cloud && conclusion.is_none())
                .map(|(intent, _)| intent.clone())
                .collect();
            expected.sort_by_key(|intent| (intent.at, intent.id));
            prop_assert_eq!(store.unfinished(&cloud, "image").await.unwrap(), expected);
        }
    }
    Ok(())
}

on_both! {
    async fn the_journal_agrees_with_the_model(home: Home) {
        let stores = [home.open().await, home.open().await];
        for_random(vec(journal_act(), 1..25), async |case, acts| {
            journal_agrees(&stores[case as usize % 2], case, acts).await
        });
    }
}
