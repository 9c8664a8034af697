//! Runs of checks: what ran, what came of it, and how it is told.
//!
//! # Words
//!
//! A **run** ([`Run`]: of a check suite, a scenario, tempest, rally, our own tests) has **cases**
//! ([`Case`]); a case has a **verdict** ([`Verdict`]) and may have **calls** ([`Call`]), one API
//! request each, with timing and request id. Everything that tests anything, in Lotse or beside it,
//! ends in this one model, and everything that shows results starts from it.
//!
//! # The way of the data
//!
//! ```text
//! native checks ─────────────────────┐                 ┌─► exit code (0, 4)
//! JUnit XML ────► junit::read ───────┼──► Run ─────────┼─► JSON, junit::write, render::table
//! libtest text ─► libtest::parse ────┘     │           └─► store, metrics
//!    ▲                                     └─► Run::latencies ─► Latencies
//!    └── child::Supervised (deadline, bounded output, process group)
//! ```
//!
//! # Invariants
//!
//! - Nothing is silently left out: what was meant to run and did not is a case with the verdict
//!   [`Verdict::NotRun`] or [`Verdict::Crashed`], and both are bad.
//! - Reading foreign output never panics and never guesses success: what cannot be understood is an
//!   error or a bad verdict.
//! - The times in a run are parameters or measured; nothing here reads the wall clock.

pub mod child;
mod error;
pub mod junit;
pub mod libtest;
mod model;
pub mod render;
mod seconds;
pub mod statistics;

pub use error::RunError;
pub use model::{Call, Case, Run, Summary, Verdict};
pub use statistics::{Latencies, LatencySummary};
