//! The engine: desired and actual state become a plan, and a plan is applied.
//!
//! # The way of the data
//!
//! ```text
//! Engine::begin ── lease, then recovery of what a crashed run left open ──► Session
//!     │                                                                      │
//!     │   observe (capability) ─► plan (capability, pure) ─► Plan<T>         │
//!     │                                                        │             │
//!     └────────────────────────── Session::apply ◄─────────────┴─────────────┘
//!                                      │
//!             per step: intent ─► Executor::execute (retries) ─► conclusion
//!                                      │
//!                                 ApplyReport
//! ```
//!
//! # Words
//!
//! - A **plan** ([`Plan`]) is a checked directed graph of **steps** ([`Step`]): every identifier is
//!   unique, every dependency exists, there is no cycle. It carries **notes** on what it waits for
//!   and what it does not handle. A plan without steps means that the cloud is as declared.
//! - A step is specific enough that executing it needs no decisions: the capability's own `operation`
//!   travels in it, with its field-level **changes** and the **reason** for people.
//! - An **executor** ([`Executor`]) turns one step into requests. It does not retry and does not
//!   choose; that is the engine's work.
//! - A **marker** is what a created object carries, so that it can be found again although the
//!   answer to the creating request was lost.
//!
//! # Invariants
//!
//! 1. Before the first request of a step leaves, its intent is in the journal; after its outcome is
//!    certain, the conclusion. An uncertain outcome stays open on purpose: the next
//!    [`Engine::begin`] finds out.
//! 2. A plan is applied only by a [`Session`], and a session exists only after recovery. So no plan
//!    is carried out beside open intents. The session keeps its leases from recovery to the end of
//!    the apply; observe and plan **inside** it, otherwise the plan is built on a state that recovery
//!    may have explained differently.
//! 3. Dropping the future of an apply stops it on the spot: nothing runs in detached tasks.
//! 4. Destroying needs consent ([`ApplyOptions::allow_destroy`]) and passes the [`Fuse`], both before
//!    the first step; a plan that is refused has not begun.
//! 5. Time, randomness and waiting are parameters ([`lotse_core::time::Clock`], [`Randomness`],
//!    `tokio::time`), so that every course of events can be replayed.
//!
//! 6. A creating step is never repeated blindly: unless its object is known
//!    ([`Attempt::created`]), its marker is looked for first.
//!
//! # Known limit
//!
//! A creating request that is still travelling while recovery looks for its marker is not found, and
//! its object appears later. Recovery waits a little for young intents ([`Engine::settling`]); if
//! that was not long enough, the object carries our mark, so that the next plan sees it and removes
//! the surplus.
//!
//! # Where to start
//!
//! A capability writes a planner that fills a [`PlanBuilder`], and an [`Executor`]. Whoever applies
//! makes one [`Engine`] from the store and calls [`Engine::begin`], then observes and plans, then
//! calls [`Session::apply`], with [`progress::for_standard_error`] for people. [`render`] shows plan
//! and report. The feature `testing` has a journal, leases and an executor in memory.

pub mod apply;
pub mod diff;
pub mod engine;
mod error;
pub mod executor;
pub mod fuse;
mod leasing;
pub mod model;
pub mod progress;
pub mod random;
pub mod render;
pub mod settle;
#[cfg(feature = "testing")]
pub mod testing;

pub use apply::ApplyOptions;
pub use apply::report::{ApplyReport, StepOutcome, StepReport, Stop};
pub use engine::{Engine, Recovery, Session};
pub use error::PlanError;
pub use executor::{Attempt, Executor, Outcome, StepError};
pub use fuse::Fuse;
pub use model::{Action, Change, Note, NoteKind, Plan, PlanBuilder, Step, StepId, Summary};
pub use progress::Progress;
pub use random::Randomness;
pub use settle::{Settled, Showing};
