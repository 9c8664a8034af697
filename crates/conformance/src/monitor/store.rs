//! The SQL of the monitor.
//!
//! A report is one row with all its results; what counts now is one row for each subject and scope,
//! brought up to date in the transaction of the upload. So a batch of uploads is a few statements
//! however many testcases they have, and a page reads a few rows however long the history is.

mod many;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lotse_core::time::Timestamp;
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, plain, revision_of, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Store, Transaction};
use uuid::Uuid;

use super::account::{Account, Accounts};
use super::incoming::{Incoming, Media};
use super::standing::Latest;

/// The tables of the monitor, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "conformance",
    steps: &[
        Step { number: 1, sql: include_str!("../../migrations/0001_conformance.sql") },
        Step { number: 2, sql: include_str!("../../migrations/0002_subject.sql") },
    ],
};

const ADVANCE: &str =
    "UPDATE conformance_head SET revision = revision + 1 WHERE id = 1 RETURNING revision";
const REVISION: &str = "SELECT revision FROM conformance_head WHERE id = 1";

const ACCOUNTS: &str = "SELECT name, owner, document FROM conformance_account ORDER BY name";
const PUT_ACCOUNT: &str = "\
INSERT INTO conformance_account (name, owner, document, created_us) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET document = excluded.document
WHERE conformance_account.owner = excluded.owner";
const DELETE_ACCOUNT: &str = "DELETE FROM conformance_account WHERE name = $1 AND owner = $2";
const HAS_ACCOUNT: &str = "SELECT name FROM conformance_account WHERE name = $1";

const UPLOADS: many::Rows = many::Rows {
    head: "INSERT INTO conformance_upload (id, account, received_us, media, evidence)",
    columns: 5,
    tail: "",
};
const REPORTS: many::Rows = many::Rows {
    head: "INSERT INTO conformance_report \
           (id, upload, subject, scope, checked_us, received_us, results, approvals)",
    columns: 8,
    tail: "",
};
const KNOWN: &str = "SELECT id FROM conformance_report WHERE id IN";

const ALL_LATEST: &str = "SELECT subject, scope, document, told FROM conformance_latest";
const LATEST: many::Rows = many::Rows {
    head: "INSERT INTO conformance_latest (subject, scope, document, told)",
    columns: 4,
    tail: "ON CONFLICT (subject, scope) \
           DO UPDATE SET document = excluded.document, told = excluded.told",
};

/// All columns of a report in one place.
macro_rules! reports {
    ($rest:literal) => {
        concat!(
            "SELECT id, upload, subject, scope, checked_us, received_us, results, approvals ",
            "FROM conformance_report ",
            $rest
        )
    };
}
const REPORT: &str = reports!("WHERE id = $1");
const OF_SUBJECT: &str =
    reports!("WHERE subject = $1 ORDER BY checked_us DESC, id LIMIT $2 OFFSET $3");
const OF_ALL: &str = reports!("ORDER BY checked_us DESC, id LIMIT $1 OFFSET $2");
const HISTORY: &str =
    reports!("WHERE subject = $1 AND scope = $2 ORDER BY checked_us DESC, id LIMIT $3");
const SINCE: &str =
    reports!("WHERE checked_us >= $1 ORDER BY checked_us DESC, id LIMIT $2 OFFSET $3");

const UPLOAD: &str = "SELECT account, media, evidence FROM conformance_upload WHERE id = $1";
const SET_APPROVALS: &str = "UPDATE conformance_report SET approvals = $2 WHERE id = $1";

const PRUNE_REPORTS: &str = "DELETE FROM conformance_report WHERE checked_us < $1";
/// No report was checked later than it was received, so those of these uploads are gone.
const PRUNE_UPLOADS: &str = "DELETE FROM conformance_upload WHERE received_us < $1";

const READ: &str = "read the results of the monitor";
const WRITE: &str = "write to the monitor";

/// What people said of the results of a report, by testcase.
pub(crate) type Said = BTreeMap<String, bool>;

/// A report as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Its uuid.
    pub id: String,
    /// The upload that brought it.
    pub upload: String,
    /// Whose cloud it is about.
    pub subject: String,
    /// The uuid of the scope.
    pub scope: String,
    /// When the check ended.
    pub checked: Timestamp,
    /// When it arrived.
    pub received: Timestamp,
    /// Its results.
    pub results: BTreeMap<String, i8>,
    /// What people said of its results; without a word passes are approved.
    pub approvals: Said,
}

impl Report {
    /// Whether a result of it is approved.
    pub(crate) fn is_approved(&self, testcase: &str) -> bool {
        let passed = self.results.get(testcase) == Some(&1);
        self.approvals.get(testcase).copied().unwrap_or(passed)
    }
}

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// Who sent it.
    pub account: String,
    /// How the reports are written.
    pub media: Media,
    /// Signature, ampersand, reports; only reports where the daemon made them itself.
    pub evidence: String,
}

/// The newest results of a subject for a scope, and what others were told of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Row {
    /// The results.
    pub latest: Latest,
    /// The verdict that was told last; empty if none was.
    pub told: String,
}

/// Rows by subject and scope.
pub(crate) type Rows = BTreeMap<(String, String), Arc<Row>>;

/// Takes the right to write until the commit; the number that the commit will publish.
pub(crate) async fn advance(transaction: &mut Transaction) -> Result<i64, Error> {
    revision_of("conformance_head", &transaction.fetch(sqlx::query(ADVANCE)).await?)
}

/// The number of the newest commit.
pub(crate) async fn revision(store: &Store) -> Result<i64, Error> {
    revision_of("conformance_head", &store.read(READ, sqlx::query(REVISION)).await?)
}

/// All accounts of the state.
pub(crate) async fn accounts(store: &Store) -> Result<Accounts, Error> {
    let rows = store.read(READ, sqlx::query(ACCOUNTS)).await?;
    rows.iter()
        .map(|row| {
            let row = Columns(row);
            let (name, owner) = (row.text("name")?, row.text("owner")?);
            let document = row.json("document")?;
            Ok((name.clone(), Account::of_document(name, owner, &document)))
        })
        .collect()
}

/// Writes an account. Says whether its name is free or its owner's.
pub(crate) async fn put_account(
    transaction: &mut Transaction,
    account: &Account,
    now: Timestamp,
) -> Result<bool, Error> {
    let query = sqlx::query(PUT_ACCOUNT)
        .bind(account.name.clone())
        .bind(plain(WRITE, account.owner.as_deref().unwrap_or_default())?)
        .bind(to_json(WRITE, &account.document())?)
        .bind(now.as_microsecond());
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Whether there is an account of this name.
pub(crate) async fn has_account(transaction: &mut Transaction, name: &str) -> Result<bool, Error> {
    let rows = transaction.fetch(sqlx::query(HAS_ACCOUNT).bind(name.to_owned())).await?;
    Ok(!rows.is_empty())
}

/// Removes an account of its owner; its results stay until they expire.
pub(crate) async fn delete_account(
    transaction: &mut Transaction,
    account: &Account,
) -> Result<(), Error> {
    let owner = account.owner.clone().unwrap_or_default();
    let query = sqlx::query(DELETE_ACCOUNT).bind(account.name.clone()).bind(owner);
    transaction.execute(query).await.map(drop)
}

/// Writes what was sent, each under a new id.
pub(crate) async fn insert_uploads(
    transaction: &mut Transaction,
    uploads: &[(Uuid, &Upload)],
    now: Timestamp,
) -> Result<(), Error> {
    let bind = |query: many::Query, (id, upload): &(Uuid, &Upload)| {
        Ok(query
            .bind(id.to_string())
            .bind(upload.account.clone())
            .bind(now.as_microsecond())
            .bind(upload.media.word())
            .bind(plain(WRITE, &upload.evidence)?))
    };
    many::write(transaction, UPLOADS, uploads, bind).await
}

/// Writes reports, each with the id of its upload and what people said of its results. None of them
/// may be there already.
pub(crate) async fn insert_reports(
    transaction: &mut Transaction,
    reports: &[(Uuid, &Incoming, &Said)],
    now: Timestamp,
) -> Result<(), Error> {
    let bind = |query: many::Query, (upload, report, said): &(Uuid, &Incoming, &Said)| {
        Ok(query
            .bind(report.id.to_string())
            .bind(upload.to_string())
            .bind(plain(WRITE, &report.subject)?)
            .bind(report.scope.clone())
            .bind(report.checked.as_microsecond())
            .bind(now.as_microsecond())
            .bind(to_json(WRITE, &report.results)?)
            .bind(to_json(WRITE, said)?))
    };
    many::write(transaction, REPORTS, reports, bind).await
}

/// Those of the reports that are there already.
pub(crate) async fn known_reports(
    transaction: &mut Transaction,
    ids: &[Uuid],
) -> Result<BTreeSet<Uuid>, Error> {
    let mut known = BTreeSet::new();
    let texts: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    for query in many::among(KNOWN, &texts) {
        for row in &transaction.fetch(query).await? {
            known.insert(Columns(row).parsed("id")?);
        }
    }
    Ok(known)
}

/// All that counts.
pub(crate) async fn latest(store: &Store) -> Result<Rows, Error> {
    to_rows(&store.read(READ, sqlx::query(ALL_LATEST)).await?)
}

/// All that counts, within a transaction that has the right to write.
pub(crate) async fn latest_in(transaction: &mut Transaction) -> Result<Rows, Error> {
    to_rows(&transaction.fetch(sqlx::query(ALL_LATEST)).await?)
}

fn to_rows(rows: &[AnyRow]) -> Result<Rows, Error> {
    let read = |row| {
        let row = Columns(row);
        let held = Row { latest: row.json("document")?, told: row.text("told")? };
        Ok(((row.text("subject")?, row.text("scope")?), held.into()))
    };
    rows.iter().map(read).collect()
}

/// Writes what counts for subjects and scopes.
pub(crate) async fn put_latest(
    transaction: &mut Transaction,
    rows: &[(&(String, String), Arc<Row>)],
) -> Result<(), Error> {
    let bind = |query: many::Query, ((subject, scope), row): &(&(String, String), Arc<Row>)| {
        Ok(query
            .bind(subject.clone())
            .bind(scope.clone())
            .bind(to_json(WRITE, &row.latest)?)
            .bind(row.told.clone()))
    };
    many::write(transaction, LATEST, rows, bind).await
}

/// A report by its uuid.
pub(crate) async fn report(store: &Store, id: &str) -> Result<Option<Report>, Error> {
    let rows = store.read(READ, sqlx::query(REPORT).bind(id.to_owned())).await?;
    rows.first().map(to_report).transpose()
}

/// A report by its uuid, within a transaction.
pub(crate) async fn report_in(
    transaction: &mut Transaction,
    id: &str,
) -> Result<Option<Report>, Error> {
    let rows = transaction.fetch(sqlx::query(REPORT).bind(id.to_owned())).await?;
    rows.first().map(to_report).transpose()
}

/// Reports, newest first, of a subject or of all.
pub(crate) async fn reports(
    store: &Store,
    subject: Option<&str>,
    limit: u32,
    skip: u32,
) -> Result<Vec<Report>, Error> {
    let query = match subject {
        Some(subject) => sqlx::query(OF_SUBJECT).bind(plain(READ, subject)?),
        None => sqlx::query(OF_ALL),
    };
    let query = query.bind(i64::from(limit)).bind(i64::from(skip));
    store.read(READ, query).await?.iter().map(to_report).collect()
}

/// The newest reports of a subject for a scope.
pub(crate) async fn history(
    store: &Store,
    subject: &str,
    scope: &str,
    limit: u32,
) -> Result<Vec<Report>, Error> {
    let query = sqlx::query(HISTORY)
        .bind(plain(READ, subject)?)
        .bind(plain(READ, scope)?)
        .bind(i64::from(limit));
    store.read(READ, query).await?.iter().map(to_report).collect()
}

/// The newest reports of a subject for a scope, within a transaction.
pub(crate) async fn history_in(
    transaction: &mut Transaction,
    (subject, scope): &(String, String),
    limit: u32,
) -> Result<Vec<Report>, Error> {
    let query =
        sqlx::query(HISTORY).bind(subject.clone()).bind(scope.clone()).bind(i64::from(limit));
    transaction.fetch(query).await?.iter().map(to_report).collect()
}

/// Reports that were checked since then, newest first.
pub(crate) async fn since(
    store: &Store,
    then: Timestamp,
    limit: u32,
    skip: u32,
) -> Result<Vec<Report>, Error> {
    let query =
        sqlx::query(SINCE).bind(then.as_microsecond()).bind(i64::from(limit)).bind(i64::from(skip));
    store.read(READ, query).await?.iter().map(to_report).collect()
}

/// What was sent under this id.
pub(crate) async fn upload(store: &Store, id: &str) -> Result<Option<Upload>, Error> {
    let rows = store.read(READ, sqlx::query(UPLOAD).bind(id.to_owned())).await?;
    let read = |row| {
        let row = Columns(row);
        Ok(Upload {
            account: row.text("account")?,
            media: Media::of_word(&row.text("media")?),
            evidence: row.text("evidence")?,
        })
    };
    rows.first().map(read).transpose()
}

/// Writes what people said of the results of a report.
pub(crate) async fn set_approvals(
    transaction: &mut Transaction,
    report: &Report,
) -> Result<(), Error> {
    let query =
        sqlx::query(SET_APPROVALS).bind(report.id.clone()).bind(to_json(WRITE, &report.approvals)?);
    transaction.execute(query).await.map(drop)
}

/// Forgets reports that were checked before this time. Returns how many there were.
pub(crate) async fn prune(store: &Store, before: Timestamp) -> Result<u64, Error> {
    let mut transaction = store.begin("prune the reports of the monitor").await?;
    let before = before.as_microsecond();
    let gone = transaction.execute(sqlx::query(PRUNE_REPORTS).bind(before)).await?;
    transaction.execute(sqlx::query(PRUNE_UPLOADS).bind(before)).await?;
    transaction.commit().await?;
    Ok(gone.rows_affected())
}

fn to_report(row: &AnyRow) -> Result<Report, Error> {
    let row = Columns(row);
    Ok(Report {
        id: row.text("id")?,
        upload: row.text("upload")?,
        subject: row.text("subject")?,
        scope: row.text("scope")?,
        checked: row.time("checked_us")?,
        received: row.time("received_us")?,
        results: row.json("results")?,
        approvals: row.json("approvals")?,
    })
}
