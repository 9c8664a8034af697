//! Which step may begin next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::ApplyOptions;
use crate::model::Plan;

/// Steps that are free to begin, by service, with the limits.
///
/// Every step enters and leaves one heap once and every dependency is looked at once, so a whole
/// plan costs O((steps + dependencies) · log steps).
#[derive(Debug)]
pub(super) struct Schedule<'p> {
    /// For each step, how many it still waits for.
    waits_for: Vec<usize>,
    /// Steps that ended or were skipped.
    over: Vec<bool>,
    services: BTreeMap<&'p str, Lane>,
    service_of: Vec<&'p str>,
    running: usize,
    limit: usize,
}

/// One service.
#[derive(Debug)]
struct Lane {
    free: BinaryHeap<Reverse<usize>>,
    running: usize,
    limit: usize,
}

impl<'p> Schedule<'p> {
    pub(super) fn new<T>(plan: &'p Plan<T>, options: &ApplyOptions) -> Self {
        let mut schedule = Self {
            waits_for: plan.waits_for().to_vec(),
            over: vec![false; plan.steps().len()],
            services: BTreeMap::new(),
            service_of: plan.steps().iter().map(|step| step.service.as_str()).collect(),
            running: 0,
            limit: options.concurrency.max(1),
        };
        for (position, step) in plan.steps().iter().enumerate() {
            let lane = schedule.services.entry(&step.service).or_insert_with(|| Lane {
                free: BinaryHeap::new(),
                running: 0,
                limit: options
                    .services
                    .get(&step.service)
                    .copied()
                    .unwrap_or(options.per_service)
                    .max(1),
            });
            if schedule.waits_for[position] == 0 {
                lane.free.push(Reverse(position));
            }
        }
        schedule
    }

    /// The first step in plan order that may begin; it counts as running from now on.
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.running >= self.limit {
            return None;
        }
        let lane = self
            .services
            .values_mut()
            .filter(|lane| lane.running < lane.limit && !lane.free.is_empty())
            .min_by_key(|lane| lane.free.peek().map(|&Reverse(position)| position))?;
        let Reverse(position) = lane.free.pop()?;
        lane.running += 1;
        self.running += 1;
        Some(position)
    }

    /// Takes note that a step ended. Returns the steps that will not begin because it failed, each
    /// with the position of the step that it directly waited for.
    pub(super) fn ended<T>(
        &mut self,
        plan: &Plan<T>,
        position: usize,
        succeeded: bool,
        failed: bool,
    ) -> Vec<(usize, usize)> {
        self.running -= 1;
        self.over[position] = true;
        if let Some(lane) = self.services.get_mut(self.service_of[position]) {
            lane.running -= 1;
        }
        if succeeded {
            for &dependent in plan.dependents(position) {
                self.waits_for[dependent] -= 1;
                if self.waits_for[dependent] == 0
                    && let Some(lane) = self.services.get_mut(self.service_of[dependent])
                {
                    lane.free.push(Reverse(dependent));
                }
            }
        }
        if failed { self.skip_from(plan, position) } else { Vec::new() }
    }

    fn skip_from<T>(&mut self, plan: &Plan<T>, failed: usize) -> Vec<(usize, usize)> {
        let mut skipped = Vec::new();
        let mut spreading = vec![failed];
        while let Some(from) = spreading.pop() {
            for &dependent in plan.dependents(from) {
                if !std::mem::replace(&mut self.over[dependent], true) {
                    skipped.push((dependent, from));
                    spreading.push(dependent);
                }
            }
        }
        skipped
    }
}
