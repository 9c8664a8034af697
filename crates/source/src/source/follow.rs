//! A repository that is followed: from its head to an examined revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lotse_core::time::Timestamp;
use tokio_util::sync::CancellationToken;

use super::examine::{Examination, Examined, Interrupt};
use super::{Git, Outcome, Validate, blocking};
use crate::config::Target;
use crate::decide::{Memory, Next, decide};
use crate::error::Error;
use crate::layout::Layout;
use crate::model::{CommitId, Revision};
use crate::signature::Signers;
use crate::status::{Fault, Seen};
use crate::transport::Transport;

#[derive(Debug)]
pub(super) struct Followed {
    pub(super) settings: Git,
    pub(super) transport: Transport,
    pub(super) layout: Arc<Layout>,
}

impl Followed {
    /// What was seen, unless the look was interrupted, and what that means for the caller.
    pub(super) async fn look(
        &self,
        memory: &mut Memory,
        validate: &Arc<Validate>,
        at: Timestamp,
        cancelled: &CancellationToken,
    ) -> (Option<Seen>, Outcome) {
        let looked = tokio::select! {
            looked = self.try_look(memory, validate, at, cancelled) => looked,
            () = cancelled.cancelled() => Err(self.interrupted()),
        };
        match looked {
            Ok((seen, outcome)) => (Some(seen), outcome),
            Err(error) => {
                let fault = Fault::of(&error, None);
                let seen = match error {
                    Error::Interrupted { .. } => None,
                    _ => Some(Seen::Nothing(fault.clone())),
                };
                (seen, Outcome::Unreachable { fault })
            }
        }
    }

    async fn try_look(
        &self,
        memory: &mut Memory,
        validate: &Arc<Validate>,
        at: Timestamp,
        cancelled: &CancellationToken,
    ) -> Result<(Seen, Outcome), Error> {
        let signers = self.signers().await?;
        let head = self.in_time(self.head()).await?;
        let rules = signers.as_ref().map_or("", Signers::digest).to_owned();
        match decide(memory, &head, &rules) {
            Next::Keep => return Ok((Seen::Same(Some(head)), Outcome::Unchanged)),
            Next::StillBroken => {
                if let Some((revision, fault)) = memory.fault.clone() {
                    return Ok(broken(head, revision, fault));
                }
            }
            Next::Take => {}
        }
        match self.take(&head, signers, validate, at, cancelled).await? {
            Examined::New(revision) => {
                let from = memory.good.replace(head.clone());
                Ok((Seen::New(revision), Outcome::Advanced { from, to: head }))
            }
            Examined::Broken { revision, fault, for_good } => {
                memory.broken = for_good.then(|| (head.clone(), rules));
                memory.fault = Some((revision.clone(), fault.clone()));
                Ok(broken(head, revision, fault))
            }
        }
    }

    async fn head(&self) -> Result<CommitId, Error> {
        match &self.settings.target {
            Target::Commit(commit) => Ok(commit.clone()),
            Target::Reference(reference) => self.transport.head(reference).await,
        }
    }

    async fn signers(&self) -> Result<Option<Signers>, Error> {
        let Some(path) = self.settings.allowed_signers.clone() else { return Ok(None) };
        blocking(move || Signers::read(&path)).await.map(Some)
    }

    /// Fetches and examines a head, and switches to it if it is good.
    async fn take(
        &self,
        head: &CommitId,
        signers: Option<Signers>,
        validate: &Arc<Validate>,
        at: Timestamp,
        cancelled: &CancellationToken,
    ) -> Result<Examined, Error> {
        let incoming = self.layout.incoming(head)?;
        let sent = incoming.path().join("sent");
        match self.in_time(self.transport.fetch(head, &sent)).await {
            Err(error) if error.is_the_revisions() => {
                let fault = Fault::of(&error, None);
                return Ok(Examined::Broken { revision: None, fault, for_good: true });
            }
            fetched => fetched?,
        }
        let interrupt = Arc::new(AtomicBool::new(false));
        let work = Examination {
            head: head.clone(),
            sent,
            incoming,
            signers,
            inside: self.settings.inside.clone(),
            limits: self.settings.limits,
            layout: self.layout.clone(),
            validate: validate.clone(),
            interrupt: interrupt.clone(),
            at,
        };
        // When nobody waits for it any more, it ends soon; until the switch it changes nothing.
        let _ends = Interrupt(interrupt.clone());
        let mut work = std::pin::pin!(blocking(move || work.run()));
        tokio::select! {
            examined = &mut work => return examined,
            () = tokio::time::sleep(self.settings.limits.total) => {}
            () = cancelled.cancelled() => {}
        }
        interrupt.store(true, Ordering::Relaxed);
        match work.await {
            Err(_) if !cancelled.is_cancelled() => Err(self.too_slow()),
            Err(_) => Err(self.interrupted()),
            examined => examined,
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let limit = self.settings.limits.total;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(self.too_slow()))
    }

    fn too_slow(&self) -> Error {
        let url = self.settings.remote.to_string();
        Error::TooSlow { url, limit: self.settings.limits.total }
    }

    fn interrupted(&self) -> Error {
        Error::Interrupted { url: self.settings.remote.to_string() }
    }
}

fn broken(commit: CommitId, revision: Option<Revision>, fault: Fault) -> (Seen, Outcome) {
    let outcome = Outcome::Broken { commit: commit.clone(), fault: fault.clone() };
    (Seen::Broken { commit, revision, fault }, outcome)
}
