//! The write-ahead journal.

use async_trait::async_trait;
use lotse_core::id::{IntentId, RunId};
use lotse_core::journal::{Conclusion, Intent, Journal, JournalError};
use lotse_core::time::Timestamp;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, plain, to_json};
use crate::store::Store;

const INTEND: &str = "\
INSERT INTO intent (id, run, cloud, kind, name, action, marker, detail, at_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";

const CONCLUDE: &str = "\
UPDATE intent SET concluded_us = $2, conclusion = $3 WHERE id = $1 AND concluded_us IS NULL";

const BY_ID: &str = "\
SELECT id, run, cloud, kind, name, action, marker, detail, at_us, concluded_us, conclusion
FROM intent WHERE id = $1";

const UNFINISHED: &str = "\
SELECT id, run, cloud, kind, name, action, marker, detail, at_us
FROM intent WHERE concluded_us IS NULL AND cloud = $1 AND kind = $2 ORDER BY at_us, id";

const ALL_UNFINISHED: &str = "\
SELECT id, run, cloud, kind, name, action, marker, detail, at_us
FROM intent WHERE concluded_us IS NULL ORDER BY at_us, id";

const BY_RUN: &str = "\
SELECT id, run, cloud, kind, name, action, marker, detail, at_us, concluded_us, conclusion
FROM intent WHERE run = $1 ORDER BY at_us, id";

const PRUNE: &str = "DELETE FROM intent WHERE concluded_us IS NOT NULL AND concluded_us < $1";

const WRITE: &str = "write the journal";
const READ: &str = "read the journal";

/// An intent and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// What was about to be changed.
    pub intent: Intent,
    /// How and when it ended; `None` while it is under way, or after a crash.
    pub conclusion: Option<(Conclusion, Timestamp)>,
}

impl Store {
    /// All intents without conclusion, of every cloud and kind, oldest first.
    pub async fn journal_unfinished(&self) -> Result<Vec<Intent>, Error> {
        self.read(READ, sqlx::query(ALL_UNFINISHED)).await?.iter().map(to_intent).collect()
    }

    /// What a run intended and how it ended, in order.
    pub async fn journal_of_run(&self, run: RunId) -> Result<Vec<JournalEntry>, Error> {
        let query = sqlx::query(BY_RUN).bind(run.to_string());
        self.read(READ, query).await?.iter().map(to_entry).collect()
    }

    /// Forgets intents that were concluded before this time. Returns how many there were.
    pub async fn journal_prune(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(before.as_microsecond());
        Ok(self.execute("prune the journal", query).await?.rows_affected())
    }

    async fn journal_intend(&self, intent: &Intent) -> Result<(), Error> {
        let query = sqlx::query(INTEND)
            .bind(intent.id.to_string())
            .bind(intent.run.to_string())
            .bind(plain(WRITE, &intent.cloud)?)
            .bind(plain(WRITE, &intent.kind)?)
            .bind(plain(WRITE, &intent.name)?)
            .bind(plain(WRITE, &intent.action)?)
            .bind(intent.marker.to_string())
            .bind(to_json(WRITE, &intent.detail)?)
            .bind(intent.at.as_microsecond());
        if self.execute(WRITE, query).await?.rows_affected() == 1 {
            return Ok(());
        }
        // It is there already: the confirmation of an earlier attempt was lost with its connection,
        // or the id was used twice.
        match self.journal_entry(intent.id).await? {
            Some(entry) if is_same(&entry.intent, intent) => Ok(()),
            _ => Err(Error::Refused {
                operation: WRITE,
                reason: format!("the intent {} exists with other content", intent.id),
            }),
        }
    }

    async fn journal_conclude(
        &self,
        intent: IntentId,
        conclusion: &Conclusion,
        at: Timestamp,
    ) -> Result<(), Error> {
        let query = sqlx::query(CONCLUDE)
            .bind(intent.to_string())
            .bind(at.as_microsecond())
            .bind(to_json(WRITE, conclusion)?);
        if self.execute(WRITE, query).await?.rows_affected() == 1
            || self.journal_entry(intent).await?.is_some()
        {
            return Ok(());
        }
        let reason = format!("there is no intent {intent} to conclude");
        Err(Error::Refused { operation: WRITE, reason })
    }

    async fn journal_entry(&self, id: IntentId) -> Result<Option<JournalEntry>, Error> {
        let rows = self.read(READ, sqlx::query(BY_ID).bind(id.to_string())).await?;
        rows.first().map(to_entry).transpose()
    }
}

/// The same but for what is below a microsecond.
fn is_same(stored: &Intent, intent: &Intent) -> bool {
    stored.at.as_microsecond() == intent.at.as_microsecond()
        && *stored == Intent { at: stored.at, ..intent.clone() }
}

fn to_intent(row: &AnyRow) -> Result<Intent, Error> {
    let row = Columns(row);
    Ok(Intent {
        id: row.parsed("id")?,
        run: row.parsed("run")?,
        cloud: row.text("cloud")?,
        kind: row.text("kind")?,
        name: row.text("name")?,
        action: row.text("action")?,
        marker: row.parsed("marker")?,
        detail: row.json("detail")?,
        at: row.time("at_us")?,
    })
}

fn to_entry(row: &AnyRow) -> Result<JournalEntry, Error> {
    let columns = Columns(row);
    let conclusion = match columns.maybe_time("concluded_us")? {
        Some(at) => Some((columns.json("conclusion")?, at)),
        None => None,
    };
    Ok(JournalEntry { intent: to_intent(row)?, conclusion })
}

#[async_trait]
impl Journal for Store {
    async fn intend(&self, intent: &Intent) -> Result<(), JournalError> {
        self.journal_intend(intent).await.map_err(failed("written"))
    }

    async fn conclude(
        &self,
        intent: IntentId,
        conclusion: &Conclusion,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.journal_conclude(intent, conclusion, at).await.map_err(failed("written"))
    }

    async fn unfinished(&self, cloud: &str, kind: &str) -> Result<Vec<Intent>, JournalError> {
        let query = sqlx::query(UNFINISHED).bind(cloud.to_owned()).bind(kind.to_owned());
        let rows = self.read(READ, query).await.map_err(failed("read"))?;
        rows.iter().map(to_intent).collect::<Result<_, _>>().map_err(failed("read"))
    }
}

fn failed(operation: &'static str) -> impl FnOnce(Error) -> JournalError {
    move |error| JournalError { operation, source: error.into() }
}
