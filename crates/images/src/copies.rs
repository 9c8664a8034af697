//! What a catalogue declares, kept in a mirror of one's own.
//!
//! Publishers remove builds and have bad days. A mirror holds the files as they are published, each
//! verified before it is kept, and clouds are filled from there. Nothing is fetched twice: what the
//! mirror's index names with the declared checksum is there. A run that ends anywhere is taken up by
//! the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use lotse_core::error::chain;
use lotse_plan::{Note, NoteKind};
use lotse_transfer::mirror::{Copy, Index};
use lotse_transfer::{
    Algorithm, Checksum, Error, Mirror, Progress, Source, Spooled, Wanted, Watch,
};
use serde::Serialize;
use tokio::sync::{Mutex, Semaphore};

use crate::KIND;
use crate::apply::{Downloads, Formats, prepare, remove};
use crate::declare::Catalog;
use crate::model::Scheme;
use crate::observe::Observed;
use crate::options::Options;
use crate::plan::{distrust, resolved};

/// A file that a catalogue needs.
#[derive(Clone, Debug, Serialize)]
pub struct Needed {
    /// What it is called in the mirror: definition, version and file.
    pub name: String,
    /// Where it is published.
    pub source: String,
    /// What it, or what is packed in it, must be.
    pub checksum: Option<Checksum>,
    /// The host that publishes it.
    #[serde(skip)]
    pub host: String,
    /// Its disk format.
    #[serde(skip)]
    pub format: String,
    /// Whether it is packed.
    #[serde(skip)]
    pub packed: bool,
}

/// What a catalogue needs of a mirror.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The files.
    pub files: Vec<Needed>,
    /// What cannot be kept, and why.
    pub notes: Vec<Note>,
    /// Definitions of which not everything is known: nothing of them is superfluous.
    unknown: BTreeSet<String>,
}

/// The files of all enabled versions. `observed` is what upstream publishes
/// ([`crate::observe::published`]).
pub fn needs(catalog: &Catalog, observed: &Observed, options: &Options) -> Needs {
    let mut needs = Needs::default();
    // Whoever left definitions out knows nothing of them.
    let disabled = catalog.definitions.iter().filter(|definition| !definition.enabled);
    needs.unknown.extend(disabled.map(|definition| definition.name.clone()));
    for (definition, declared) in
        resolved(catalog, observed, options).into_iter().zip(catalog.enabled())
    {
        let definition = match definition {
            Ok(definition) => definition,
            Err(note) => {
                needs.unknown.insert(declared.name.clone());
                needs.notes.push(note);
                continue;
            }
        };
        for version in &definition.versions {
            let mut not = |kind, text: String| {
                needs.unknown.insert(definition.name.clone());
                let subject = format!("{KIND}/{}", definition.final_name(&version.version));
                needs.notes.push(Note::new(kind, subject, text));
            };
            if let Some((kind, text)) = distrust(&definition, version, observed) {
                not(kind, text);
                continue;
            }
            let source = version.source();
            if source.scheme() == Scheme::Ftp {
                let text = "files are downloaded by http and https only; give a mirror_url";
                not(NoteKind::NotHandled, text.to_owned());
                continue;
            }
            needs.files.push(Needed {
                name: format!("{}/{}/{}", definition.name, version.version, source.file_name()),
                source: source.as_str().to_owned(),
                checksum: version.checksum.clone(),
                host: source.host().to_owned(),
                format: definition.format.clone(),
                packed: source.compression().is_some(),
            });
        }
    }
    needs
}

impl Needs {
    /// What the mirror holds and the catalogue does not need. Of definitions of which something is not
    /// known, nothing is superfluous.
    pub fn superfluous(&self, index: &Index) -> Vec<String> {
        let needed: BTreeSet<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        let of_unknown = |name: &str| {
            self.unknown.iter().any(|definition| {
                name.strip_prefix(definition.as_str()).is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let names = index.copies.keys().map(String::as_str);
        let names = names.filter(|name| !needed.contains(name) && !of_unknown(name));
        names.map(str::to_owned).collect()
    }
}

impl Needed {
    /// Whether the index names it. Without a checksum only its address says so.
    fn is_in(&self, index: &Index) -> bool {
        index.copies.get(&self.name).is_some_and(|copy| match &self.checksum {
            Some(checksum) => copy.is(checksum),
            None => {
                Source::parse(&self.source).is_ok_and(|source| copy.source == source.to_string())
            }
        })
    }
}

/// What became of a file.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was fetched and is in the mirror now.
    Kept {
        /// The copy.
        copy: Copy,
    },
    /// It was there.
    There,
    /// It is not there.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// What happens while files are kept.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A download begins.
    Begun(&'a Needed),
    /// It is so far.
    Advanced(&'a str, Progress),
    /// It ended.
    Ended(&'a Needed, &'a Outcome),
}

/// Keeps files.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Where.
    pub mirror: Arc<Mirror>,
    /// How they are fetched.
    pub downloads: Downloads,
    /// Files under way at once.
    pub parallel: usize,
    /// Files under way at once from one host.
    pub per_host: usize,
}

/// Who is told what happens, from any thread.
pub type Watcher = Arc<dyn Fn(Event<'_>) + Send + Sync>;

impl Keeper {
    /// Sees that all files are in the mirror; what becomes of each stands beside it. One that fails
    /// keeps no other from being fetched.
    ///
    /// # Errors
    /// When the mirror cannot be read.
    pub async fn keep(
        &self,
        files: &[Needed],
        watcher: &Watcher,
    ) -> Result<Vec<(Needed, Outcome)>, Error> {
        let index = self.mirror.index().await?;
        let mut hosts: BTreeMap<&str, Arc<Semaphore>> = BTreeMap::new();
        for file in files {
            let limit = || Arc::new(Semaphore::new(self.per_host.max(1)));
            hosts.entry(&file.host).or_insert_with(limit);
        }
        // The index is written by one at a time; who comes second would only have to repeat it.
        let writing = Mutex::new(());
        let mut work = Vec::new();
        for file in files {
            let there = file.is_in(&index);
            let host = hosts.get(file.host.as_str()).cloned();
            work.push(self.keep_one(file, there, host, &writing, watcher));
        }
        let ended: Vec<Outcome> =
            futures::stream::iter(work).buffered(self.parallel.max(1)).collect().await;
        Ok(files.iter().cloned().zip(ended).collect())
    }

    async fn keep_one(
        &self,
        file: &Needed,
        there: bool,
        host: Option<Arc<Semaphore>>,
        writing: &Mutex<()>,
        watcher: &Watcher,
    ) -> Outcome {
        if there {
            return Outcome::There;
        }
        let _turn = match &host {
            Some(host) => host.acquire().await.ok(),
            None => None,
        };
        watcher(Event::Begun(file));
        let outcome = match self.fetch(file, writing, watcher).await {
            Ok(copy) => Outcome::Kept { copy },
            Err(reason) => Outcome::Failed { reason },
        };
        watcher(Event::Ended(file, &outcome));
        outcome
    }

    /// Fetches, verifies and keeps one file; the reason, if that fails.
    async fn fetch(
        &self,
        file: &Needed,
        writing: &Mutex<()>,
        watcher: &Watcher,
    ) -> Result<Copy, String> {
        let failed = |error: Error| chain(&error);
        let source = Source::parse(&file.source).map_err(failed)?;
        let wanted =
            Wanted::new(source.clone()).hashed(Algorithm::Sha256).hashed(Algorithm::Sha512);
        // Of what is packed it may be the checksum of what comes out: that is seen later.
        let expected = file.checksum.clone().filter(|_| !file.packed);
        let wanted = expected.into_iter().fold(wanted, Wanted::expecting);
        let path = self.downloads.file_of(&format!("mirror\n{}\n{:?}", file.source, file.checksum));
        let (watcher, name) = (watcher.clone(), file.name.clone());
        let watch = Watch::new(move |progress| watcher(Event::Advanced(&name, progress)));
        let spooled = self.downloads.fetcher().spool(&wanted, &path, &watch).await;
        let spooled = Arc::new(spooled.map_err(failed)?);
        let (own, declared) = (spooled.clone(), file.checksum.clone());
        let formats = Formats { published: file.format.clone(), stored: file.format.clone() };
        let beside = path.with_extension("unpacked");
        let looked = tokio::task::spawn_blocking(move || {
            let prepared = prepare(&own, &beside, &formats, declared.as_ref())?;
            remove(prepared.unpacked.as_deref());
            Ok::<(), lotse_plan::StepError>(())
        });
        let looked = match looked.await {
            Ok(looked) => looked,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let kept = match looked {
            Ok(()) => {
                let _turn = writing.lock().await;
                self.mirror.add(&file.name, &source, &spooled, file.checksum.as_ref()).await
            }
            Err(error) => {
                forget(spooled);
                return Err(error.to_string());
            }
        };
        // What could not be kept is not fetched again by the next run.
        let copy = kept.map_err(failed)?;
        forget(spooled);
        Ok(copy)
    }
}

/// Removes a download.
fn forget(spooled: Arc<Spooled>) {
    if let Some(Err(error)) = Arc::into_inner(spooled).map(Spooled::remove) {
        tracing::warn!(%error, "a downloaded file stays behind");
    }
}
