//! Verified copies of one's own: in a folder, or in a bucket of an S3 service, with an index.
//!
//! Publishers remove builds and have bad days; a mirror keeps what a cloud was made of. Its index says
//! of every copy where it came from, its checksum, its size and when it was added. Objects are named
//! after their content and never overwritten, and the index is written after the object: whoever reads
//! the index at any moment finds what it says. A copy is read like any other source ([`Mirror::wanted`])
//! and verified like any other.
//!
//! ```text
//! index.json                              what is there
//! objects/sha256-9f86…/debian-13.qcow2    content
//! ```
//!
//! S3 is spoken by a few requests of our own, signed by `ring`: the clients there are bring either a
//! second HTTP stack or crates that this project does not allow, for twelve kinds of request that nobody
//! needs here.

mod folder;
mod s3;
mod signing;

use std::collections::BTreeMap;
use std::path::PathBuf;

use lotse_core::secret::SecretString;
use lotse_core::time::{SharedClock, Timestamp};
use serde::{Deserialize, Serialize};

use self::folder::Folder;
use self::s3::S3;
use crate::checksum::{Algorithm, Checksum, Digests};
use crate::client::HttpOptions;
use crate::download::{Fetcher, Spooled, Wanted};
use crate::error::Error;
use crate::limits::Limits;
use crate::source::Source;

/// Where the index is.
const INDEX: &str = "index.json";
/// The form of the index; another one is not read.
const FORM: u32 = 1;
/// How often an index that others write, too, is read and written again.
const ROUNDS: u32 = 10;

/// One copy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// Where it came from, without secrets.
    pub source: String,
    /// What it is.
    pub checksum: Checksum,
    /// Bytes.
    pub size: u64,
    /// When it was added.
    pub added: Timestamp,
    /// Where it is, below the mirror.
    pub object: String,
    /// All that was computed over it.
    #[serde(default)]
    pub digests: Digests,
    /// The checksum that its publisher gives, where it was verified: of this content, or of what is
    /// packed in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Checksum>,
}

impl Copy {
    /// Whether this is content that its publisher describes with this checksum.
    pub fn is(&self, declared: &Checksum) -> bool {
        self.checksum == *declared
            || self.digests.have(declared)
            || self.verified.as_ref() == Some(declared)
    }
}

/// What is in a mirror, by the name under which it was added.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Index {
    form: u32,
    /// The copies.
    pub copies: BTreeMap<String, Copy>,
}

impl Default for Index {
    fn default() -> Self {
        Self { form: FORM, copies: BTreeMap::new() }
    }
}

impl Index {
    /// Reads an index.
    fn parse(place: &str, text: &[u8]) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Index { place: place.to_owned(), reason };
        let index: Self = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if index.form == FORM {
            return Ok(index);
        }
        Err(wrong(format!("it has form {}, {FORM} is understood", index.form)))
    }

    fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// A version of the index, as a store tells it from others.
#[derive(Clone, Debug)]
enum Version {
    /// There was none.
    None,
    /// By its entity tag.
    Tag(String),
    /// The store holds a lock instead, or knows no versions.
    Any,
}

/// Access to a bucket, as the usual variables give it.
#[derive(Clone, Debug)]
pub struct Access {
    key_id: String,
    secret: SecretString,
    session: Option<SecretString>,
    region: String,
    endpoint: Option<String>,
}

impl Access {
    /// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` (or
    /// `AWS_DEFAULT_REGION`) and `AWS_ENDPOINT_URL_S3` (or `AWS_ENDPOINT_URL`) through `variable`.
    ///
    /// # Errors
    /// [`Error::Access`] names the variable that is missing.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let needed = |variable| value(variable).ok_or(Error::Access { variable });
        Ok(Self {
            key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret: needed("AWS_SECRET_ACCESS_KEY")?.into(),
            session: value("AWS_SESSION_TOKEN").map(Into::into),
            region: value("AWS_REGION")
                .or_else(|| value("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| "us-east-1".to_owned()),
            endpoint: value("AWS_ENDPOINT_URL_S3").or_else(|| value("AWS_ENDPOINT_URL")),
        })
    }
}

/// A bucket as a place for small objects of any kind, each read and written whole.
#[derive(Debug)]
pub struct Bucket(S3);

impl Bucket {
    /// The bucket at `s3://BUCKET/PREFIX`; `variable` gives the environment ([`Access::of`]).
    ///
    /// # Errors
    /// [`Error::Source`], [`Error::Access`], [`Error::Client`].
    pub fn at(
        url: &str,
        variable: impl Fn(&str) -> Option<String>,
        options: &HttpOptions,
        limits: Limits,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let reason = "write s3://bucket/prefix";
        let rest = url.strip_prefix("s3://");
        let rest = rest.ok_or_else(|| Error::Source { text: url.to_owned(), reason })?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        S3::new(bucket, prefix, Access::of(variable)?, options, limits, clock).map(Self)
    }

    /// Writes an object, in place of an older one, with this content type.
    ///
    /// # Errors
    /// [`Error`] of the store.
    pub async fn put(&self, object: &str, content: Vec<u8>, kind: &str) -> Result<(), Error> {
        self.0.store(object, content, kind).await
    }

    /// Reads an object of at most 8 MiB; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error`] of the store, [`Error::TooLarge`].
    pub async fn get(&self, object: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.read(object).await?.map(|(content, _)| content))
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// [`Error`] of the store.
    pub async fn delete(&self, object: &str) -> Result<(), Error> {
        self.0.delete(object).await
    }
}

/// A mirror.
#[derive(Debug)]
pub struct Mirror {
    place: Place,
    clock: SharedClock,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Bucket(Box<S3>),
}

impl Mirror {
    /// A mirror in a folder, which is made when something is added.
    pub const fn folder(path: PathBuf, clock: SharedClock) -> Self {
        Self { place: Place::Folder(Folder::new(path)), clock }
    }

    /// The mirror at `file:PATH` or `s3://BUCKET/PREFIX`; `variable` gives the environment.
    ///
    /// # Errors
    /// [`Error::Source`], [`Error::Access`], [`Error::Client`].
    pub fn at(
        url: &str,
        variable: impl Fn(&str) -> Option<String>,
        options: &HttpOptions,
        limits: Limits,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let Some(rest) = url.strip_prefix("s3://") else {
            return match Source::parse(url)? {
                Source::File(path) => Ok(Self::folder(path, clock)),
                Source::Http(_) => {
                    let reason = "a mirror is a folder (file:) or a bucket (s3://bucket/prefix)";
                    Err(Error::Source { text: url.to_owned(), reason })
                }
            };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let access = Access::of(variable)?;
        let s3 = S3::new(bucket, prefix, access, options, limits, clock.clone())?;
        Ok(Self { place: Place::Bucket(Box::new(s3)), clock })
    }

    /// What is in it.
    ///
    /// # Errors
    /// [`Error`] of the store, [`Error::Index`].
    pub async fn index(&self) -> Result<Index, Error> {
        Ok(self.read_index().await?.0)
    }

    /// Adds a copy under a name, in place of an older one of that name. What is there already, by its
    /// content, is not copied again. `verified` is the publisher's checksum, where the content, or what
    /// is packed in it, was found to have it.
    ///
    /// # Errors
    /// [`Error`] of the store. The index is then as it was.
    pub async fn add(
        &self,
        name: &str,
        source: &Source,
        spooled: &Spooled,
        verified: Option<&Checksum>,
    ) -> Result<Copy, Error> {
        let unknown = || Error::Index {
            place: name.to_owned(),
            reason: "a copy needs a SHA-256 or SHA-512 of its content".to_owned(),
        };
        let digests = spooled.digests();
        let checksum = digests.get(Algorithm::Sha256).or_else(|| digests.get(Algorithm::Sha512));
        let checksum = checksum.ok_or_else(unknown)?.clone();
        // The same content may be there under another name.
        let index = self.index().await?;
        let same = index.copies.into_values().find(|copy| copy.checksum == checksum);
        let copy = Copy {
            source: source.to_string(),
            object: same.map_or_else(|| object_of(name, &checksum), |copy| copy.object),
            size: spooled.size(),
            added: self.clock.now(),
            checksum,
            digests: digests.clone(),
            verified: verified.cloned(),
        };
        match &self.place {
            Place::Folder(folder) => folder.put(&copy.object, spooled.path(), copy.size).await?,
            Place::Bucket(s3) => s3.put(&copy.object, spooled.path(), copy.size).await?,
        }
        self.change(|index| {
            index.copies.insert(name.to_owned(), copy.clone());
        })
        .await?;
        Ok(copy)
    }

    /// Removes a copy: from the index, then its content unless another name has the same.
    ///
    /// # Errors
    /// [`Error::NoCopy`], and those of the store.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let copy = self.copy(name).await?;
        let mut shared = false;
        self.change(|index| {
            index.copies.remove(name);
            shared = index.copies.values().any(|other| other.object == copy.object);
        })
        .await?;
        if shared {
            return Ok(());
        }
        match &self.place {
            Place::Folder(folder) => folder.delete(&copy.object).await,
            Place::Bucket(s3) => s3.delete(&copy.object).await,
        }
    }

    /// What to fetch to get a copy: [`Fetcher::spool`] and [`Fetcher::stream`] verify it.
    ///
    /// # Errors
    /// [`Error::NoCopy`], and those of the store.
    pub async fn wanted(&self, name: &str) -> Result<Wanted, Error> {
        let copy = self.copy(name).await?;
        let source = match &self.place {
            Place::Folder(folder) => Source::File(folder.path(&copy.object)?),
            Place::Bucket(s3) => Source::Http(s3.presigned(&copy.object)?),
        };
        // A signed address is another one every time; its content is not.
        Ok(Wanted::new(source).expecting(copy.checksum).known_as(copy.object))
    }

    /// Reads a copy and compares it with the index.
    ///
    /// # Errors
    /// [`Error::Checksum`] when it is not what it was, and all others of reading.
    pub async fn verify(&self, name: &str, fetcher: &Fetcher) -> Result<Copy, Error> {
        let copy = self.copy(name).await?;
        let wanted = self.wanted(name).await?;
        let mut stream = fetcher.stream(&wanted).await?.into_stream();
        while let Some(block) = futures::StreamExt::next(&mut stream).await {
            block?;
        }
        Ok(copy)
    }

    async fn copy(&self, name: &str) -> Result<Copy, Error> {
        let mut index = self.index().await?;
        index.copies.remove(name).ok_or_else(|| Error::NoCopy { name: name.to_owned() })
    }

    /// Changes the index, as often as others change it at the same time.
    async fn change(&self, mut change: impl FnMut(&mut Index)) -> Result<(), Error> {
        let _locked = match &self.place {
            Place::Folder(folder) => Some(folder.lock().await?),
            Place::Bucket(_) => None,
        };
        for _ in 0..ROUNDS {
            let (mut index, version) = self.read_index().await?;
            change(&mut index);
            let written = match &self.place {
                Place::Folder(folder) => folder.write(INDEX, index.text()).await.map(|()| true)?,
                Place::Bucket(s3) => s3.write(INDEX, index.text(), &version).await?,
            };
            if written {
                return Ok(());
            }
        }
        let reason = "others change it all the time".to_owned();
        Err(Error::Index { place: INDEX.to_owned(), reason })
    }

    async fn read_index(&self) -> Result<(Index, Version), Error> {
        let found = match &self.place {
            Place::Folder(folder) => folder.read(INDEX).await?.map(|text| (text, Version::Any)),
            Place::Bucket(s3) => s3.read(INDEX).await?,
        };
        match found {
            Some((text, version)) => Ok((Index::parse(INDEX, &text)?, version)),
            None => Ok((Index::default(), Version::None)),
        }
    }
}

/// Where content is kept: by what it is, and with the last part of its name for people.
fn object_of(name: &str, checksum: &Checksum) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "._-+".contains(c) { c } else { '_' };
    let mut last: String = last.chars().map(harmless).take(120).collect();
    if last.trim_matches('.').is_empty() {
        "content".clone_into(&mut last);
    }
    format!("objects/{}-{}/{last}", checksum.algorithm(), checksum.digits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_after_their_content_and_stay_in_their_place() {
        let checksum = Checksum::of(Algorithm::Sha256, b"");
        for (name, last) in [
            ("debian/13/disk.qcow2", "disk.qcow2"),
            ("Ubuntu 24.04", "Ubuntu_24.04"),
            ("../..", "content"),
            ("", "content"),
        ] {
            let expected = format!("objects/sha256-{}/{last}", checksum.digits());
            assert_eq!(object_of(name, &checksum), expected);
        }
    }

    #[test]
    fn an_index_of_another_form_is_not_read() {
        let text = Index { form: 2, ..Index::default() }.text();
        let error = Index::parse("x", &text).unwrap_err().to_string();
        assert_eq!(error, "the index x of the mirror is wrong: it has form 2, 1 is understood");
    }

    #[test]
    fn access_is_read_from_the_usual_variables_and_its_secret_is_not_shown() {
        let given = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("id".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("hush".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://a:9000".to_owned()),
            _ => None,
        };
        let access = Access::of(given).unwrap();
        assert_eq!(
            (&*access.region, access.endpoint.as_deref()),
            ("us-east-1", Some("http://a:9000"))
        );
        assert!(!format!("{access:?}").contains("hush"));
        let error = Access::of(|name| given(name).filter(|_| name != "AWS_SECRET_ACCESS_KEY"));
        assert!(error.unwrap_err().to_string().contains("AWS_SECRET_ACCESS_KEY"));
    }
}
