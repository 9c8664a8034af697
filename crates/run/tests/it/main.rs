//! Runs from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests too")]

mod children;
mod junit;
mod libtest;
mod showing;
