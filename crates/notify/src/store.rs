//! The SQL of deliveries.

use lotse_core::id::DeliveryId;
use lotse_core::time::Timestamp;
use lotse_store::migrate::{Part, Step};
use lotse_store::row::{Columns, plain, to_json};
use lotse_store::sqlx::{self, any::AnyRow};
use lotse_store::{Error, Store, Transaction};

use crate::model::{Delivery, Item, State};
use crate::route::Newest;

/// The tables of notifications, for [`lotse_store::StoreOptions::parts`].
pub const PART: Part = Part {
    name: "notify",
    steps: &[
        Step { number: 1, sql: include_str!("../migrations/0001_notify.sql") },
        Step { number: 2, sql: include_str!("../migrations/0002_pause.sql") },
    ],
};

const INSERT: &str = "\
INSERT INTO notify_delivery (id, channel, recipient, repeats, items, omitted, state, attempts,
  created_us, opened_us, due_us)
VALUES ($1, $2, $3, $4, $5, 0, 'waiting', 0, $6, $7, $7)
ON CONFLICT (id) DO NOTHING";

const NEWEST: &str = "\
SELECT id, opened_us, CASE WHEN state = 'waiting' AND attempts = 0 THEN 1 ELSE 0 END AS untouched
FROM notify_delivery WHERE channel = $1 AND recipient = $2 AND repeats = $3
ORDER BY opened_us DESC, id DESC LIMIT 1";

/// All columns in one place, so that every question gives whole deliveries.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, channel, recipient, repeats, items, omitted, state, attempts, ",
            "created_us, opened_us, due_us, ended_us, said FROM notify_delivery ",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");

const NEWEST_OF_STATE: &str = select!(
    "WHERE state = $1 AND (created_us < $2 OR (created_us = $2 AND id < $3)) \
     ORDER BY created_us DESC, id DESC LIMIT $4"
);

const JOIN: &str = "\
UPDATE notify_delivery SET items = $2, omitted = $3
WHERE id = $1 AND state = 'waiting' AND attempts = 0";

const DUE: &str = "\
SELECT id, channel, attempts FROM notify_delivery
WHERE state = 'waiting' AND due_us <= $1 ORDER BY due_us, id LIMIT $2";

const NEXT_DUE: &str = "SELECT MIN(due_us) AS due_us FROM notify_delivery WHERE state = 'waiting'";

/// The number of attempts is the fence: who counts it up has the delivery until `due_us`.
const CLAIM: &str = "\
UPDATE notify_delivery SET attempts = attempts + 1, due_us = $3
WHERE id = $1 AND attempts = $2 AND state = 'waiting' AND due_us <= $4";

const END: &str = "\
UPDATE notify_delivery SET state = $3, ended_us = $4, said = $5
WHERE id = $1 AND attempts = $2 AND state = 'waiting'";

const LATER: &str = "\
UPDATE notify_delivery SET due_us = $3, said = $4
WHERE id = $1 AND attempts = $2 AND state = 'waiting'";

const PAUSE: &str = "\
INSERT INTO notify_pause (channel, target, until_us) VALUES ($1, $2, $3)
ON CONFLICT (channel) DO UPDATE SET target = excluded.target, until_us = excluded.until_us";

const PAUSED: &str = "\
SELECT channel, until_us FROM notify_pause WHERE channel = $1 AND target = $2 AND until_us > $3";

/// A delivery that is claimed elsewhere only gets a longer claim by it.
const HOLD: &str = "\
UPDATE notify_delivery SET due_us = $2
WHERE channel = $1 AND state = 'waiting' AND due_us < $2";

const DEAD_OF_CHANNEL: &str = "\
UPDATE notify_delivery SET state = 'dead', ended_us = $2, said = $3
WHERE channel = $1 AND state = 'waiting' AND due_us <= $2";

const REVIVE: &str = "\
UPDATE notify_delivery SET state = 'waiting', attempts = 0, opened_us = $2, due_us = $2,
  ended_us = NULL
WHERE id = $1 AND state = 'dead'";

const COUNTS: &str = "SELECT state, COUNT(*) AS number FROM notify_delivery GROUP BY state";

const PRUNE: &str = "DELETE FROM notify_delivery WHERE state = $1 AND ended_us < $2";

const DISABLE: &str = "\
INSERT INTO notify_channel (name, target, disabled_us, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET target = excluded.target, disabled_us = excluded.disabled_us,
  reason = excluded.reason";

const ENABLE: &str = "DELETE FROM notify_channel WHERE name = $1";

const DISABLED: &str = "SELECT name, target, disabled_us, reason FROM notify_channel ORDER BY name";

const READ: &str = "read the notifications";

/// A delivery to be written.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) channel: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) repeats: &'a str,
    pub(crate) items: &'a [Item],
    pub(crate) created: Timestamp,
    pub(crate) opened: Timestamp,
}

/// Writes a delivery, unless it is there already.
pub(crate) async fn insert(transaction: &mut Transaction, new: &New<'_>) -> Result<bool, Error> {
    const OPERATION: &str = "record a notification";
    let query = sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(plain(OPERATION, new.channel)?)
        .bind(plain(OPERATION, new.recipient)?)
        .bind(plain(OPERATION, new.repeats)?)
        .bind(to_json(OPERATION, &new.items)?)
        .bind(new.created.as_microsecond())
        .bind(new.opened.as_microsecond());
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// The newest delivery of this repetition.
pub(crate) async fn newest(
    transaction: &mut Transaction,
    channel: &str,
    recipient: &str,
    repeats: &str,
) -> Result<Option<Newest>, Error> {
    let query = sqlx::query(NEWEST)
        .bind(channel.to_owned())
        .bind(recipient.to_owned())
        .bind(repeats.to_owned());
    let rows = transaction.fetch(query).await?;
    let newest = |row| {
        let row = Columns(row);
        Ok(Newest {
            id: row.parsed("id")?,
            opened: row.time("opened_us")?,
            untouched: row.integer("untouched")? == 1,
        })
    };
    rows.first().map(newest).transpose()
}

/// The delivery within the transaction.
pub(crate) async fn find(
    transaction: &mut Transaction,
    id: DeliveryId,
) -> Result<Option<Delivery>, Error> {
    let rows = transaction.fetch(sqlx::query(BY_ID).bind(id.to_string())).await?;
    rows.first().map(to_delivery).transpose()
}

/// Replaces what a delivery says. Says whether nobody had begun to send it.
pub(crate) async fn join(
    transaction: &mut Transaction,
    id: DeliveryId,
    items: &[Item],
    omitted: u32,
) -> Result<bool, Error> {
    let query = sqlx::query(JOIN)
        .bind(id.to_string())
        .bind(to_json("record a notification", &items)?)
        .bind(i64::from(omitted));
    Ok(transaction.execute(query).await?.rows_affected() == 1)
}

/// One delivery.
pub(crate) async fn get(store: &Store, id: &str) -> Result<Option<Delivery>, Error> {
    let rows = store.read(READ, sqlx::query(BY_ID).bind(id.to_owned())).await?;
    rows.first().map(to_delivery).transpose()
}

/// At most `limit` deliveries of a state, newest first, after the last one of the page before.
pub(crate) async fn list(
    store: &Store,
    state: State,
    after: Option<(Timestamp, DeliveryId)>,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    let (created, id) = after.map_or((i64::MAX, String::new()), |(created, id)| {
        (created.as_microsecond(), id.to_string())
    });
    let query = sqlx::query(NEWEST_OF_STATE)
        .bind(state.word())
        .bind(created)
        .bind(id)
        .bind(i64::from(limit));
    store.read("list the notifications", query).await?.iter().map(to_delivery).collect()
}

/// A delivery that may be claimed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Due {
    pub(crate) id: DeliveryId,
    pub(crate) channel: String,
    pub(crate) attempts: u32,
}

/// At most `limit` deliveries whose time has come, the longest due first.
pub(crate) async fn due(store: &Store, now: Timestamp, limit: u32) -> Result<Vec<Due>, Error> {
    let query = sqlx::query(DUE).bind(now.as_microsecond()).bind(i64::from(limit));
    let due = |row| {
        Ok(Due {
            id: Columns(row).parsed("id")?,
            channel: Columns(row).text("channel")?,
            attempts: count(Columns(row), "attempts")?,
        })
    };
    store.read(READ, query).await?.iter().map(due).collect()
}

/// When the next delivery is due, claimed ones included.
pub(crate) async fn next_due(store: &Store) -> Result<Option<Timestamp>, Error> {
    let rows = store.read(READ, sqlx::query(NEXT_DUE)).await?;
    rows.first().map_or(Ok(None), |row| Columns(row).maybe_time("due_us"))
}

/// Claims a delivery until then; none if somebody else was faster.
pub(crate) async fn claim(
    store: &Store,
    due: &Due,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<Delivery>, Error> {
    let query = sqlx::query(CLAIM)
        .bind(due.id.to_string())
        .bind(i64::from(due.attempts))
        .bind(until.as_microsecond())
        .bind(now.as_microsecond());
    if store.execute("claim a notification", query).await?.rows_affected() == 0 {
        return Ok(None);
    }
    let claimed = get(store, &due.id.to_string()).await?;
    // Whoever claims it after the end of our claim has counted on.
    Ok(claimed.filter(|delivery| delivery.attempts == due.attempts + 1))
}

/// Writes down the end of a claimed delivery. Says whether the claim still held.
pub(crate) async fn end(
    store: &Store,
    delivery: &Delivery,
    state: State,
    now: Timestamp,
    said: &str,
) -> Result<bool, Error> {
    let query = sqlx::query(END)
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .bind(state.word())
        .bind(now.as_microsecond())
        .bind(said.replace('\0', " "));
    Ok(store.execute("record a sent notification", query).await?.rows_affected() == 1)
}

/// Gives a claimed delivery back, to be tried then. Says whether the claim still held.
pub(crate) async fn later(
    store: &Store,
    delivery: &Delivery,
    due: Timestamp,
    said: &str,
) -> Result<bool, Error> {
    let query = sqlx::query(LATER)
        .bind(delivery.id.to_string())
        .bind(i64::from(delivery.attempts))
        .bind(due.as_microsecond())
        .bind(said.replace('\0', " "));
    Ok(store.execute("put off a notification", query).await?.rows_affected() == 1)
}

/// Remembers that the other side of a channel, by its fingerprint, wants nothing until then.
pub(crate) async fn pause(
    store: &Store,
    channel: &str,
    target: &str,
    until: Timestamp,
) -> Result<(), Error> {
    let query = sqlx::query(PAUSE)
        .bind(channel.to_owned())
        .bind(target.to_owned())
        .bind(until.as_microsecond());
    store.execute("pause a channel", query).await.map(drop)
}

/// Until when the other side of a channel wants nothing, if it said so.
pub(crate) async fn paused(
    store: &Store,
    channel: &str,
    target: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let query = sqlx::query(PAUSED)
        .bind(channel.to_owned())
        .bind(target.to_owned())
        .bind(now.as_microsecond());
    let rows = store.read(READ, query).await?;
    rows.first().map(|row| Columns(row).time("until_us")).transpose()
}

/// Lets everything that waits on a channel wait until then.
pub(crate) async fn hold(store: &Store, channel: &str, until: Timestamp) -> Result<(), Error> {
    let query = sqlx::query(HOLD).bind(channel.to_owned()).bind(until.as_microsecond());
    store.execute("hold a channel", query).await.map(drop)
}

/// Gives up everything of a channel that is due now. Returns how much it was.
pub(crate) async fn give_up(
    store: &Store,
    channel: &str,
    now: Timestamp,
    said: &str,
) -> Result<u64, Error> {
    let query = sqlx::query(DEAD_OF_CHANNEL)
        .bind(channel.to_owned())
        .bind(now.as_microsecond())
        .bind(said.replace('\0', " "));
    Ok(store.execute("give up notifications", query).await?.rows_affected())
}

/// Lets a dead letter wait again, from now on. Says whether there was one.
pub(crate) async fn revive(store: &Store, id: &str, now: Timestamp) -> Result<bool, Error> {
    let query = sqlx::query(REVIVE).bind(id.to_owned()).bind(now.as_microsecond());
    Ok(store.execute("send a notification again", query).await?.rows_affected() == 1)
}

/// How many deliveries there are in each state, in the order of [`State::ALL`].
pub(crate) async fn counts(store: &Store) -> Result<[u64; 3], Error> {
    let mut counts = [0; 3];
    for row in store.read("count the notifications", sqlx::query(COUNTS)).await? {
        let row = Columns(&row);
        let state: State = row.parsed("state")?;
        for (known, count) in State::ALL.into_iter().zip(&mut counts) {
            if known == state {
                *count = u64::try_from(row.integer("number")?).unwrap_or_default();
            }
        }
    }
    Ok(counts)
}

/// Forgets deliveries of a state that ended before this time. Returns how many there were.
pub(crate) async fn prune(store: &Store, state: State, before: Timestamp) -> Result<u64, Error> {
    let query = sqlx::query(PRUNE).bind(state.word()).bind(before.as_microsecond());
    Ok(store.execute("prune the notifications", query).await?.rows_affected())
}

/// A channel that nothing is sent on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Disabled {
    pub(crate) name: String,
    /// The fingerprint of where it led then.
    pub(crate) target: String,
    pub(crate) since: Timestamp,
    pub(crate) reason: String,
}

/// Remembers that a channel is disabled.
pub(crate) async fn disable(store: &Store, disabled: &Disabled) -> Result<(), Error> {
    let query = sqlx::query(DISABLE)
        .bind(disabled.name.clone())
        .bind(disabled.target.clone())
        .bind(disabled.since.as_microsecond())
        .bind(disabled.reason.replace('\0', " "));
    store.execute("disable a channel", query).await.map(drop)
}

/// Forgets that a channel was disabled.
pub(crate) async fn enable(store: &Store, name: &str) -> Result<bool, Error> {
    let query = sqlx::query(ENABLE).bind(name.to_owned());
    Ok(store.execute("enable a channel", query).await?.rows_affected() == 1)
}

/// All channels that were disabled.
pub(crate) async fn disabled(store: &Store) -> Result<Vec<Disabled>, Error> {
    let disabled = |row| {
        let row = Columns(row);
        Ok(Disabled {
            name: row.text("name")?,
            target: row.text("target")?,
            since: row.time("disabled_us")?,
            reason: row.text("reason")?,
        })
    };
    let rows = store.read("list the disabled channels", sqlx::query(DISABLED)).await?;
    rows.iter().map(disabled).collect()
}

fn count(row: Columns<'_>, column: &'static str) -> Result<u32, Error> {
    u32::try_from(row.integer(column)?)
        .map_err(|error| Error::Stored { column, reason: error.to_string() })
}

fn to_delivery(row: &AnyRow) -> Result<Delivery, Error> {
    let row = Columns(row);
    Ok(Delivery {
        id: row.parsed("id")?,
        channel: row.text("channel")?,
        recipient: row.text("recipient")?,
        repeats: row.text("repeats")?,
        items: row.json("items")?,
        omitted: count(row, "omitted")?,
        state: row.parsed("state")?,
        attempts: count(row, "attempts")?,
        created: row.time("created_us")?,
        opened: row.time("opened_us")?,
        due: row.time("due_us")?,
        ended: row.maybe_time("ended_us")?,
        said: row.maybe_text("said")?,
    })
}
