//! Content that passes through us: downloaded, verified, then handed to Glance.
//!
//! It is fetched before its image is created. So a download that takes an hour, or fails, leaves no
//! image behind, and the image says from its first moment on what content it shall get. The spool
//! outlives the process: an interrupted download goes on where it ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use lotse_core::error::ErrorKind;
use lotse_openstack::UploadStream;
use lotse_plan::{Attempt, StepError};
use lotse_transfer::{
    Algorithm, Checksum, Fetcher, HttpOptions, Limits, Mirror, Progress, Source, Spooled, Wanted,
    Watch,
};
use sha2::Digest;
use tokio::sync::watch;
use tokio_util::io::ReaderStream;

use super::unpacking::{self, Formats, Prepared};
use super::{Executor, elsewhere};
use crate::operation::{Elsewhere, Import};
use crate::{CONTENT, VERIFIED};

/// Bytes that are read and sent at once.
const PIECE: usize = 1 << 20;

/// Where content that passes through us is downloaded, and how.
#[derive(Clone, Debug)]
pub struct Downloads {
    fetcher: Fetcher,
    directory: PathBuf,
    mirror: Option<Arc<Mirror>>,
}

impl Downloads {
    /// Downloads into this directory, which is made when it is needed. `seed` spreads the pauses
    /// between attempts.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn into_directory(
        directory: impl Into<PathBuf>,
        seed: u64,
    ) -> Result<Self, lotse_transfer::Error> {
        let options = HttpOptions { seed, ..HttpOptions::default() };
        Self::with(directory, &options, Limits::default())
    }

    /// The same over HTTP that is spoken like this, within these limits.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn with(
        directory: impl Into<PathBuf>,
        options: &HttpOptions,
        limits: Limits,
    ) -> Result<Self, lotse_transfer::Error> {
        Ok(Self {
            fetcher: Fetcher::new(options, limits)?,
            directory: directory.into(),
            mirror: None,
        })
    }

    /// The same, with a mirror of our own, from which comes what a plan says.
    #[must_use]
    pub fn with_mirror(self, mirror: Option<Arc<Mirror>>) -> Self {
        Self { mirror, ..self }
    }

    /// The mirror of our own.
    pub fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_deref()
    }

    /// What to fetch for an import.
    async fn wanted(&self, import: &Import) -> Result<Wanted, StepError> {
        let explained = |error: lotse_transfer::Error| StepError::explained(&error, error.retry());
        let mut wanted = match &import.mirror {
            None => Wanted::new(Source::parse(&import.source).map_err(explained)?),
            Some(copy) => {
                let mirror = self.mirror.as_ref().ok_or_else(|| {
                    let message = format!("the mirror with the copy {copy} is not known any more");
                    StepError::new(ErrorKind::Configuration, message)
                })?;
                mirror.wanted(copy).await.map_err(explained)?
            }
        };
        // Of what is packed it may be the checksum of what comes out: that is seen later.
        if let Some(declared) = import.checksum.as_ref().filter(|_| !import.packed) {
            wanted = wanted.expecting(declared.clone());
        }
        Ok(wanted.hashed(Algorithm::Sha512))
    }

    /// What fetches.
    pub(crate) const fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// The file for something that is known by this text.
    pub(crate) fn file_of(&self, text: &str) -> PathBuf {
        let digest = hex::encode(sha2::Sha256::digest(text));
        self.directory.join(digest.get(..32).unwrap_or(&digest))
    }

    /// The file for a source. Clouds do not share it: each removes its own when it is done.
    fn file(&self, cloud: &str, import: &Import) -> PathBuf {
        self.file_of(&format!("{cloud}\n{}\n{:?}", import.source, import.checksum))
    }
}

/// Content that was fetched and verified, in a file.
#[derive(Debug)]
pub(crate) struct Content {
    spooled: Spooled,
    prepared: Prepared,
    /// The declared checksum, if one is declared: verified.
    verified: Option<String>,
    /// The file that was copied from another cloud, if it comes from there.
    copied: Option<PathBuf>,
}

impl Content {
    /// Its size in bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.prepared.size
    }

    /// Its SHA-512, in hexadecimal digits.
    pub(crate) fn sha512(&self) -> &str {
        &self.prepared.sha512
    }

    /// The bytes, read while they are sent.
    pub(crate) fn stream(&self) -> UploadStream {
        let path = self.prepared.unpacked.as_deref().unwrap_or_else(|| self.spooled.path());
        if self.prepared.converted {
            return disk(path);
        }
        let open = tokio::fs::File::open(path.to_owned());
        futures::stream::once(open)
            .map_ok(|file| ReaderStream::with_capacity(file, PIECE))
            .try_flatten()
            .boxed()
    }

    /// What the image says of it.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let verified = self.verified.as_deref().map(|checksum| (VERIFIED, checksum));
        std::iter::once((CONTENT, self.sha512())).chain(verified)
    }

    /// Frees the disk. What stays behind only takes space, and is used should it be wanted again.
    pub(crate) fn remove(self) {
        unpacking::remove(self.prepared.unpacked.as_deref());
        unpacking::remove(self.copied.as_deref());
        if let Err(error) = self.spooled.remove() {
            tracing::warn!(%error, "a downloaded file stays behind");
        }
    }
}

impl Executor {
    /// Fetches and verifies what an image shall hold, if it passes through us.
    pub(super) async fn content(
        &self,
        import: &Import,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Content>, StepError> {
        if !import.delivery.is_streamed() {
            return Ok(None);
        }
        let spool = self.downloads.file(self.cloud.name(), import);
        let copied = match &import.from {
            None => None,
            Some(from) => Some(self.copied(from, spool.with_extension("copy"), attempt).await?),
        };
        let content = self.verified(import, &spool, copied.as_deref(), attempt).await;
        if let (Err(error), Some(copied)) = (&content, &copied)
            && error.kind == ErrorKind::Integrity
        {
            unpacking::remove(Some(copied));
        }
        Ok(Some(Content { copied, ..content? }))
    }

    /// Content of another cloud, in this file.
    async fn copied(
        &self,
        from: &Elsewhere,
        file: PathBuf,
        attempt: &Attempt<'_>,
    ) -> Result<PathBuf, StepError> {
        let fetching = elsewhere::fetch(self.beside.as_ref(), from, &file, attempt);
        let Some(fetched) = attempt.cancelled.run_until_cancelled(fetching).await else {
            let message = format!("stopped while content was copied from {}", from.cloud);
            return Err(StepError::new(ErrorKind::Cancelled, message)
                .hinting("the next run goes on where this one ended"));
        };
        fetched.map(|()| file)
    }

    /// Fetches what upstream publishes, or takes what was copied, and verifies it.
    async fn verified(
        &self,
        import: &Import,
        spool: &Path,
        copied: Option<&Path>,
        attempt: &Attempt<'_>,
    ) -> Result<Content, StepError> {
        let wanted = match (copied, &import.from) {
            (Some(copied), Some(from)) => wanted_copy(import, from, copied)?,
            _ => self.downloads.wanted(import).await?,
        };
        let work = attempt.cancelled.run_until_cancelled(self.spool(&wanted, spool, attempt));
        let Some(spooled) = work.await else {
            let message = format!("stopped while {} was downloaded", wanted.source);
            return Err(StepError::new(ErrorKind::Cancelled, message)
                .hinting("the next run goes on where this one ended"));
        };
        let spooled = spooled.map_err(|error| StepError::explained(&error, error.retry()))?;
        let declared = import.checksum.clone();
        if let Some(from) = &import.from {
            is_declared(&spooled, from, declared.as_ref())?;
        }
        let verified = declared.as_ref().map(ToString::to_string);
        // What another cloud holds was converted before it got it.
        let published =
            if copied.is_some() { &import.disk_format } else { &import.published_format };
        let formats = Formats { published: published.clone(), stored: import.disk_format.clone() };
        let beside = spool.with_extension("unpacked");
        let work = tokio::task::spawn_blocking(move || {
            let prepared = unpacking::prepare(&spooled, &beside, &formats, declared.as_ref())?;
            Ok(Content { spooled, prepared, verified, copied: None })
        });
        match work.await {
            Ok(content) => content,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Downloads, and tells how far that is.
    async fn spool(
        &self,
        wanted: &Wanted,
        spool: &Path,
        attempt: &Attempt<'_>,
    ) -> Result<Spooled, lotse_transfer::Error> {
        let (tell, mut told) = watch::channel(None::<Progress>);
        let watch = Watch::new(move |progress| {
            tell.send_replace(Some(progress));
        });
        let mut spooling = std::pin::pin!(self.downloads.fetcher.spool(wanted, spool, &watch));
        loop {
            tokio::select! {
                spooled = &mut spooling => return spooled,
                Ok(()) = told.changed() => {
                    if let Some(Progress { have, total }) = *told.borrow_and_update() {
                        attempt.advance(have, total);
                    }
                }
            }
        }
    }
}

/// The disk in a qcow2 file, made while it is sent.
fn disk(path: &Path) -> UploadStream {
    match unpacking::open_disk(path) {
        Ok(image) => {
            let what = path.display().to_string();
            image.raw(what, Vec::new()).map_err(std::io::Error::other).boxed()
        }
        Err(error) => {
            let error = std::io::Error::other(error.message);
            futures::stream::once(std::future::ready(Err(error))).boxed()
        }
    }
}

/// What was copied, with what must be known of it.
fn wanted_copy(import: &Import, from: &Elsewhere, file: &Path) -> Result<Wanted, StepError> {
    let sha512 = format!("sha512:{}", from.sha512).parse::<Checksum>().map_err(|error| {
        let message = format!("the cloud {} gives a hash that is none: {error}", from.cloud);
        StepError::new(ErrorKind::Integrity, message)
    })?;
    let wanted = Wanted::new(Source::File(file.to_owned())).hashed(Algorithm::Sha512);
    let declared = import.checksum.iter().filter(|_| !from.proven);
    let wanted = declared.fold(wanted, |wanted, checksum| wanted.hashed(checksum.algorithm()));
    Ok(wanted.expecting(sha512))
}

/// Whether content of another cloud that nobody verified there is what is declared.
fn is_declared(
    spooled: &Spooled,
    from: &Elsewhere,
    declared: Option<&Checksum>,
) -> Result<(), StepError> {
    let Some(declared) = declared.filter(|_| !from.proven) else { return Ok(()) };
    let found = spooled.digests().get(declared.algorithm());
    if found.is_some_and(|found| found == declared) {
        return Ok(());
    }
    let found = found.map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let message = format!(
        "the image {} of the cloud {} holds content with the checksum {found}, declared is {declared}",
        from.image, from.cloud
    );
    Err(StepError::new(ErrorKind::Integrity, message).hinting(
        "do without --copy-from for this image, and look at what that cloud serves its users",
    ))
}
