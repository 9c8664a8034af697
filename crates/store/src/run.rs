//! The history of runs: applies, checks, scenarios.

use lotse_core::id::RunId;
use lotse_core::time::Timestamp;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, plain, to_json};
use crate::store::Store;

const START: &str = "\
INSERT INTO run (id, cloud, kind, started_us) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";

const END: &str = "\
UPDATE run SET ended_us = $2, summary = $3 WHERE id = $1 AND ended_us IS NULL";

const BY_ID: &str = "SELECT id, cloud, kind, started_us, ended_us, summary FROM run WHERE id = $1";

/// `$1` is a page's end: the start of the oldest run already seen, `$2` its id.
const NEWEST: &str = "\
SELECT id, cloud, kind, started_us, ended_us, summary FROM run
WHERE started_us < $1 OR (started_us = $1 AND id < $2)
ORDER BY started_us DESC, id DESC LIMIT $3";

const PRUNE: &str = "DELETE FROM run WHERE started_us < $1";

/// One run.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RunRecord {
    /// Its id, also in the journal.
    pub id: RunId,
    /// The cloud it worked on (name in `clouds.yaml`).
    pub cloud: String,
    /// What was run, for example `image apply`.
    pub kind: String,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; `None` while it is under way, and for ever if its process died.
    pub ended: Option<Timestamp>,
    /// What came of it; `null` until it ended.
    pub summary: serde_json::Value,
}

impl Store {
    /// Records that a run started. Its end and summary are not looked at.
    pub async fn run_start(&self, run: &RunRecord) -> Result<(), Error> {
        const OPERATION: &str = "record a run";
        let query = sqlx::query(START)
            .bind(run.id.to_string())
            .bind(plain(OPERATION, &run.cloud)?)
            .bind(plain(OPERATION, &run.kind)?)
            .bind(run.started.as_microsecond());
        self.execute(OPERATION, query).await.map(drop)
    }

    /// Records that a run ended. The first end stays. Says whether there is such a run under way.
    pub async fn run_end(
        &self,
        id: RunId,
        ended: Timestamp,
        summary: &serde_json::Value,
    ) -> Result<bool, Error> {
        const OPERATION: &str = "record the end of a run";
        let query = sqlx::query(END)
            .bind(id.to_string())
            .bind(ended.as_microsecond())
            .bind(to_json(OPERATION, summary)?);
        Ok(self.execute(OPERATION, query).await?.rows_affected() == 1)
    }

    /// One run.
    pub async fn run_get(&self, id: RunId) -> Result<Option<RunRecord>, Error> {
        let rows = self.read("read a run", sqlx::query(BY_ID).bind(id.to_string())).await?;
        rows.first().map(to_run).transpose()
    }

    /// At most `limit` runs, newest first; `after` is the last one of the page before.
    pub async fn run_list(
        &self,
        after: Option<&RunRecord>,
        limit: u32,
    ) -> Result<Vec<RunRecord>, Error> {
        let (started, id) = after.map_or((i64::MAX, String::new()), |run| {
            (run.started.as_microsecond(), run.id.to_string())
        });
        let query = sqlx::query(NEWEST).bind(started).bind(id).bind(i64::from(limit));
        self.read("list the runs", query).await?.iter().map(to_run).collect()
    }

    /// Forgets runs that started before this time. Returns how many there were.
    pub async fn run_prune(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(before.as_microsecond());
        Ok(self.execute("prune the runs", query).await?.rows_affected())
    }
}

fn to_run(row: &AnyRow) -> Result<RunRecord, Error> {
    let row = Columns(row);
    Ok(RunRecord {
        id: row.parsed("id")?,
        cloud: row.text("cloud")?,
        kind: row.text("kind")?,
        started: row.time("started_us")?,
        ended: row.maybe_time("ended_us")?,
        summary: row.maybe_json("summary")?.unwrap_or_default(),
    })
}
