//! Changes on both engines, as tasks and people see them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod life;
mod race;
mod stage;
