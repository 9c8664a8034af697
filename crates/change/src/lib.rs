//! Changes: from a difference that was found to a change that somebody answers for.
//!
//! A task shows a difference to the [`Changes`] (they are the [`lotse_core::change::Desk`]). The
//! policy of its capability says what happens: it is only reported, proposed to people, or made good
//! at once. What was proposed is read, approved or rejected by people in the console; what was
//! approved is made good by the task at its next activation, and what came of it is kept, with the
//! ids of all requests.
//!
//! # Words
//!
//! - **change**: a difference with the steps that make it good, and what became of it.
//! - **approval**: a person's agreement to exactly these steps.
//! - **live**: a change that can still come about. There is at most one for each capability and
//!   cloud, because a plan describes the whole difference.
//! - **consent**: what a plan needs from a person even where the policy is to apply, because it
//!   destroys something or changes very much at once.
//!
//! # The states of a change
//!
//! ```text
//!            ┌────────── enough approvals ─────────┐        ┌──────── next activation ───────┐
//!  proposed ─┤                                     ├▶ approved ─▶ applying ─▶ failed ─────────┘
//!            ├─ rejected  (a person)               │                   └───▶ applied
//!            ├─ superseded (other steps are needed)│
//!            └─ withdrawn (nothing is needed any more)
//! ```
//!
//! # What is promised
//!
//! - Nothing is made good that was not agreed to: the task plans anew right before it applies, and
//!   what it then finds must lie within the approved steps. Less is done without asking again.
//! - Every transition is a comparison and an exchange in one transaction with its entry in the audit
//!   log and its event: two people or two instances cannot both win, and nobody is told of what did
//!   not happen.
//! - A change whose process died is found in `applying` and taken up again by the next activation of
//!   its task; the engine's journal says what had been done.
//! - The same person counts once, and nobody approves what they proposed themselves.
//!
//! # Where to start
//!
//! [`decide`] is the heart: data to data. [`desk`] carries its decisions out. [`web`] shows the
//! changes to people and programs and takes their word.

pub mod decide;
pub mod desk;
mod error;
mod event;
pub mod model;
mod store;
pub mod task;
pub mod web;

pub use desk::{Changes, Rules};
pub use error::Error;
pub use model::{Approval, Change, State};
pub use store::PART;
