//! Bundles in a folder: written beside the old one, then exchanged in one step.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use lotse_core::time::{SignedDuration, Timestamp};

use super::key::SigningKey;
use super::{Bundle, Manifest};
use crate::error::Error;

/// So many bundles stay, so that readers of the one before come to its end.
const KEPT: usize = 3;

/// The name that points to the newest bundle.
pub(super) const CURRENT: &str = "current";

/// What a folder holds.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The manifest as it was signed.
    pub manifest: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The key that its publisher claims to have.
    pub key: String,
    /// Where the files are.
    pub directory: PathBuf,
}

/// Reads the newest bundle of a folder, without believing it.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn read(folder: &Path) -> Result<Signed, Error> {
    let current = folder.join(CURRENT);
    // Resolved once: the pointer may move on while we read.
    let directory = std::fs::canonicalize(&current).map_err(Error::file("read", &current))?;
    let read = |name: &str| {
        let path = directory.join(name);
        std::fs::read(&path).map_err(Error::file("read", &path))
    };
    let key = String::from_utf8_lossy(&read("key.pub")?).trim().to_owned();
    let (manifest, signature) = (read("manifest.json")?, read("manifest.sig")?);
    Ok(Signed { manifest, signature, key, directory })
}

/// Writes a bundle into a folder and points to it. Returns its manifest.
///
/// # Errors
/// The folder cannot be written; what it pointed to before is still there.
pub fn publish(
    folder: &Path,
    bundle: &Bundle,
    key: &SigningKey,
    now: Timestamp,
    valid: SignedDuration,
) -> Result<Manifest, Error> {
    // Larger than the one before, also when the folder was emptied or the clock was set back.
    let before = read(folder).ok().and_then(|signed| number(&signed.manifest)).unwrap_or(0);
    let sequence = u64::try_from(now.as_millisecond()).unwrap_or(0).max(before + 1);
    let manifest = Manifest::of(bundle, sequence, now, valid);
    let directory = folder.join(sequence.to_string());
    for (address, entry) in &manifest.files {
        if let Some(file) = bundle.files.get(address) {
            write(&directory.join(&entry.file), &file.bytes)?;
        }
    }
    let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    write(&directory.join("manifest.sig"), &key.sign(&text))?;
    write(&directory.join("key.pub"), format!("{}\n", key.public()).as_bytes())?;
    write(&directory.join("manifest.json"), &text)?;
    point(folder, sequence)?;
    // For those who read through a web server; who reads the folder follows the link.
    let current = super::place::Current { sequence, before: Vec::new() };
    let next = folder.join(".next.json");
    write(&next, &serde_json::to_vec(&current).unwrap_or_default())?;
    let named = folder.join(super::place::CURRENT);
    std::fs::rename(&next, &named).map_err(Error::file("replace", &named))?;
    forget(folder);
    Ok(manifest)
}

pub(super) fn number(manifest: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Manifest>(manifest).ok().map(|manifest| manifest.sequence)
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    }
    let file = std::fs::File::create(path);
    let written = file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(Error::file("write", path))
}

/// Renaming a link over another one is one step for all readers.
pub(super) fn point(folder: &Path, sequence: u64) -> Result<(), Error> {
    let (next, current) = (folder.join(".next"), folder.join(CURRENT));
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::file("replace", &next)(error));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(sequence.to_string(), &next).map_err(Error::file("make", &next))?;
    std::fs::rename(&next, &current).map_err(Error::file("replace", &current))
}

/// Removes bundles that are older than the last few. What cannot be removed is tried again later.
pub(super) fn forget(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    for number in numbers.iter().rev().skip(KEPT) {
        if let Err(error) = std::fs::remove_dir_all(folder.join(number.to_string())) {
            tracing::warn!(number, %error, "an old bundle could not be removed");
        }
    }
}
