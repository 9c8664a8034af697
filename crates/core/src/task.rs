//! Background work: the reconciler pattern.
//!
//! A [`Task`] is activated periodically and on request. It takes no input, looks at the state and
//! moves it towards what is intended, can be killed anywhere, and does not retry inside: the next
//! activation is the retry. What it did it says in a [`Report`].
//!
//! The [`Driver`] activates tasks, each under a lease so that several instances share the work, and
//! keeps the [`Board`], which the console, the API and the metrics read.

mod board;
mod driver;

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::error::Explain;

pub use board::{Activation, Board, Outcome, TaskState, TaskStatus};
pub use driver::{Driver, DriverOptions, Requests, Witness};

/// What one activation did, for people and programs.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// One line, for example `9 images, all converged`.
    pub summary: String,
    /// The same in full.
    pub detail: serde_json::Value,
}

/// Background work of one kind.
#[async_trait]
pub trait Task: Send + Sync {
    /// Short and stable, for example `images/sim`; also the name of its lease.
    fn name(&self) -> &str;

    /// One sentence for the console.
    fn description(&self) -> &str;

    /// How often it is activated.
    fn period(&self) -> Duration;

    /// Ends when there is a reason to activate the task before its period ends; by default there
    /// never is one. Asked after each activation, also after one in another instance, and dropped
    /// when the next one begins.
    async fn wanted(&self) {
        std::future::pending::<()>().await;
    }

    /// Does the work once. Ends soon after `cancelled`, at a place from which the next activation
    /// can go on.
    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>>;
}
