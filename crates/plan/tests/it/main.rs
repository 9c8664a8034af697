//! The engine from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests too")]

mod applying;
mod bench;
mod convergence;
mod graph;
mod leasing;
mod rendering;
mod settling;
mod showing_progress;
mod stopping;
