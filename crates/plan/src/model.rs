//! Plans and steps: the words of the engine.

mod plan;
mod step;

pub use plan::{Note, NoteKind, Plan, PlanBuilder, Summary};
pub use step::{Action, Change, Step, StepId};
