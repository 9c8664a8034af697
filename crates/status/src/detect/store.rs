//! The SQL of detection.

use std::collections::BTreeMap;

use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Store, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::measure::{Beat, Measure};
use super::proposal::{Proposal, ProposalId};
use super::spells::{History, Spell};

/// The tables of detection, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "status_detection",
    steps: &[Step { number: 1, sql: include_str!("../../migrations/0001_status_detection.sql") }],
};

const LOCK: &str = "UPDATE status_detection_head SET revision = revision + 1 WHERE id = 1";

const NOTES: &str = "\
SELECT name, document FROM status_detection_note WHERE kind = $1 ORDER BY name";

const PUT_NOTE: &str = "\
INSERT INTO status_detection_note (kind, name, at_us, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, name) DO UPDATE SET at_us = excluded.at_us, document = excluded.document";

const NEW_NOTE: &str = "\
INSERT INTO status_detection_note (kind, name, at_us, document) VALUES ($1, $2, $3, '{}')
ON CONFLICT (kind, name) DO NOTHING";

const DROP_NOTE: &str = "DELETE FROM status_detection_note WHERE kind = $1 AND name = $2";

const FORGET_NOTES: &str = "DELETE FROM status_detection_note WHERE kind = $1 AND at_us < $2";

const LIVE: &str = "\
SELECT document FROM status_detection_proposal WHERE live = 1 ORDER BY opened_us, id";

const ALL: &str = "SELECT document FROM status_detection_proposal ORDER BY id";

const LATEST: &str = "\
SELECT document FROM status_detection_proposal ORDER BY opened_us DESC, id DESC LIMIT $1";

const ONE: &str = "SELECT document FROM status_detection_proposal WHERE id = $1";

const PUT: &str = "\
INSERT INTO status_detection_proposal (id, live, opened_us, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET live = excluded.live, document = excluded.document";

const FORGET: &str = "DELETE FROM status_detection_proposal WHERE live = 0 AND opened_us < $1";

const READ: &str = "read the proposals";
const WRITE: &str = "write the proposals";

/// What a note is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A measure.
    Measure,
    /// A heartbeat.
    Beat,
    /// A message that was taken, so that it is not taken again.
    Seen,
    /// A time in which a component was measured to be bad.
    Spell,
    /// Since when a component is watched.
    Watched,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Measure => "measure",
            Self::Beat => "beat",
            Self::Seen => "seen",
            Self::Spell => "spell",
            Self::Watched => "watched",
        }
    }
}

/// Takes the right to write until the commit.
pub(super) async fn lock(transaction: &mut Transaction) -> Result<(), Error> {
    transaction.execute(sqlx::query(LOCK)).await.map(drop)
}

fn documents<T: DeserializeOwned>(rows: &[AnyRow]) -> Result<Vec<T>, Error> {
    rows.iter().map(|row| Columns(row).json("document")).collect()
}

/// All measures.
pub(super) async fn measures(transaction: &mut Transaction) -> Result<Vec<Measure>, Error> {
    documents(&transaction.fetch(sqlx::query(NOTES).bind(Kind::Measure.word())).await?)
}

/// All measures, without writing.
pub(super) async fn measures_read(store: &Store) -> Result<Vec<Measure>, Error> {
    documents(&store.read(READ, sqlx::query(NOTES).bind(Kind::Measure.word())).await?)
}

fn to_beats(rows: &[AnyRow]) -> Result<BTreeMap<String, Beat>, Error> {
    rows.iter().map(Columns).map(|row| Ok((row.text("name")?, row.json("document")?))).collect()
}

/// All heartbeats by name.
pub(super) async fn beats(transaction: &mut Transaction) -> Result<BTreeMap<String, Beat>, Error> {
    to_beats(&transaction.fetch(sqlx::query(NOTES).bind(Kind::Beat.word())).await?)
}

/// All heartbeats by name, without writing.
pub(super) async fn beats_read(store: &Store) -> Result<BTreeMap<String, Beat>, Error> {
    to_beats(&store.read(READ, sqlx::query(NOTES).bind(Kind::Beat.word())).await?)
}

/// All spells.
pub(super) async fn spells(transaction: &mut Transaction) -> Result<Vec<Spell>, Error> {
    documents(&transaction.fetch(sqlx::query(NOTES).bind(Kind::Spell.word())).await?)
}

/// All spells, without writing.
pub(super) async fn spells_read(store: &Store) -> Result<Vec<Spell>, Error> {
    documents(&store.read(READ, sqlx::query(NOTES).bind(Kind::Spell.word())).await?)
}

fn to_watched(rows: &[AnyRow]) -> Result<BTreeMap<ComponentId, Timestamp>, Error> {
    rows.iter().map(Columns).map(|row| Ok((row.parsed("name")?, row.json("document")?))).collect()
}

/// Since when components are watched.
pub(super) async fn watched(
    transaction: &mut Transaction,
) -> Result<BTreeMap<ComponentId, Timestamp>, Error> {
    to_watched(&transaction.fetch(sqlx::query(NOTES).bind(Kind::Watched.word())).await?)
}

/// Since when components are watched, without writing.
pub(super) async fn watched_read(store: &Store) -> Result<BTreeMap<ComponentId, Timestamp>, Error> {
    to_watched(&store.read(READ, sqlx::query(NOTES).bind(Kind::Watched.word())).await?)
}

/// Everything that an archive keeps: all proposals by id, and what was measured.
pub(crate) async fn recall(store: &Store) -> Result<(Vec<Proposal>, History), Error> {
    let mut proposals: Vec<Proposal> = documents(&store.read(READ, sqlx::query(ALL)).await?)?;
    proposals.sort_by_key(|one| one.id);
    let (watched, mut spells) = (watched_read(store).await?, spells_read(store).await?);
    spells.sort_by_key(|one| (one.component, one.from));
    Ok((proposals, History { watched, spells }))
}

/// Puts back what an archive kept.
pub(crate) async fn restore(
    transaction: &mut Transaction,
    proposals: &[Proposal],
    history: &History,
    now: Timestamp,
) -> Result<(), Error> {
    lock(transaction).await?;
    for proposal in proposals {
        put(transaction, proposal).await?;
    }
    for (component, since) in &history.watched {
        note(transaction, Kind::Watched, &component.to_string(), *since, since).await?;
    }
    for spell in &history.spells {
        let at = spell.to.unwrap_or(now);
        note(transaction, Kind::Spell, &spell.name(), at, spell).await?;
    }
    Ok(())
}

/// Writes a note.
pub(super) async fn note<T: Serialize>(
    transaction: &mut Transaction,
    kind: Kind,
    name: &str,
    at: Timestamp,
    document: &T,
) -> Result<(), Error> {
    let query = sqlx::query(PUT_NOTE)
        .bind(kind.word())
        .bind(escaped(name)?)
        .bind(at.as_microsecond())
        .bind(to_json(WRITE, document)?);
    transaction.execute(query).await.map(drop)
}

/// Remembers a message; whether it is new.
pub(super) async fn is_new(
    transaction: &mut Transaction,
    name: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    let query = sqlx::query(NEW_NOTE)
        .bind(Kind::Seen.word())
        .bind(escaped(name)?)
        .bind(at.as_microsecond());
    Ok(transaction.execute(query).await?.rows_affected() > 0)
}

/// Removes a note.
pub(super) async fn drop_note(
    transaction: &mut Transaction,
    kind: Kind,
    name: &str,
) -> Result<(), Error> {
    let query = sqlx::query(DROP_NOTE).bind(kind.word()).bind(escaped(name)?);
    transaction.execute(query).await.map(drop)
}

/// Removes notes from before this time.
pub(super) async fn forget_notes(
    transaction: &mut Transaction,
    kind: Kind,
    before: Timestamp,
) -> Result<(), Error> {
    let query = sqlx::query(FORGET_NOTES).bind(kind.word()).bind(before.as_microsecond());
    transaction.execute(query).await.map(drop)
}

/// Monitors write what they like; the databases have no place for NUL.
fn escaped(name: &str) -> Result<String, Error> {
    if name.contains('\0') { to_json(WRITE, &name) } else { Ok(name.to_owned()) }
}

/// Proposals that go on.
pub(super) async fn live(transaction: &mut Transaction) -> Result<Vec<Proposal>, Error> {
    documents(&transaction.fetch(sqlx::query(LIVE)).await?)
}

/// Proposals that go on, without writing.
pub(super) async fn live_read(store: &Store) -> Result<Vec<Proposal>, Error> {
    documents(&store.read(READ, sqlx::query(LIVE)).await?)
}

/// The newest proposals.
pub(super) async fn latest(store: &Store, limit: u32) -> Result<Vec<Proposal>, Error> {
    documents(&store.read(READ, sqlx::query(LATEST).bind(i64::from(limit))).await?)
}

/// One proposal.
pub(super) async fn one(store: &Store, id: ProposalId) -> Result<Option<Proposal>, Error> {
    let rows = store.read(READ, sqlx::query(ONE).bind(id.to_string())).await?;
    Ok(documents(&rows)?.pop())
}

/// One proposal, within a transaction.
pub(super) async fn one_in(
    transaction: &mut Transaction,
    id: ProposalId,
) -> Result<Option<Proposal>, Error> {
    let rows = transaction.fetch(sqlx::query(ONE).bind(id.to_string())).await?;
    Ok(documents(&rows)?.pop())
}

/// Writes a proposal.
pub(super) async fn put(transaction: &mut Transaction, one: &Proposal) -> Result<(), Error> {
    let query = sqlx::query(PUT)
        .bind(one.id.to_string())
        .bind(i64::from(one.is_live() || one.is_pending))
        .bind(one.opened.as_microsecond())
        .bind(to_json(WRITE, one)?);
    transaction.execute(query).await.map(drop)
}

/// Removes proposals that are over and were opened before this time.
pub(super) async fn forget(transaction: &mut Transaction, before: Timestamp) -> Result<(), Error> {
    transaction.execute(sqlx::query(FORGET).bind(before.as_microsecond())).await.map(drop)
}
