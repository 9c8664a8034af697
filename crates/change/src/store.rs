//! The SQL of changes.

use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, plain, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Query, Store, Transaction};

use crate::model::{Approval, Change, State, Summary, counts};

/// The tables of changes, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "change",
    steps: &[Step { number: 1, sql: include_str!("../migrations/0001_change.sql") }],
};

const INSERT: &str = "\
INSERT INTO change_entry (id, capability, cloud, task, state, policy, consent, document, counts,
  digest, approvals_needed, proposed_us, proposed_by, attempts, request_ids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '[]')
ON CONFLICT DO NOTHING";

/// All columns in one place, so that every question gives whole changes.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, capability, cloud, task, state, policy, consent, document, digest, ",
            "approvals_needed, proposed_us, proposed_by, attempts, ended_us, ended_by, outcome, ",
            "request_ids, report FROM change_entry ",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");

const LIVE: &str = select!(
    "WHERE capability = $1 AND cloud = $2 \
     AND state IN ('proposed', 'approved', 'applying', 'failed')"
);

const NEWEST_OF: &str =
    select!("WHERE capability = $1 AND cloud = $2 ORDER BY proposed_us DESC, id DESC LIMIT 1");

/// The columns of a change in short.
macro_rules! summary {
    ($rest:literal) => {
        concat!(
            "SELECT id, capability, cloud, task, state, consent, counts, approvals_needed, ",
            "(SELECT COUNT(*) FROM change_approval WHERE change_id = id) AS approvals, ",
            "proposed_us, proposed_by, ended_us, ended_by, outcome FROM change_entry ",
            $rest
        )
    };
}

const ALL_LIVE: &str = summary!(
    "WHERE state IN ('proposed', 'approved', 'applying', 'failed') \
     ORDER BY proposed_us DESC, id DESC"
);

const NEWEST: &str = summary!(
    "WHERE proposed_us < $1 OR (proposed_us = $1 AND id < $2) \
     ORDER BY proposed_us DESC, id DESC LIMIT $3"
);

const NEWEST_IN: &str = summary!(
    "WHERE state = $4 AND (proposed_us < $1 OR (proposed_us = $1 AND id < $2)) \
     ORDER BY proposed_us DESC, id DESC LIMIT $3"
);

const TURN: &str = "UPDATE change_entry SET state = $3 WHERE id = $1 AND state = $2";

const BEGIN: &str = "\
UPDATE change_entry SET state = 'applying', attempts = attempts + 1
WHERE id = $1 AND state = $2 AND attempts = $3";

const END: &str = "\
UPDATE change_entry SET state = $3, ended_us = $4, ended_by = $5, outcome = $6,
  request_ids = $7, report = $8
WHERE id = $1 AND state = $2";

const APPROVE: &str = "\
INSERT INTO change_approval (change_id, person, at_us, note) VALUES ($1, $2, $3, $4)
ON CONFLICT (change_id, person) DO NOTHING";

const APPROVALS: &str = "\
SELECT person, at_us, note FROM change_approval WHERE change_id = $1 ORDER BY at_us, person";

const PRUNE_APPROVALS: &str = "\
DELETE FROM change_approval WHERE change_id IN (SELECT id FROM change_entry
  WHERE ended_us < $1 AND state NOT IN ('proposed', 'approved', 'applying', 'failed'))";

const PRUNE: &str = "\
DELETE FROM change_entry
WHERE ended_us < $1 AND state NOT IN ('proposed', 'approved', 'applying', 'failed')";

const READ: &str = "read a change";

/// Which changes are asked for.
#[derive(Debug)]
pub(crate) enum Which<'a> {
    Id(&'a str),
    Live { capability: &'a str, cloud: &'a str },
    NewestOf { capability: &'a str, cloud: &'a str },
}

impl Which<'_> {
    fn query(&self) -> Query<'static> {
        match *self {
            Which::Id(id) => sqlx::query(BY_ID).bind(id.to_owned()),
            Which::Live { capability, cloud } => {
                sqlx::query(LIVE).bind(capability.to_owned()).bind(cloud.to_owned())
            }
            Which::NewestOf { capability, cloud } => {
                sqlx::query(NEWEST_OF).bind(capability.to_owned()).bind(cloud.to_owned())
            }
        }
    }
}

/// The change asked for, as it is within the transaction.
pub(crate) async fn find(
    transaction: &mut Transaction,
    which: Which<'_>,
) -> Result<Option<Change>, Error> {
    let rows = transaction.fetch(which.query()).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut change = to_change(row)?;
    change.approvals = approvals(transaction, change.id).await?;
    Ok(Some(change))
}

/// Who has approved a change.
pub(crate) async fn approvals(
    transaction: &mut Transaction,
    change: ChangeId,
) -> Result<Vec<Approval>, Error> {
    let approvals = sqlx::query(APPROVALS).bind(change.to_string());
    to_approvals(&transaction.fetch(approvals).await?)
}

/// Writes a new change. Says whether no other one was live.
pub(crate) async fn insert(transaction: &mut Transaction, change: &Change) -> Result<bool, Error> {
    const OPERATION: &str = "record a change";
    let policy = serde_json::to_value(change.policy).unwrap_or_default();
    let consent = change.consent.as_deref().map(|text| plain(OPERATION, text)).transpose()?;
    let query = sqlx::query(INSERT)
        .bind(change.id.to_string())
        .bind(plain(OPERATION, &change.capability)?)
        .bind(plain(OPERATION, &change.cloud)?)
        .bind(plain(OPERATION, &change.task)?)
        .bind(change.state.word())
        .bind(policy.as_str().unwrap_or_default().to_owned())
        .bind(consent)
        .bind(to_json(OPERATION, &change.document)?)
        .bind(to_json(OPERATION, &counts(&change.document))?)
        .bind(change.digest.clone())
        .bind(i64::from(change.approvals_needed))
        .bind(change.proposed.as_microsecond())
        .bind(plain(OPERATION, &change.proposed_by)?)
        .bind(i64::from(change.attempts));
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Moves a change from the state it was seen in. Says whether it was still there.
pub(crate) async fn turn(
    transaction: &mut Transaction,
    change: &Change,
    to: State,
) -> Result<bool, Error> {
    let query =
        sqlx::query(TURN).bind(change.id.to_string()).bind(change.state.word()).bind(to.word());
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Begins an attempt at a change in the state it was seen in. Says whether it was still there.
pub(crate) async fn begin(transaction: &mut Transaction, change: &Change) -> Result<bool, Error> {
    let query = sqlx::query(BEGIN)
        .bind(change.id.to_string())
        .bind(change.state.word())
        .bind(i64::from(change.attempts));
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Writes down an end, or that of an attempt: `to` has the new state and all that is known of it.
pub(crate) async fn end(
    transaction: &mut Transaction,
    from: State,
    to: &Change,
) -> Result<bool, Error> {
    const OPERATION: &str = "record the end of a change";
    let report = to.report.as_ref().map(|report| to_json(OPERATION, report)).transpose()?;
    let outcome = to.outcome.as_deref().map(|text| plain(OPERATION, text)).transpose()?;
    let by = to.ended_by.as_deref().map(|text| plain(OPERATION, text)).transpose()?;
    let query = sqlx::query(END)
        .bind(to.id.to_string())
        .bind(from.word())
        .bind(to.state.word())
        .bind(to.ended.map(Timestamp::as_microsecond))
        .bind(by)
        .bind(outcome)
        .bind(to_json(OPERATION, &to.request_ids)?)
        .bind(report);
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Adds an approval. Says whether it is the first one of this person.
pub(crate) async fn approve(
    transaction: &mut Transaction,
    change: ChangeId,
    approval: &Approval,
) -> Result<bool, Error> {
    const OPERATION: &str = "approve a change";
    let query = sqlx::query(APPROVE)
        .bind(change.to_string())
        .bind(plain(OPERATION, &approval.person)?)
        .bind(approval.at.as_microsecond())
        .bind(plain(OPERATION, &approval.note)?);
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// One change.
pub(crate) async fn get(store: &Store, id: &str) -> Result<Option<Change>, Error> {
    let rows = store.read(READ, Which::Id(id).query()).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut change = to_change(row)?;
    let approvals = sqlx::query(APPROVALS).bind(change.id.to_string());
    change.approvals = to_approvals(&store.read(READ, approvals).await?)?;
    Ok(Some(change))
}

/// All changes that can still come about, newest first.
pub(crate) async fn live(store: &Store) -> Result<Vec<Summary>, Error> {
    let rows = store.read("list the changes", sqlx::query(ALL_LIVE)).await?;
    rows.iter().map(to_summary).collect()
}

/// At most `limit` changes, newest first, after the last one of the page before.
pub(crate) async fn list(
    store: &Store,
    state: Option<State>,
    after: Option<(Timestamp, ChangeId)>,
    limit: u32,
) -> Result<Vec<Summary>, Error> {
    let (proposed, id) = after.map_or((i64::MAX, String::new()), |(proposed, id)| {
        (proposed.as_microsecond(), id.to_string())
    });
    let query = sqlx::query(if state.is_some() { NEWEST_IN } else { NEWEST });
    let query = query.bind(proposed).bind(id).bind(i64::from(limit));
    let query = match state {
        Some(state) => query.bind(state.word()),
        None => query,
    };
    let rows = store.read("list the changes", query).await?;
    rows.iter().map(to_summary).collect()
}

/// Forgets changes that ended before this time. Returns how many there were.
pub(crate) async fn prune(store: &Store, before: Timestamp) -> Result<u64, Error> {
    let mut transaction = store.begin("prune the changes").await?;
    let before = before.as_microsecond();
    transaction.execute(sqlx::query(PRUNE_APPROVALS).bind(before)).await?;
    let gone = transaction.execute(sqlx::query(PRUNE).bind(before)).await?.rows_affected();
    transaction.commit().await?;
    Ok(gone)
}

fn to_approvals(rows: &[AnyRow]) -> Result<Vec<Approval>, Error> {
    let approval = |row| {
        let row = Columns(row);
        Ok(Approval {
            person: row.text("person")?,
            at: row.time("at_us")?,
            note: row.text("note")?,
        })
    };
    rows.iter().map(approval).collect()
}

fn to_summary(row: &AnyRow) -> Result<Summary, Error> {
    let row = Columns(row);
    Ok(Summary {
        id: row.parsed("id")?,
        capability: row.text("capability")?,
        cloud: row.text("cloud")?,
        task: row.text("task")?,
        state: row.parsed("state")?,
        consent: row.maybe_text("consent")?,
        counts: row.json("counts")?,
        approvals_needed: count(row, "approvals_needed")?,
        approvals: count(row, "approvals")?,
        proposed: row.time("proposed_us")?,
        proposed_by: row.text("proposed_by")?,
        ended: row.maybe_time("ended_us")?,
        ended_by: row.maybe_text("ended_by")?,
        outcome: row.maybe_text("outcome")?,
    })
}

fn count(row: Columns<'_>, column: &'static str) -> Result<u32, Error> {
    u32::try_from(row.integer(column)?)
        .map_err(|error| Error::Stored { column, reason: error.to_string() })
}

fn to_change(row: &AnyRow) -> Result<Change, Error> {
    let row = Columns(row);
    let policy = row.text("policy")?;
    let policy = serde_json::from_value(policy.into())
        .map_err(|error| Error::Stored { column: "policy", reason: error.to_string() })?;
    Ok(Change {
        id: row.parsed("id")?,
        capability: row.text("capability")?,
        cloud: row.text("cloud")?,
        task: row.text("task")?,
        state: row.parsed("state")?,
        policy,
        consent: row.maybe_text("consent")?,
        document: row.json("document")?,
        digest: row.text("digest")?,
        approvals_needed: count(row, "approvals_needed")?,
        approvals: Vec::new(),
        proposed: row.time("proposed_us")?,
        proposed_by: row.text("proposed_by")?,
        attempts: count(row, "attempts")?,
        ended: row.maybe_time("ended_us")?,
        ended_by: row.maybe_text("ended_by")?,
        outcome: row.maybe_text("outcome")?,
        request_ids: row.json("request_ids")?,
        report: row.maybe_json("report")?,
    })
}
