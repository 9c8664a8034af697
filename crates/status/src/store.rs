//! The SQL of the status page: facts to rows and back.
//!
//! A row per object, its content as JSON. The row of `status_head` is the lock under which all
//! instances write, and its number says whether what an instance has in memory is still true.

use lotse_core::id::IncidentId;
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, revision_of, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Query, Store, Transaction};

use crate::book::{Book, Fact};
use crate::extra::{Extra, ExtraKey};
use crate::model::Band;

/// The tables of the status page, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "status",
    steps: &[Step { number: 1, sql: include_str!("../migrations/0001_status.sql") }],
};

const ADVANCE: &str =
    "UPDATE status_head SET revision = revision + 1 WHERE id = 1 RETURNING revision";

const REVISION: &str = "SELECT revision FROM status_head WHERE id = 1";

/// Incidents come before their updates.
const ALL: &str = "SELECT kind, name, document FROM status_record ORDER BY kind, name";

const PUT: &str = "\
INSERT INTO status_record (kind, name, document) VALUES ($1, $2, $3)
ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document";

const DELETE: &str = "DELETE FROM status_record WHERE kind = $1 AND name = $2";

/// The updates of an incident: their names begin with its id (36 characters) and a slash.
const DELETE_UPDATES: &str =
    "DELETE FROM status_record WHERE kind = 'update' AND substr(name, 1, 37) = $1";

const READ: &str = "read the status page";
const WRITE: &str = "write the status page";

/// Takes the right to write until the commit; the number that the commit will publish.
pub(crate) async fn advance(transaction: &mut Transaction) -> Result<i64, Error> {
    revision_of("status_head", &transaction.fetch(sqlx::query(ADVANCE)).await?)
}

/// The number of the newest commit.
pub(crate) async fn revision(store: &Store) -> Result<i64, Error> {
    revision_of("status_head", &store.read(READ, sqlx::query(REVISION)).await?)
}

/// Everything, as it was at the returned revision or later.
pub(crate) async fn load(store: &Store) -> Result<(i64, Book), Error> {
    // What is read may be newer than the number: the next look then reads again, and that is all.
    let revision = revision(store).await?;
    let mut book = Book::default();
    let take = |row: &AnyRow| {
        book.apply(&to_fact(Columns(row))?);
        Ok(())
    };
    store.read_each(READ, sqlx::query(ALL), take).await?;
    Ok((revision, book))
}

/// Everything, within a transaction that has the right to write.
pub(crate) async fn load_in(transaction: &mut Transaction) -> Result<Book, Error> {
    to_book(&transaction.fetch(sqlx::query(ALL)).await?)
}

/// Writes a fact down.
pub(crate) async fn write(transaction: &mut Transaction, fact: &Fact) -> Result<(), Error> {
    for query in queries(fact)? {
        transaction.execute(query).await?;
    }
    Ok(())
}

fn queries(fact: &Fact) -> Result<Vec<Query<'static>>, Error> {
    Ok(vec![match fact {
        Fact::Component(one) => put("component", one.id.to_string(), one)?,
        Fact::ComponentGone(id) => delete("component", id.to_string()),
        Fact::Incident(one) => put("incident", one.id.to_string(), one)?,
        Fact::IncidentGone(id) => {
            let updates = sqlx::query(DELETE_UPDATES).bind(format!("{id}/"));
            return Ok(vec![delete("incident", id.to_string()), updates]);
        }
        Fact::Update(id, update) => put("update", update_name(*id, update.order), update)?,
        Fact::UpdateGone(id, order) => delete("update", update_name(*id, *order)),
        Fact::ImpactType(one) => put("impact-type", one.id.to_string(), one)?,
        Fact::ImpactTypeGone(id) => delete("impact-type", id.to_string()),
        Fact::Band(band) => put("severity", band_name(&band.name)?, band)?,
        Fact::BandGone(name) => delete("severity", band_name(name)?),
        Fact::Extra(extra) => {
            let key = extra.key();
            match extra {
                Extra::Template(one) => put(key.kind(), key.name(), one)?,
                Extra::Schedule(one) => put(key.kind(), key.name(), one)?,
                Extra::Audience(one) => put(key.kind(), key.name(), one)?,
                Extra::Upstream(one) => put(key.kind(), key.name(), one)?,
            }
        }
        Fact::Closed(one) => put("closed", one.month.clone(), one)?,
        Fact::ExtraGone(key) => delete(key.kind(), ExtraKey::name(key)),
        Fact::Phases(generation, names) => put("phases", format!("{generation:010}"), names)?,
    }])
}

fn update_name(incident: IncidentId, order: u32) -> String {
    format!("{incident}/{order:010}")
}

/// Names of severities are anything people write; as JSON they have no characters that a database
/// cannot keep.
fn band_name(name: &str) -> Result<String, Error> {
    to_json(WRITE, &name)
}

fn put<T: serde::Serialize>(
    kind: &'static str,
    name: String,
    document: &T,
) -> Result<Query<'static>, Error> {
    Ok(sqlx::query(PUT).bind(kind).bind(name).bind(to_json(WRITE, document)?))
}

fn delete(kind: &'static str, name: String) -> Query<'static> {
    sqlx::query(DELETE).bind(kind).bind(name)
}

fn to_book(rows: &[AnyRow]) -> Result<Book, Error> {
    let mut book = Book::default();
    for row in rows {
        book.apply(&to_fact(Columns(row))?);
    }
    Ok(book)
}

fn to_fact(row: Columns<'_>) -> Result<Fact, Error> {
    let name = row.text("name")?;
    let unusable = |reason: String| Error::Stored { column: "name", reason };
    Ok(match row.text("kind")?.as_str() {
        "component" => Fact::Component(row.json("document")?),
        "incident" => Fact::Incident(row.json("document")?),
        "update" => {
            let (id, _) = name.split_once('/').unwrap_or((&name, ""));
            let id = id.parse().map_err(|error| unusable(format!("{error}")))?;
            Fact::Update(id, row.json("document")?)
        }
        "impact-type" => Fact::ImpactType(row.json("document")?),
        "severity" => Fact::Band(row.json::<Band>("document")?),
        "phases" => {
            let generation = name.parse().map_err(|error| unusable(format!("{error}")))?;
            Fact::Phases(generation, row.json("document")?)
        }
        "closed" => Fact::Closed(row.json("document")?),
        "template" => Fact::Extra(Extra::Template(row.json("document")?)),
        "schedule" => Fact::Extra(Extra::Schedule(row.json("document")?)),
        "audience" => Fact::Extra(Extra::Audience(row.json("document")?)),
        "upstream" => Fact::Extra(Extra::Upstream(row.json("document")?)),
        other => {
            let reason = format!("{other:?} is not known");
            return Err(Error::Stored { column: "kind", reason });
        }
    })
}
