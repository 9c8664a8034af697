//! The SQL of subscribers.

use lotse_core::time::Timestamp;
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, plain, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Query, Store, Transaction};
use uuid::Uuid;

use super::model::{Secret, Settings, State, Subscriber, Way};
use super::refusal;

/// The tables of subscribers, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "status_subscription",
    steps: &[
        Step { number: 1, sql: include_str!("../../migrations/0001_subscription.sql") },
        Step { number: 2, sql: include_str!("../../migrations/0002_subscription.sql") },
    ],
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, way, target, settings, state, secret, created_us, asked_us ",
            "FROM status_subscription_subscriber ",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");
const BY_WAY: &str = select!("WHERE way = $1 AND target = $2");
const ALL: &str = select!("ORDER BY created_us, id");
/// Those whose server has refused too often ([`super::refusal::MOST`]) are left out.
const ACTIVE: &str = select!(
    "WHERE state = 'active' AND id NOT IN (\
     SELECT subscriber FROM status_subscription_refusal WHERE times >= $1) ORDER BY created_us, id"
);

/// Two may ask for the same address at once; one of them is enough.
const INSERT: &str = "\
INSERT INTO status_subscription_subscriber
  (id, way, target, settings, state, secret, created_us, asked_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (way, target) DO NOTHING";

const PUT: &str = "\
INSERT INTO status_subscription_subscriber
  (id, way, target, settings, state, secret, created_us, asked_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET
  settings = excluded.settings, state = excluded.state, asked_us = excluded.asked_us";

const REMOVE: &str = "DELETE FROM status_subscription_subscriber WHERE id = $1";

const FORGET: &str = "\
DELETE FROM status_subscription_subscriber WHERE state = 'pending' AND asked_us < $1";

const READ: &str = "read the subscribers";
const WRITE: &str = "write a subscriber";

/// The subscriber of this id.
pub async fn get(store: &Store, id: Uuid) -> Result<Option<Subscriber>, Error> {
    let rows = store.read(READ, sqlx::query(BY_ID).bind(id.to_string())).await?;
    rows.first().map(to_subscriber).transpose()
}

/// The same within a transaction.
pub(crate) async fn get_in(
    transaction: &mut Transaction,
    id: Uuid,
) -> Result<Option<Subscriber>, Error> {
    let rows = transaction.fetch(sqlx::query(BY_ID).bind(id.to_string())).await?;
    rows.first().map(to_subscriber).transpose()
}

/// Who is reached in this way.
pub(crate) async fn find_in(
    transaction: &mut Transaction,
    way: &Way,
) -> Result<Option<Subscriber>, Error> {
    let query = sqlx::query(BY_WAY).bind(way.word()).bind(plain(READ, way.target())?);
    transaction.fetch(query).await?.first().map(to_subscriber).transpose()
}

/// Everybody, in the order in which they came.
pub(crate) async fn all(store: &Store) -> Result<Vec<Subscriber>, Error> {
    let rows = store.read(READ, sqlx::query(ALL)).await?;
    rows.iter().map(to_subscriber).collect()
}

/// Everybody who is told, within a transaction.
pub(crate) async fn active_in(transaction: &mut Transaction) -> Result<Vec<Subscriber>, Error> {
    let rows = transaction.fetch(sqlx::query(ACTIVE).bind(refusal::MOST)).await?;
    rows.iter().map(to_subscriber).collect()
}

/// Writes a new subscriber down. Whether there was none that is reached in the same way.
pub(crate) async fn insert(transaction: &mut Transaction, one: &Subscriber) -> Result<bool, Error> {
    let query = bound(INSERT, one)?;
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Writes down what has become of a subscriber.
pub(crate) async fn put(transaction: &mut Transaction, one: &Subscriber) -> Result<(), Error> {
    let query = bound(PUT, one)?;
    transaction.execute(query).await.map(drop)
}

fn bound(statement: &'static str, one: &Subscriber) -> Result<Query<'static>, Error> {
    Ok(sqlx::query(statement)
        .bind(one.id.to_string())
        .bind(one.way.word())
        .bind(plain(WRITE, one.way.target())?)
        .bind(to_json(WRITE, &one.settings)?)
        .bind(one.state.word())
        .bind(one.secret.expose().to_owned())
        .bind(one.created.as_microsecond())
        .bind(one.asked.as_microsecond()))
}

/// Forgets a subscriber. Whether there was one.
pub(crate) async fn remove(transaction: &mut Transaction, id: Uuid) -> Result<bool, Error> {
    refusal::forgive_in(transaction, id).await?;
    let query = sqlx::query(REMOVE).bind(id.to_string());
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// Forgets who was asked before this time and has not said yes. How many there were.
pub(crate) async fn forget_pending(store: &Store, before: Timestamp) -> Result<u64, Error> {
    let query = sqlx::query(FORGET).bind(before.as_microsecond());
    Ok(store.execute("forget subscribers", query).await?.rows_affected())
}

fn to_subscriber(row: &AnyRow) -> Result<Subscriber, Error> {
    let row = Columns(row);
    let target = row.text("target")?;
    let unusable = |reason: String| Error::Stored { column: "target", reason };
    let way = match row.text("way")?.as_str() {
        "mail" => Way::Mail(target),
        "webhook" => {
            // The error of the parser could repeat a part of the address, which is a secret.
            let url = target.parse().map_err(|_| unusable("it is no address".to_owned()))?;
            Way::Webhook(url)
        }
        "channel" => Way::Channel(target),
        other => return Err(unusable(format!("{other:?} is no way to somebody"))),
    };
    Ok(Subscriber {
        id: row.parsed("id")?,
        way,
        settings: row.json::<Settings>("settings")?,
        state: row.parsed::<State>("state")?,
        secret: Secret::of_text(row.text("secret")?),
        created: row.time("created_us")?,
        asked: row.time("asked_us")?,
    })
}
