//! A mirror in a folder. Files appear by renaming, so that nobody ever reads half of one.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::error::Error;

/// The file whose lock allows to write the index.
const LOCK: &str = ".lock";
/// What a file is called until it is whole.
const DRAFT: &str = "new";

/// A folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where an object is. Names in an index that lead elsewhere are refused.
    pub(super) fn path(&self, object: &str) -> Result<PathBuf, Error> {
        let inside =
            Path::new(object).components().all(|part| matches!(part, Component::Normal(_)));
        if inside {
            return Ok(self.root.join(object));
        }
        let reason = format!("\"{object}\" leads out of the mirror");
        Err(Error::Index { place: self.root.display().to_string(), reason })
    }

    /// The right to write the index, until it is dropped.
    pub(super) async fn lock(&self) -> Result<File, Error> {
        let path = self.root.join(LOCK);
        self.blocking(move |root| {
            std::fs::create_dir_all(root).map_err(Error::file("created", root))?;
            let file = File::create(&path).map_err(Error::file("opened", &path))?;
            file.lock().map_err(Error::file("locked", &path))?;
            Ok(file)
        })
        .await
    }

    /// Copies a file, unless it is there.
    pub(super) async fn put(&self, object: &str, from: &Path, size: u64) -> Result<(), Error> {
        let (path, from) = (self.path(object)?, from.to_owned());
        self.blocking(move |_| {
            if std::fs::metadata(&path).is_ok_and(|found| found.len() == size) {
                return Ok(());
            }
            appear(&path, |draft| {
                std::fs::copy(&from, draft)?;
                File::open(draft)?.sync_all()
            })
        })
        .await
    }

    pub(super) async fn write(&self, object: &str, text: Vec<u8>) -> Result<(), Error> {
        let path = self.path(object)?;
        self.blocking(move |_| {
            appear(&path, |draft| {
                let mut file = File::create(draft)?;
                file.write_all(&text)?;
                file.sync_all()
            })
        })
        .await
    }

    pub(super) async fn read(&self, object: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(object)?;
        self.blocking(move |_| match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(Error::file("read", &path)),
        })
        .await
    }

    pub(super) async fn delete(&self, object: &str) -> Result<(), Error> {
        let path = self.path(object)?;
        self.blocking(move |_| {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::file("removed", &path)(error));
                }
                _ => {}
            }
            // Another name of the same content may be in the directory.
            if let Some(dir) = path.parent() {
                std::fs::remove_dir(dir).unwrap_or_default();
            }
            Ok(())
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let root = self.root.clone();
        let what = root.display().to_string();
        spawn_blocking(move || work(&root)).await.unwrap_or(Err(Error::Interrupted { what }))
    }
}

/// Makes a file elsewhere and renames it into place.
fn appear(path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), Error> {
    let written = || -> std::io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir)?;
        let draft = path.with_added_extension(format!("{DRAFT}-{}", std::process::id()));
        make(&draft)?;
        std::fs::rename(&draft, path)?;
        // The name, too, must be there after a power failure.
        File::open(dir)?.sync_all()
    };
    written().map_err(Error::file("written", path))
}
