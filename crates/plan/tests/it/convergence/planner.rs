//! A small capability on the model world: planner and executor.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use lotse_core::journal::Intent;
use lotse_plan::{Action, Attempt, Change, Executor, Outcome, Plan, Step, StepError, StepId};

use super::world::{Fields, Object, World};

/// What shall be: one object of each name.
pub(super) type Desired = BTreeMap<String, Fields>;

/// What an executor has to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    Make { fields: Fields, instead_of: Option<u64> },
    Paint { id: u64, colour: u8 },
    Delete { id: u64 },
}

/// The difference, ours only. Of several objects of one name the best stays.
pub(super) fn plan(desired: &Desired, observed: &BTreeMap<u64, Object>, owner: u8) -> Plan<Work> {
    let mut plan = Plan::builder("sim".to_owned());
    let ours = || observed.iter().filter(|(_, object)| object.owner == owner);
    plan.observed("thing", ours().count());
    for (&id, object) in ours().filter(|(_, object)| !desired.contains_key(&object.name)) {
        plan.step(destroy(id, object));
    }
    for (name, fields) in desired {
        let mut candidates: Vec<(u64, &Object)> = ours()
            .filter(|(_, object)| &object.name == name)
            .map(|(&id, object)| (id, object))
            .collect();
        candidates.sort_by_key(|(id, object)| (object.fields.fixed != fields.fixed, *id));
        let Some((&(id, object), surplus)) = candidates.split_first() else {
            let work = Work::Make { fields: *fields, instead_of: None };
            plan.step(step(Action::Create, name, "make", work));
            continue;
        };
        let before: Vec<StepId> = surplus
            .iter()
            .map(|&(id, object)| {
                let step = destroy(id, object);
                let name = step.id.clone();
                plan.step(step);
                name
            })
            .collect();
        let next = if object.fields.fixed != fields.fixed {
            let work = Work::Make { fields: *fields, instead_of: Some(id) };
            step(Action::Replace, name, "replace", work)
        } else if object.fields.colour != fields.colour || !object.complete {
            let change = Change::new("colour", object.fields.colour, fields.colour);
            step(Action::Update, name, "paint", Work::Paint { id, colour: fields.colour })
                .changing(vec![change])
        } else {
            continue;
        };
        // What takes the place of the others must not come before they are gone.
        plan.step(before.into_iter().fold(next, Step::after));
    }
    plan.build().unwrap()
}

fn step(action: Action, name: &str, verb: &str, work: Work) -> Step<Work> {
    Step::new(StepId::of("thing", name, verb), action, "thing", name, work)
}

fn destroy(id: u64, object: &Object) -> Step<Work> {
    let verb = format!("delete {id}");
    step(Action::Destroy, &object.name, &verb, Work::Delete { id }).marked(object.marker)
}

/// Speaks for one owner.
pub(super) struct Client {
    world: Arc<World>,
    owner: u8,
}

impl Client {
    pub(super) fn new(world: Arc<World>, owner: u8) -> Self {
        Self { world, owner }
    }

    pub(super) async fn list(&self) -> Result<BTreeMap<u64, Object>, StepError> {
        self.world.list().await
    }
}

#[async_trait]
impl Executor<Work> for Client {
    async fn recover(&self, intent: &Intent) -> Result<Option<String>, StepError> {
        let objects = self.world.list().await?;
        let mut marked = objects.iter().filter(|(_, object)| object.marker == Some(intent.marker));
        Ok(marked.next().map(|(id, _)| id.to_string()))
    }

    async fn execute(
        &self,
        step: &Step<Work>,
        attempt: &Attempt<'_>,
    ) -> Result<Outcome, StepError> {
        let world = &self.world;
        match step.operation {
            Work::Make { fields, instead_of } => {
                let id = if let Some(found) = &attempt.found {
                    found.parse().unwrap()
                } else {
                    let object = Object {
                        name: step.name.clone(),
                        fields: Fields { colour: 0, ..fields },
                        owner: self.owner,
                        marker: Some(attempt.marker),
                        complete: false,
                    };
                    let id = world.create(object, instead_of).await?;
                    if step.name.as_str() < "c" {
                        // Not for all: the engine must be safe without being told.
                        attempt.created(id.to_string());
                    }
                    id
                };
                world.paint(id, self.owner, fields.colour).await?;
                if let Some(old) = instead_of {
                    world.delete(old, self.owner).await?;
                }
                Ok(Outcome::object(id.to_string()))
            }
            Work::Paint { id, colour } => {
                world.paint(id, self.owner, colour).await?;
                Ok(Outcome::object(id.to_string()))
            }
            Work::Delete { id } => {
                world.delete(id, self.owner).await?;
                Ok(Outcome::default())
            }
        }
    }
}
