//! A checked graph of steps.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::step::{Action, Step, StepId};
use crate::error::PlanError;

/// What a note is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Something has to happen before the plan can go further; planning again later is the answer.
    Waiting,
    /// Declared or found, but not this program's business.
    NotHandled,
    /// Worth knowing before applying.
    Warning,
    /// Declared, and deliberately not done: something is not what it must be, and somebody has to look.
    Refused,
    /// How something is known; nothing has to be done about it.
    Fact,
}

/// What the planner has to say besides the steps.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// The object, for example `image/Debian 13`.
    pub subject: String,
    /// One sentence.
    pub text: String,
}

impl Note {
    /// A note of any kind.
    pub fn new(kind: NoteKind, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), text: text.into() }
    }
}

/// How many steps of each action a plan has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Summary {
    /// New objects.
    pub create: usize,
    /// Changed objects.
    pub update: usize,
    /// Objects that are replaced.
    pub replace: usize,
    /// Objects that go away.
    pub destroy: usize,
}

impl Summary {
    /// Counts one more.
    pub const fn count(&mut self, action: Action) {
        match action {
            Action::Create => self.create += 1,
            Action::Update => self.update += 1,
            Action::Replace => self.replace += 1,
            Action::Destroy => self.destroy += 1,
        }
    }

    /// All steps.
    pub const fn total(&self) -> usize {
        self.create + self.update + self.replace + self.destroy
    }
}

/// The ordered, explained difference between desired and actual state of one cloud.
///
/// Only [`PlanBuilder::build`] makes one, so a plan in hand is a valid graph.
#[derive(Clone, Debug)]
#[must_use = "a plan does nothing until a session applies it"]
pub struct Plan<T> {
    cloud: String,
    steps: Vec<Step<T>>,
    notes: Vec<Note>,
    observed: BTreeMap<String, usize>,
    /// For each step, the positions of the steps that wait for it.
    dependents: Vec<Vec<usize>>,
    /// For each step, how many distinct steps it waits for.
    waits_for: Vec<usize>,
}

impl<T> Plan<T> {
    /// A plan for this cloud (its name in `clouds.yaml`) to add steps to.
    pub const fn builder(cloud: String) -> PlanBuilder<T> {
        PlanBuilder { cloud, steps: Vec::new(), notes: Vec::new(), observed: BTreeMap::new() }
    }

    /// The cloud it is for.
    pub fn cloud(&self) -> &str {
        &self.cloud
    }

    /// The steps in the order they were added.
    pub fn steps(&self) -> &[Step<T>] {
        &self.steps
    }

    /// What the planner has to say besides.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether something that is declared was refused: then the work has not succeeded, whatever
    /// becomes of the steps.
    pub fn refuses(&self) -> bool {
        self.notes.iter().any(|note| note.kind == NoteKind::Refused)
    }

    /// How many objects of a kind of ours there are now, where the planner said so.
    pub fn observed(&self, kind: &str) -> Option<usize> {
        self.observed.get(kind).copied()
    }

    /// Whether the cloud is as declared.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps of each action.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for step in &self.steps {
            summary.count(step.action);
        }
        summary
    }

    /// The kinds of objects it touches.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.steps.iter().map(|step| step.kind.as_str()).collect()
    }

    /// Positions of the steps that wait for the step at `position`.
    pub(crate) fn dependents(&self, position: usize) -> &[usize] {
        self.dependents.get(position).map_or(&[], Vec::as_slice)
    }

    /// For each step, how many steps it waits for.
    pub(crate) fn waits_for(&self) -> &[usize] {
        &self.waits_for
    }
}

/// Collects the parts of a plan.
#[derive(Clone, Debug)]
pub struct PlanBuilder<T> {
    cloud: String,
    steps: Vec<Step<T>>,
    notes: Vec<Note>,
    observed: BTreeMap<String, usize>,
}

impl<T> PlanBuilder<T> {
    /// Adds a step.
    pub fn step(&mut self, step: Step<T>) -> &mut Self {
        self.steps.push(step);
        self
    }

    /// Adds a note.
    pub fn note(&mut self, note: Note) -> &mut Self {
        self.notes.push(note);
        self
    }

    /// Says how many objects of this kind carry our mark now; the fuse's percentage is of this.
    pub fn observed(&mut self, kind: impl Into<String>, count: usize) -> &mut Self {
        self.observed.insert(kind.into(), count);
        self
    }

    /// Checks the graph.
    ///
    /// # Errors
    ///
    /// [`PlanError::DuplicateStep`], [`PlanError::UnknownDependency`] or [`PlanError::Cycle`]; all
    /// three are defects of the planner.
    pub fn build(self) -> Result<Plan<T>, PlanError> {
        let (dependents, waits_for) = link(&self.steps)?;
        if let Some(cycle) = find_cycle(&self.steps, &dependents, &waits_for) {
            return Err(PlanError::Cycle { steps: cycle });
        }
        Ok(Plan {
            cloud: self.cloud,
            steps: self.steps,
            notes: self.notes,
            observed: self.observed,
            dependents,
            waits_for,
        })
    }
}

/// Resolves the names of dependencies to positions.
fn link<T>(steps: &[Step<T>]) -> Result<(Vec<Vec<usize>>, Vec<usize>), PlanError> {
    let mut positions: HashMap<&StepId, usize> = HashMap::with_capacity(steps.len());
    for (position, step) in steps.iter().enumerate() {
        if positions.insert(&step.id, position).is_some() {
            return Err(PlanError::DuplicateStep { step: step.id.clone() });
        }
    }
    let mut dependents = vec![Vec::new(); steps.len()];
    let mut waits_for = vec![0; steps.len()];
    for (position, step) in steps.iter().enumerate() {
        let distinct: BTreeSet<&StepId> = step.depends_on.iter().collect();
        for name in distinct {
            let Some(&before) = positions.get(name) else {
                return Err(PlanError::UnknownDependency {
                    step: step.id.clone(),
                    dependency: name.clone(),
                });
            };
            dependents[before].push(position);
            waits_for[position] += 1;
        }
    }
    Ok((dependents, waits_for))
}

/// The steps of one cycle in the order they wait for each other, if there is any.
fn find_cycle<T>(
    steps: &[Step<T>],
    dependents: &[Vec<usize>],
    waits_for: &[usize],
) -> Option<Vec<StepId>> {
    let mut waits_for = waits_for.to_vec();
    let mut free: VecDeque<usize> = (0..steps.len()).filter(|&at| waits_for[at] == 0).collect();
    let mut reached = 0;
    while let Some(position) = free.pop_front() {
        reached += 1;
        for &dependent in &dependents[position] {
            waits_for[dependent] -= 1;
            if waits_for[dependent] == 0 {
                free.push_back(dependent);
            }
        }
    }
    if reached == steps.len() {
        return None;
    }
    // Every step left waits for another one that is left, so walking back must come round.
    let stuck: HashMap<&StepId, usize> = (0..steps.len())
        .filter(|&position| waits_for[position] > 0)
        .map(|position| (&steps[position].id, position))
        .collect();
    let mut path: Vec<usize> = Vec::new();
    let mut seen_at: HashMap<usize, usize> = HashMap::new();
    let mut here = *stuck.values().min()?;
    loop {
        if let Some(&start) = seen_at.get(&here) {
            let cycle = path.get(start..).unwrap_or_default();
            return Some(cycle.iter().map(|&position| steps[position].id.clone()).collect());
        }
        seen_at.insert(here, path.len());
        path.push(here);
        here = *steps[here].depends_on.iter().find_map(|name| stuck.get(name))?;
    }
}
