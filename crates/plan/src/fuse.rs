//! How much a plan may destroy.

use std::collections::BTreeMap;

use crate::error::PlanError;
use crate::model::Plan;

/// Stops a plan that would destroy (or replace) suspiciously much, before its first step.
///
/// It guards against the empty estate, the wrong cloud and the filter that matches nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fuse {
    /// At most so many objects of one kind; `None` for no limit.
    pub max_objects: Option<usize>,
    /// At most this percentage of a kind's observed objects; `None` for no limit.
    pub max_percent: Option<u8>,
    /// The percentage says nothing about a handful: it counts only when more objects than this go.
    pub percent_beyond: usize,
}

impl Default for Fuse {
    /// 20 objects, 50 %, the latter from the fourth object on.
    fn default() -> Self {
        Self { max_objects: Some(20), max_percent: Some(50), percent_beyond: 3 }
    }
}

impl Fuse {
    /// Lets everything through.
    pub const OFF: Self = Self { max_objects: None, max_percent: None, percent_beyond: 0 };

    pub(crate) fn check<T>(&self, plan: &Plan<T>) -> Result<(), PlanError> {
        let mut destroyed: BTreeMap<&str, usize> = BTreeMap::new();
        for step in plan.steps().iter().filter(|step| step.action.destroys()) {
            *destroyed.entry(&step.kind).or_default() += 1;
        }
        destroyed
            .into_iter()
            .try_for_each(|(kind, count)| self.check_kind(kind, count, plan.observed(kind)))
    }

    fn check_kind(
        &self,
        kind: &str,
        destroyed: usize,
        observed: Option<usize>,
    ) -> Result<(), PlanError> {
        let kind = || kind.to_owned();
        if let Some(limit) = self.max_objects
            && destroyed > limit
        {
            return Err(PlanError::FuseObjects { kind: kind(), destroyed, limit });
        }
        let Some(limit) = self.max_percent.filter(|_| destroyed > self.percent_beyond) else {
            return Ok(());
        };
        let Some(observed) = observed else {
            return Err(PlanError::FuseUnknown { kind: kind(), destroyed });
        };
        if destroyed.saturating_mul(100) > observed.saturating_mul(usize::from(limit)) {
            return Err(PlanError::FusePercent { kind: kind(), destroyed, observed, limit });
        }
        Ok(())
    }
}
