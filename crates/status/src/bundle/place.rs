//! Where bundles are kept: a folder, a bucket of an S3 service, or what a web server shows of one.
//!
//! ```text
//! 1790000000000/…      a bundle: its files, manifest.json, manifest.sig, key.pub
//! current.json         which one is the newest
//! current ─► 17900…    the same for web servers, in a folder
//! ```
//!
//! A bundle is written whole before `current.json` names it, and the one before stays where it is:
//! whoever reads at any moment finds all of one bundle.

use std::path::{Component, Path, PathBuf};

use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_transfer::{Bucket, HttpOptions, Limits};
use serde::{Deserialize, Serialize};

use super::key::SigningKey;
use super::line::Line;
use super::{Bundle, Manifest, folder};
use crate::error::Error;
use crate::snapshot::JSON;

/// What names the newest bundle.
pub(super) const CURRENT: &str = "current.json";
/// So many bundles stay, so that readers of the one before come to its end.
const KEPT: usize = 3;
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
    /// What a web server shows of a folder or bucket (`https://…`); read only.
    Web(Line),
}

impl Place {
    /// The place of this name: a folder, `s3://BUCKET/PREFIX` with the usual variables from
    /// `variable`, or `https://…`.
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
        if text.starts_with("https://") || text.starts_with("http://") {
            return Line::to(text).map(Self::Web);
        }
        if text.contains("://") {
            let reason = "a folder, s3://BUCKET/PREFIX or https://… is needed";
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
            Self::Bucket(bucket) => upload(bucket, bundle, key, now, valid).await,
            Self::Web(_) => Err(Error::invalid("--to", "nobody can publish to a web server")),
        }
    }

    /// Brings the newest bundle into a folder, unless it is there. A folder is its own copy. The bundle
    /// is not believed yet.
    ///
    /// # Errors
    /// It cannot be fetched; what the folder had stays.
    pub async fn fetch(&self, into: &Path) -> Result<(), Error> {
        if matches!(self, Self::Folder(_)) {
            return Ok(());
        }
        let current = self.needed(CURRENT).await?;
        let current: Current = serde_json::from_slice(&current).map_err(refused)?;
        let number = current.sequence;
        if folder::read(into).ok().and_then(|signed| folder::number(&signed.manifest))
            == Some(number)
        {
            return Ok(());
        }
        let text = self.needed(&format!("{number}/manifest.json")).await?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(refused)?;
        let directory = into.join(number.to_string());
        let others = ["manifest.sig", "key.pub"].map(str::to_owned);
        for file in manifest.files.values().map(|entry| entry.file.clone()).chain(others) {
            // Nothing is believed yet: what leads elsewhere is not written.
            if !Path::new(&file).components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(refused(format!("{file:?} leads out of the bundle")));
            }
            let bytes = self.needed(&format!("{number}/{file}")).await?;
            folder::write(&directory.join(&file), &bytes)?;
        }
        folder::write(&directory.join("manifest.json"), &text)?;
        folder::point(into, number)?;
        folder::forget(into);
        Ok(())
    }

    async fn needed(&self, object: &str) -> Result<Vec<u8>, Error> {
        let found = match self {
            Self::Folder(path) => std::fs::read(path.join(object)).ok(),
            Self::Bucket(bucket) => bucket.get(object).await?,
            Self::Web(line) => line.get(object).await?,
        };
        found.ok_or_else(|| Error::not_found("file of the bundle", object))
    }
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::Untrusted { reason: reason.to_string() }
}

async fn upload(
    bucket: &Bucket,
    bundle: &Bundle,
    key: &SigningKey,
    now: Timestamp,
    valid: SignedDuration,
) -> Result<Manifest, Error> {
    let before = match bucket.get(CURRENT).await? {
        Some(text) => serde_json::from_slice(&text).map_err(refused)?,
        None => Current::default(),
    };
    let sequence = u64::try_from(now.as_millisecond()).unwrap_or(0).max(before.sequence + 1);
    let manifest = Manifest::of(bundle, sequence, now, valid);
    for (address, entry) in &manifest.files {
        if let Some(file) = bundle.files.get(address) {
            let object = format!("{sequence}/{}", entry.file);
            bucket.put(&object, file.bytes.to_vec(), &entry.kind).await?;
        }
    }
    let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    let plain = "application/octet-stream";
    bucket.put(&format!("{sequence}/manifest.sig"), key.sign(&text), plain).await?;
    let public = format!("{}\n", key.public()).into_bytes();
    bucket.put(&format!("{sequence}/key.pub"), public, "text/plain").await?;
    bucket.put(&format!("{sequence}/manifest.json"), text, JSON).await?;
    let mut older: Vec<u64> =
        Some(before.sequence).filter(|number| *number > 0).into_iter().collect();
    older.extend(before.before);
    let gone = older.split_off(older.len().min(KEPT - 1));
    let current = Current { sequence, before: older };
    let text = serde_json::to_vec(&current).unwrap_or_default();
    bucket.put(CURRENT, text, JSON).await?;
    for number in gone {
        if let Err(error) = clear(bucket, number).await {
            tracing::warn!(number, %error, "an old bundle could not be removed");
        }
    }
    Ok(manifest)
}

/// Removes a bundle, its manifest last, so that what is left can be found again.
async fn clear(bucket: &Bucket, number: u64) -> Result<(), Error> {
    let name = format!("{number}/manifest.json");
    let Some(text) = bucket.get(&name).await? else { return Ok(()) };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(refused)?;
    let files = manifest.files.values().map(|entry| entry.file.as_str());
    for file in files.chain(["manifest.sig", "key.pub"]) {
        bucket.delete(&format!("{number}/{file}")).await?;
    }
    Ok(bucket.delete(&name).await?)
}
