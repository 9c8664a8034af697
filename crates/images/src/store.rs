//! What the last look at each cloud saw, and what was done: the SQL of images.

use std::collections::BTreeMap;
use std::sync::Arc;

use lotse_core::id::{ChangeId, EventId};
use lotse_core::time::Timestamp;
use lotse_plan::{ApplyReport, StepReport};
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, plain, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::inventory::{Entry, Standing};

/// The tables of images, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "images",
    steps: &[Step { number: 1, sql: include_str!("../migrations/0001_images.sql") }],
};

const LOOK: &str = "SELECT at_us, digest, notes FROM images_look WHERE cloud = $1";

const SET_LOOK: &str = "\
INSERT INTO images_look (cloud, at_us, digest, notes) VALUES ($1, $2, $3, $4)
ON CONFLICT (cloud) DO UPDATE SET at_us = excluded.at_us, digest = excluded.digest,
  notes = excluded.notes";

const CLEAR: &str = "DELETE FROM images_entry WHERE cloud = $1";

const INSERT: &str = "\
INSERT INTO images_entry (cloud, place, name, image, standing, entry)
VALUES ($1, $2, $3, $4, $5, $6)";

const PAGE: &str = "\
SELECT place, entry FROM images_entry
WHERE cloud = $1 AND place > $2 AND ($4 = '' OR LOWER(name) LIKE $4 ESCAPE '!')
ORDER BY place LIMIT $3";

const PAGE_OF: &str = "\
SELECT place, entry FROM images_entry
WHERE cloud = $1 AND standing = $5 AND place > $2 AND ($4 = '' OR LOWER(name) LIKE $4 ESCAPE '!')
ORDER BY place LIMIT $3";

const NAMED: &str = "\
SELECT place, entry FROM images_entry WHERE cloud = $1 AND name = $2 ORDER BY place";

const COUNT: &str = "\
SELECT standing, COUNT(*) AS entries FROM images_entry WHERE cloud = $1 GROUP BY standing";

const CLOUDS: &str = "SELECT cloud, at_us, notes FROM images_look ORDER BY cloud";

const ADD_DEED: &str = "\
INSERT INTO images_deed (id, cloud, name, at_us, deed) VALUES ($1, $2, $3, $4, $5)";

const DEEDS: &str = "\
SELECT deed FROM images_deed WHERE cloud = $1 AND name = $2 ORDER BY at_us DESC, id DESC LIMIT $3";

const READ: &str = "read the images";

/// What the last look at a cloud saw, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Look {
    /// The cloud.
    pub cloud: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// How many images stand how.
    pub counts: BTreeMap<String, i64>,
    /// What the planner had to say besides.
    pub notes: Vec<String>,
}

/// Something that was done to an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageDeed {
    /// When it was done.
    pub at: Timestamp,
    /// `create`, `update`, `replace` or `destroy`.
    pub action: String,
    /// How it ended, for example `done` or `failed`.
    pub outcome: String,
    /// The change it belongs to; none for what a person did on the command line.
    #[serde(default)]
    pub change: Option<ChangeId>,
    /// Who did it, where it belongs to no change.
    #[serde(default)]
    pub by: Option<String>,
    /// The id under which the Image API logged the last request.
    pub request_id: Option<String>,
}

/// Who applied.
#[derive(Clone, Copy, Debug)]
pub enum Doer<'a> {
    /// The daemon, for a change.
    Change(ChangeId),
    /// A person, on the command line.
    Person(&'a str),
}

/// Where the console finds the images.
#[derive(Clone)]
pub struct Shelf(Arc<Store>);

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shelf")
    }
}

/// What one page of entries is of.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Only entries of this standing.
    pub standing: Option<Standing>,
    /// Only entries whose name holds this, in upper or lower case; all if empty.
    pub name: String,
    /// After this place; 0 for the first page.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

impl Shelf {
    /// A shelf in this store, which was opened with [`PART`].
    pub const fn new(store: Arc<Store>) -> Self {
        Self(store)
    }

    /// Remembers what was seen. When it is what was seen before, only the time is written.
    pub async fn put(
        &self,
        cloud: &str,
        entries: &[Entry],
        notes: &[String],
        at: Timestamp,
    ) -> Result<(), Error> {
        const OPERATION: &str = "remember the images";
        let cloud = plain(OPERATION, cloud)?;
        let texts = entries.iter().map(|entry| to_json(OPERATION, entry));
        let texts = texts.collect::<Result<Vec<String>, Error>>()?;
        let digest = digest(&texts);
        let notes = to_json(OPERATION, &notes)?;
        let mut transaction = self.0.begin(OPERATION).await?;
        let known = transaction.fetch(sqlx::query(LOOK).bind(cloud.clone())).await?;
        let known = known.first().map(|row| Columns(row).text("digest")).transpose()?;
        let set = sqlx::query(SET_LOOK).bind(cloud.clone()).bind(at.as_microsecond());
        transaction.execute(set.bind(digest.clone()).bind(notes)).await?;
        if known.as_ref() != Some(&digest) {
            transaction.execute(sqlx::query(CLEAR).bind(cloud.clone())).await?;
            for (place, (entry, text)) in (1_i64..).zip(entries.iter().zip(texts)) {
                let query = sqlx::query(INSERT)
                    .bind(cloud.clone())
                    .bind(place)
                    .bind(plain(OPERATION, &entry.name)?)
                    .bind(entry.image.clone())
                    .bind(entry.standing.word())
                    .bind(text);
                transaction.execute(query).await?;
            }
        }
        transaction.commit().await
    }

    /// Remembers what an apply did.
    pub async fn record(&self, doer: Doer<'_>, report: &ApplyReport) -> Result<(), Error> {
        const OPERATION: &str = "remember what was done to images";
        let end = report.started.checked_add(report.duration).unwrap_or(report.started);
        let (change, by) = match doer {
            Doer::Change(change) => (Some(change), None),
            Doer::Person(name) => (None, Some(name.to_owned())),
        };
        let mut transaction = self.0.begin(OPERATION).await?;
        for step in report.steps.iter().filter(|step| step.attempts > 0) {
            let deed = ImageDeed {
                at: end,
                action: step.action.as_str().to_owned(),
                outcome: step.outcome.as_str().to_owned(),
                change,
                by: by.clone(),
                request_id: step.request_id.clone(),
            };
            let StepReport { name, .. } = step;
            let query = sqlx::query(ADD_DEED)
                .bind(EventId::generate().to_string())
                .bind(plain(OPERATION, &report.cloud)?)
                .bind(plain(OPERATION, name)?)
                .bind(end.as_microsecond())
                .bind(to_json(OPERATION, &deed)?);
            transaction.execute(query).await?;
        }
        transaction.commit().await
    }

    /// What the last look at each cloud saw.
    pub async fn looks(&self) -> Result<Vec<Look>, Error> {
        let mut looks = Vec::new();
        for row in &self.0.read(READ, sqlx::query(CLOUDS)).await? {
            let row = Columns(row);
            let cloud = row.text("cloud")?;
            let counts = self.0.read(READ, sqlx::query(COUNT).bind(cloud.clone())).await?;
            let counts = counts.iter().map(|row| {
                let row = Columns(row);
                Ok((row.text("standing")?, row.integer("entries")?))
            });
            let counts = counts.collect::<Result<_, Error>>()?;
            looks.push(Look { cloud, at: row.time("at_us")?, counts, notes: row.json("notes")? });
        }
        Ok(looks)
    }

    /// One page of the entries of a cloud, each with its place.
    pub async fn entries(&self, cloud: &str, select: Select) -> Result<Vec<(i64, Entry)>, Error> {
        let query = match select.standing {
            None => sqlx::query(PAGE),
            Some(_) => sqlx::query(PAGE_OF),
        };
        let query = query.bind(cloud.to_owned()).bind(select.after).bind(i64::from(select.limit));
        let query = query.bind(pattern(&select.name));
        let query = match select.standing {
            None => query,
            Some(standing) => query.bind(standing.word()),
        };
        self.0.read(READ, query).await?.iter().map(to_entry).collect()
    }

    /// The entries of this name; several only while something is wrong or under way.
    pub async fn named(&self, cloud: &str, name: &str) -> Result<Vec<Entry>, Error> {
        let query = sqlx::query(NAMED).bind(cloud.to_owned()).bind(name.to_owned());
        let rows = self.0.read(READ, query).await?;
        rows.iter().map(|row| to_entry(row).map(|(_, entry)| entry)).collect()
    }

    /// What was done to the images of this name, newest first.
    pub async fn deeds(&self, cloud: &str, name: &str, most: u32) -> Result<Vec<ImageDeed>, Error> {
        let query =
            sqlx::query(DEEDS).bind(cloud.to_owned()).bind(name.to_owned()).bind(i64::from(most));
        let rows = self.0.read(READ, query).await?;
        rows.iter().map(|row| Columns(row).json("deed")).collect()
    }
}

/// The pattern of `LIKE` for names that hold this; empty for all.
fn pattern(part: &str) -> String {
    // PostgreSQL takes no NUL in a text, and no name has one.
    let part = part.trim().replace('\0', "\u{fffd}").to_lowercase();
    if part.is_empty() {
        return part;
    }
    let mut pattern = String::from("%");
    for character in part.chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn to_entry(row: &AnyRow) -> Result<(i64, Entry), Error> {
    let row = Columns(row);
    Ok((row.integer("place")?, row.json("entry")?))
}

/// SHA-256 (hexadecimal) over all entries.
fn digest(texts: &[String]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())
}
