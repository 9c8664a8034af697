//! What is done with a pack once it is here. Blocks.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lotse_core::time::Timestamp;

use super::Validate;
use crate::archive::Archive;
use crate::checkout::check_out;
use crate::config::Inside;
use crate::error::Error;
use crate::layout::{Incoming, Layout};
use crate::limits::Limits;
use crate::model::{CommitId, Revision, SignatureState, shown};
use crate::signature::{self, Signers};
use crate::status::Fault;

/// The end of a look that found a head that is not in use.
pub(super) enum Examined {
    New(Revision),
    Broken { revision: Option<Revision>, fault: Fault, for_good: bool },
}

/// Interrupts an examination when it is dropped.
pub(super) struct Interrupt(pub(super) Arc<AtomicBool>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What there is to examine, and by what.
pub(super) struct Examination {
    pub(super) head: CommitId,
    pub(super) sent: PathBuf,
    pub(super) incoming: Incoming,
    pub(super) signers: Option<Signers>,
    pub(super) inside: Inside,
    pub(super) limits: Limits,
    pub(super) layout: Arc<Layout>,
    pub(super) validate: Arc<Validate>,
    pub(super) interrupt: Arc<AtomicBool>,
    pub(super) at: Timestamp,
}

impl Examination {
    pub(super) fn run(self) -> Result<Examined, Error> {
        let mut revision = None;
        match self.place(&mut revision) {
            Ok(examined) => Ok(examined),
            Err(Error::Damaged { .. }) if self.interrupt.load(Ordering::Relaxed) => {
                Err(Error::Interrupted { url: "the pack".to_owned() })
            }
            // Damage may be the connection's, and is looked at again.
            Err(error @ Error::Damaged { .. }) => {
                Ok(Examined::Broken { revision, fault: Fault::of(&error, None), for_good: false })
            }
            Err(error) if error.is_the_revisions() => {
                Ok(Examined::Broken { revision, fault: Fault::of(&error, None), for_good: true })
            }
            Err(error) => Err(error),
        }
    }

    fn place(&self, known: &mut Option<Revision>) -> Result<Examined, Error> {
        let packs = self.incoming.path().join("pack");
        std::fs::create_dir(&packs).map_err(Error::state("made", &packs))?;
        let mut archive = Archive::index(&self.sent, &packs, &self.limits, &self.interrupt)?;
        let commit = archive.commit(&self.head)?;
        let mut revision = Revision {
            commit: self.head.clone(),
            subject: shown(&commit.subject, 200),
            author: shown(&commit.author, 100),
            committed: commit.committed,
            signature: SignatureState::NotAsked,
        };
        *known = Some(revision.clone());
        if let Some(signers) = &self.signers {
            revision.signature = signature::verify(&commit.raw, signers, commit.committed)
                .map_err(|source| Error::Signature { source })?;
            *known = Some(revision.clone());
        }
        let tree = self.incoming.path().join("tree");
        let inside = self.inside.parts();
        check_out(&mut archive, commit.tree, inside, &tree, &self.limits, &self.interrupt)?;
        drop(archive);
        let placed = self.layout.place(&self.incoming, &revision, self.at)?;
        if let Err(error) = (self.validate)(&placed.tree()) {
            let fault = Fault::of(&*error, Some(&placed.tree()));
            return Ok(Examined::Broken { revision: Some(revision), fault, for_good: true });
        }
        self.layout.switch(placed)?;
        Ok(Examined::New(revision))
    }
}
