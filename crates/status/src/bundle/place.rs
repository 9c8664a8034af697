//! Where bundles are kept: a folder, here or on a machine that is reached by SFTP, a bucket of an S3
//! service, or what a web server shows of one.
//!
//! ```text
//! 1790000000000/…      a bundle: its files, manifest.json, manifest.sig, key.pub
//! current.json         which one is the newest
//! current ─► 17900…    the same for web servers, in a folder
//! ```
//!
//! A bundle is written whole before `current.json` names it, and the one before stays where it is:
//! whoever reads at any moment finds all of one bundle.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use futures::{TryStreamExt as _, stream};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_transfer::{Bucket, HttpOptions, Limits};
use serde::{Deserialize, Serialize};

use super::key::SigningKey;
use super::line::Line;
use super::sftp::{Remote, Session};
use super::{Bundle, Manifest, folder};
use crate::error::Error;
use crate::snapshot::JSON;

/// What names the newest bundle.
pub(super) const CURRENT: &str = "current.json";
/// So many bundles stay, so that readers of the one before come to its end.
const KEPT: usize = 3;

/// So many files of a bundle are on their way at the same time.
const AT_ONCE: usize = 8;

/// Which bundles there are, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Current {
    /// The newest.
    pub(super) sequence: u64,
    /// Those before it that are still there.
    #[serde(default)]
    pub(super) before: Vec<u64>,
}

/// Where bundles are kept.
#[derive(Debug)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket (`s3://BUCKET/PREFIX`).
    Bucket(Box<Bucket>),
    /// A folder of another machine (`sftp://[USER@]HOST[:PORT]/PATH`).
    Remote(Remote),
    /// What a web server shows of a folder or bucket (`https://…`); read only.
    Web(Line),
}

impl Place {
    /// The place of this name: a folder, `sftp://[USER@]HOST[:PORT]/PATH`, `s3://BUCKET/PREFIX` with
    /// the usual variables from `variable`, or `https://…`.
    ///
    /// # Errors
    /// It is none that can be used.
    pub fn at(
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        if text.starts_with("s3://") {
            let (options, limits) = (HttpOptions::default(), Limits::default());
            let bucket = Bucket::at(text, variable, &options, limits, clock)?;
            return Ok(Self::Bucket(Box::new(bucket)));
        }
        if text.starts_with("sftp://") {
            return Remote::at(text, variable).map(Self::Remote);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Line::to(text).map(Self::Web);
        }
        if text.contains("://") {
            let reason = "a folder, sftp://HOST/PATH, s3://BUCKET/PREFIX or https://… is needed";
            return Err(Error::invalid("place", reason));
        }
        Ok(Self::Folder(PathBuf::from(text)))
    }

    /// Writes a bundle and then names it the newest. Returns its manifest.
    ///
    /// # Errors
    /// The place cannot be written; what was the newest before still is.
    pub async fn publish(
        &self,
        bundle: &Bundle,
        key: &SigningKey,
        now: Timestamp,
        valid: SignedDuration,
    ) -> Result<Manifest, Error> {
        match self {
            Self::Folder(path) => folder::publish(path, bundle, key, now, valid),
            Self::Bucket(bucket) => upload(&Shelf::Bucket(bucket), bundle, key, now, valid).await,
            Self::Remote(remote) => {
                let shelf = Shelf::Remote(Box::new(remote.connect().await?));
                let done = upload(&shelf, bundle, key, now, valid).await;
                shelf.close().await;
                done
            }
            Self::Web(_) => Err(nobody_publishes_there()),
        }
    }

    /// Brings the newest bundle into a folder, unless it is there. A folder is its own copy. The bundle
    /// is not believed yet.
    ///
    /// # Errors
    /// It cannot be fetched; what the folder had stays.
    pub async fn fetch(&self, into: &Path) -> Result<(), Error> {
        let shelf = match self {
            Self::Folder(_) => return Ok(()),
            Self::Bucket(bucket) => Shelf::Bucket(bucket),
            Self::Remote(remote) => Shelf::Remote(Box::new(remote.connect().await?)),
            Self::Web(line) => Shelf::Web(line),
        };
        let done = download(&shelf, into).await;
        shelf.close().await;
        done
    }
}

/// A place that is reached over a network, at work.
enum Shelf<'a> {
    Bucket(&'a Bucket),
    Remote(Box<Session>),
    Web(&'a Line),
}

impl Shelf<'_> {
    async fn get(&self, object: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Bucket(bucket) => Ok(bucket.get(object).await?),
            Self::Remote(session) => session.get(object).await,
            Self::Web(line) => line.get(object).await,
        }
    }

    async fn needed(&self, object: &str) -> Result<Vec<u8>, Error> {
        let found = self.get(object).await?;
        found.ok_or_else(|| Error::not_found("file of the bundle", object))
    }

    async fn put(&self, object: &str, bytes: &[u8], kind: &str) -> Result<(), Error> {
        match self {
            Self::Bucket(bucket) => Ok(bucket.put(object, bytes.to_vec(), kind).await?),
            Self::Remote(session) => session.put(object, bytes).await,
            Self::Web(_) => Err(nobody_publishes_there()),
        }
    }

    /// Names a bundle the newest, in one step.
    async fn name(&self, current: &Current) -> Result<(), Error> {
        let text = serde_json::to_vec(current).unwrap_or_default();
        let Self::Remote(session) = self else { return self.put(CURRENT, &text, JSON).await };
        session.exchange(CURRENT, &text).await?;
        // For web servers that show the folder itself; edges read what was written just now.
        if let Err(error) = session.point(folder::CURRENT, &current.sequence.to_string()).await {
            tracing::warn!(%error, "the link to the newest bundle cannot be made");
        }
        Ok(())
    }

    /// Removes a bundle, its manifest last, so that what is left can be found again.
    async fn clear(&self, number: u64) -> Result<(), Error> {
        let name = format!("{number}/manifest.json");
        let Some(text) = self.get(&name).await? else { return Ok(()) };
        let manifest: Manifest = serde_json::from_slice(&text).map_err(refused)?;
        let files = manifest.files.values().map(|entry| entry.file.as_str());
        for file in files.chain(["manifest.sig", "key.pub"]) {
            self.delete(&format!("{number}/{file}")).await?;
        }
        self.delete(&name).await?;
        let Self::Remote(session) = self else { return Ok(()) };
        let files = manifest.files.values().map(|entry| Path::new(&entry.file));
        let directories: BTreeSet<&Path> =
            files.flat_map(|file| file.ancestors().skip(1)).collect();
        // Those below come after those above.
        for directory in directories.into_iter().rev() {
            let object = Path::new(&number.to_string()).join(directory);
            session.delete_directory(&object.to_string_lossy()).await?;
        }
        Ok(())
    }

    async fn delete(&self, object: &str) -> Result<(), Error> {
        match self {
            Self::Bucket(bucket) => Ok(bucket.delete(object).await?),
            Self::Remote(session) => session.delete(object).await,
            Self::Web(_) => Err(nobody_publishes_there()),
        }
    }

    async fn close(self) {
        if let Self::Remote(session) = self {
            session.close().await;
        }
    }
}

fn nobody_publishes_there() -> Error {
    Error::invalid("--to", "nobody can publish to a web server")
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::Untrusted { reason: reason.to_string() }
}

async fn download(shelf: &Shelf<'_>, into: &Path) -> Result<(), Error> {
    let current = shelf.needed(CURRENT).await?;
    let current: Current = serde_json::from_slice(&current).map_err(refused)?;
    let number = current.sequence;
    if folder::read(into).ok().and_then(|signed| folder::number(&signed.manifest)) == Some(number) {
        return Ok(());
    }
    let text = shelf.needed(&format!("{number}/manifest.json")).await?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(refused)?;
    let directory = into.join(number.to_string());
    let others = ["manifest.sig", "key.pub"].map(str::to_owned);
    let files = manifest.files.values().map(|entry| entry.file.clone()).chain(others);
    stream::iter(files.map(Ok))
        .try_for_each_concurrent(AT_ONCE, |file| {
            let directory = &directory;
            async move {
                // Nothing is believed yet: what leads elsewhere is not written.
                if !Path::new(&file).components().all(|part| matches!(part, Component::Normal(_))) {
                    return Err(refused(format!("{file:?} leads out of the bundle")));
                }
                let bytes = shelf.needed(&format!("{number}/{file}")).await?;
                folder::write(&directory.join(&file), &bytes)
            }
        })
        .await?;
    folder::write(&directory.join("manifest.json"), &text)?;
    folder::point(into, number)?;
    folder::forget(into);
    Ok(())
}

async fn upload(
    shelf: &Shelf<'_>,
    bundle: &Bundle,
    key: &SigningKey,
    now: Timestamp,
    valid: SignedDuration,
) -> Result<Manifest, Error> {
    let before = match shelf.get(CURRENT).await? {
        Some(text) => serde_json::from_slice(&text).map_err(refused)?,
        None => Current::default(),
    };
    let sequence = u64::try_from(now.as_millisecond()).unwrap_or(0).max(before.sequence + 1);
    let manifest = Manifest::of(bundle, sequence, now, valid);
    let files = manifest.files.iter().filter_map(|(address, entry)| {
        bundle.files.get(address).map(|file| Ok::<_, Error>((entry, file)))
    });
    stream::iter(files)
        .try_for_each_concurrent(AT_ONCE, |(entry, file)| async move {
            shelf.put(&format!("{sequence}/{}", entry.file), &file.bytes, &entry.kind).await
        })
        .await?;
    let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    let plain = "application/octet-stream";
    shelf.put(&format!("{sequence}/manifest.sig"), &key.sign(&text), plain).await?;
    let public = format!("{}\n", key.public()).into_bytes();
    shelf.put(&format!("{sequence}/key.pub"), &public, "text/plain").await?;
    shelf.put(&format!("{sequence}/manifest.json"), &text, JSON).await?;
    let mut older: Vec<u64> =
        Some(before.sequence).filter(|number| *number > 0).into_iter().collect();
    older.extend(before.before);
    let gone = older.split_off(older.len().min(KEPT - 1));
    shelf.name(&Current { sequence, before: older }).await?;
    for number in gone {
        if let Err(error) = shelf.clear(number).await {
            tracing::warn!(number, %error, "an old bundle could not be removed");
        }
    }
    Ok(manifest)
}
