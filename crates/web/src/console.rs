//! What handlers of capabilities get from the shell: who asks, the frame of pages, the clock, and the
//! few deeds that all of them do.
//!
//! A handler takes [`Console`] beside its own state. Its templates extend `base.html` of this crate
//! (`askama.toml` of the capability names the directory) and have a field `layout`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use lotse_core::time::Timestamp;

use crate::access::{Identity, Permission};
use crate::api::once;
use crate::auth::guard::Caller;
use crate::pages::layout::Layout;
use crate::problem::Problem;
use crate::shell::Shell;

/// The shell around one request. The gate has put it there.
#[derive(Clone, Debug)]
pub(crate) struct Around(pub(crate) Arc<Shell>);

/// The shell, as a handler sees it.
#[derive(Clone, Debug)]
pub struct Console {
    shell: Arc<Shell>,
    identity: Arc<Identity>,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Console {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Caller(identity) = Caller::from_request_parts(parts, state).await?;
        let around = parts.extensions.get::<Around>().cloned();
        let Around(shell) = around.ok_or_else(|| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a route without gate")
        })?;
        Ok(Self { shell, identity, path: parts.uri.path().to_owned() })
    }
}

impl Console {
    /// Who asks.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The person behind the request: the owner of a token counts as the same one as their session.
    ///
    /// # Errors
    /// A stranger is 401. Routes that need a person are not reached by strangers.
    pub fn person(&self) -> Result<&str, Problem> {
        let stranger = || Problem::new(StatusCode::UNAUTHORIZED, "sign in first");
        self.identity.owner().ok_or_else(stranger)
    }

    /// Whether who asks may change something with this permission; strangers never may.
    pub fn may_write(&self, permission: &Permission) -> bool {
        self.identity.is_known() && self.identity.may(permission)
    }

    /// The frame of the page under this heading.
    pub fn layout(&self, title: &str) -> Layout {
        Layout::of(&self.shell, &self.identity, &self.path, title)
    }

    /// The time of the daemon.
    pub fn now(&self) -> Timestamp {
        self.shell.gate.clock.now()
    }

    /// Has a task run now, and writes down who wanted it.
    ///
    /// # Errors
    /// 404 when there is no such task.
    pub async fn activate(&self, task: &str) -> Result<(), Problem> {
        self.shell.activate(&self.identity, task).await
    }

    /// Has a task run now because of something that is in the audit log already. Whether this
    /// instance runs such a task.
    pub fn wake(&self, task: &str) -> bool {
        (self.shell.request_task)(task)
    }

    /// Does the work of a request once, however often it is sent ([`once`]).
    ///
    /// # Errors
    /// Those of the work, and the refusals of keys.
    pub async fn once(
        &self,
        request: once::Request,
        work: impl Future<Output = Result<once::Answer, Problem>> + Send,
    ) -> Result<Response, Problem> {
        once::only(&self.shell, request, work).await
    }
}
