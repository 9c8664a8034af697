//! Who did what: an audit log as a hash chain.
//!
//! Every entry carries the SHA-256 of its own content and of the entry before it, so that nothing
//! can be changed, removed or put in between without [`Store::audit_verify`] finding the place. The
//! number and hash of the last entry stand in a row of their own, so that a missing end is noticed,
//! too. Who can rewrite the whole database can rewrite the whole chain; against that, keep an
//! [`Anchor`] elsewhere from time to time and verify with it.
//!
//! # The hash
//! SHA-256 over, in this order: the 15 bytes `lotse audit v1\n`; the previous hash (32 bytes, zeros
//! for the first entry); the number and the time in microseconds since the epoch (each 8 bytes, big
//! endian, two's complement); then actor, action, object, outcome, request ids and detail, each as
//! its length in bytes (8 bytes, big endian) and its UTF-8 bytes. Request ids and detail are the JSON
//! text as it is stored. Lengths go first so that no two entries have the same bytes.

use lotse_core::time::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, plain, to_json};
use crate::store::{Query, Store};
use crate::transaction::Transaction;

const DOMAIN: &[u8] = b"lotse audit v1\n";

/// The hash before the first entry.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const APPEND: &str = "\
INSERT INTO audit (seq, at_us, actor, action, object, outcome, request_ids, detail, previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const OLDEST: &str = "\
SELECT seq, at_us, actor, action, object, outcome, request_ids, detail, previous_hash, hash
FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";

const NEWEST: &str = "\
SELECT seq, at_us, actor, action, object, outcome, request_ids, detail, previous_hash, hash
FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2";

/// Newest first; an empty word filters nothing. The outcome is compared as it is stored.
const SEARCH: &str = "\
SELECT seq, at_us, actor, action, object, outcome, request_ids, detail, previous_hash, hash
FROM audit
WHERE seq < $1 AND ($2 = '' OR actor = $2) AND ($3 = '' OR object = $3)
  AND ($4 = '' OR substr(action, 1, length($4)) = $4) AND ($5 = '' OR outcome = $5)
ORDER BY seq DESC LIMIT $6";

const END: &str = "\
SELECT audit_seq, audit_hash, (SELECT MAX(seq) FROM audit) AS newest FROM log_end WHERE id = 1";

/// Entries verified per statement.
const PAGE: i64 = 500;

const READ: &str = "read the audit log";

/// How a deed ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeedOutcome {
    /// It was done.
    Done,
    /// It was attempted and failed.
    Failed,
    /// It was not allowed.
    Denied,
}

impl DeedOutcome {
    /// The word it is stored and shown as.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }
}

impl std::str::FromStr for DeedOutcome {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Done, Self::Failed, Self::Denied]
            .into_iter()
            .find(|outcome| outcome.word() == word)
            .ok_or_else(|| format!("{word:?} is no outcome"))
    }
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Deed {
    /// When (kept to the microsecond).
    pub at: Timestamp,
    /// Who: a user, a token, or a task of the daemon.
    pub actor: String,
    /// What, for example `image.update`.
    pub action: String,
    /// On what, for example `sim/image/Debian 13`.
    pub object: String,
    /// How it ended.
    pub outcome: DeedOutcome,
    /// The ids under which the APIs logged the requests that did it.
    pub request_ids: Vec<String>,
    /// More about it; no secrets.
    pub detail: serde_json::Value,
}

/// A deed in the log.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Entry {
    /// Its number, counted from 1 without gaps.
    pub seq: i64,
    /// The deed.
    #[serde(flatten)]
    pub deed: Deed,
    /// Its hash, 64 hexadecimal digits.
    pub hash: String,
}

/// Which entries are looked for; what is not given filters nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditFilter {
    /// By whom, the whole word.
    pub actor: Option<String>,
    /// What, its beginning: `token` finds `token.create`.
    pub action: Option<String>,
    /// On what, the whole word.
    pub object: Option<String>,
    /// How it ended.
    pub outcome: Option<DeedOutcome>,
}

/// An entry as it was at some time, to be kept outside the database.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Anchor {
    /// Number of the entry; 0 for an empty log.
    pub seq: i64,
    /// Its hash, 64 hexadecimal digits.
    pub hash: String,
}

/// What verifying found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Every entry is as it was written.
    Intact {
        /// The last entry.
        end: Anchor,
    },
    /// The log was tampered with.
    Broken {
        /// The first entry that is not as it was written.
        seq: i64,
        /// What is wrong with it.
        damage: Damage,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damage {
    /// It is not there.
    Missing,
    /// Its content does not have its hash.
    Changed,
    /// It does not follow on the entry before it.
    Unlinked,
    /// It is not the entry that was last written, or that the anchor names.
    Replaced,
    /// It is beyond the end of the log.
    Surplus,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Changed => "was changed",
            Self::Unlinked => "does not follow on the entry before it",
            Self::Replaced => "was replaced",
            Self::Surplus => "is beyond the end of the log",
        })
    }
}

impl Transaction {
    /// Adds a deed to the audit log, which is written right before the commit.
    pub fn record(&mut self, deed: Deed) {
        self.deeds.push(deed);
    }
}

impl Store {
    /// Writes one deed to the audit log.
    pub async fn record(&self, deed: Deed) -> Result<(), Error> {
        let mut transaction = self.begin("write the audit log").await?;
        transaction.record(deed);
        transaction.commit().await
    }

    /// At most `limit` entries, newest first, older than the entry numbered `before`.
    pub async fn audit_list(&self, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, Error> {
        let query = sqlx::query(NEWEST).bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit));
        self.read(READ, query).await?.iter().map(|row| to_raw(row)?.into_entry()).collect()
    }

    /// At most `limit` entries that the filter lets through, newest first, older than the entry
    /// numbered `before`.
    pub async fn audit_search(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Entry>, Error> {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        // A NUL is nowhere in the log, and PostgreSQL would refuse the statement.
        let wanted = [word(&filter.actor), word(&filter.object), word(&filter.action)];
        if wanted.iter().any(|word| word.contains('\0')) {
            return Ok(Vec::new());
        }
        let [actor, object, action] = wanted;
        let query = sqlx::query(SEARCH)
            .bind(before.unwrap_or(i64::MAX))
            .bind(actor)
            .bind(object)
            .bind(action)
            .bind(filter.outcome.map_or("", DeedOutcome::word))
            .bind(i64::from(limit));
        self.read(READ, query).await?.iter().map(|row| to_raw(row)?.into_entry()).collect()
    }

    /// The last entry, to be kept elsewhere.
    pub async fn audit_anchor(&self) -> Result<Anchor, Error> {
        Ok(self.audit_end().await?.0)
    }

    /// Looks for the first entry that is not as it was written; with an anchor also whether the
    /// log still has that entry.
    pub async fn audit_verify(&self, anchor: Option<&Anchor>) -> Result<Verdict, Error> {
        let (end, newest) = self.audit_end().await?;
        let mut last = Anchor { seq: 0, hash: GENESIS.to_owned() };
        while last.seq < end.seq {
            let query = sqlx::query(OLDEST).bind(last.seq).bind(end.seq).bind(PAGE);
            let rows = self.read(READ, query).await?;
            if rows.is_empty() {
                return Ok(Verdict::Broken { seq: last.seq + 1, damage: Damage::Missing });
            }
            for row in &rows {
                let entry = to_raw(row)?;
                if let Some((seq, damage)) = entry.damage(&last, anchor) {
                    return Ok(Verdict::Broken { seq, damage });
                }
                last = Anchor { seq: entry.seq, hash: entry.hash };
            }
        }
        let broken = |seq, damage| Ok(Verdict::Broken { seq, damage });
        if last != end {
            return broken(end.seq, Damage::Replaced);
        }
        if newest > end.seq {
            return broken(end.seq + 1, Damage::Surplus);
        }
        match anchor {
            Some(anchor) if anchor.seq > end.seq => broken(end.seq + 1, Damage::Missing),
            _ => Ok(Verdict::Intact { end }),
        }
    }

    /// The end as it is noted, and the highest number there is.
    async fn audit_end(&self) -> Result<(Anchor, i64), Error> {
        let rows = self.read(READ, sqlx::query(END)).await?;
        let row = rows.first().map(Columns).ok_or_else(|| Error::Stored {
            column: "log_end",
            reason: "its row is missing".to_owned(),
        })?;
        let end = Anchor { seq: row.integer("audit_seq")?, hash: row.text("audit_hash")? };
        Ok((end, row.maybe_integer("newest")?.unwrap_or(0)))
    }
}

/// The statement that appends this deed after `last`, and the new end.
pub(crate) fn append(
    operation: &'static str,
    last: &Anchor,
    deed: &Deed,
) -> Result<(Query<'static>, Anchor), Error> {
    let mut entry = Raw {
        seq: last.seq + 1,
        at_us: deed.at.as_microsecond(),
        actor: plain(operation, &deed.actor)?,
        action: plain(operation, &deed.action)?,
        object: plain(operation, &deed.object)?,
        outcome: deed.outcome.word().to_owned(),
        request_ids: to_json(operation, &deed.request_ids)?,
        detail: to_json(operation, &deed.detail)?,
        previous: last.hash.clone(),
        hash: String::new(),
    };
    entry.hash = entry.computed_hash();
    let end = Anchor { seq: entry.seq, hash: entry.hash.clone() };
    let query = sqlx::query(APPEND)
        .bind(entry.seq)
        .bind(entry.at_us)
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.object)
        .bind(entry.outcome)
        .bind(entry.request_ids)
        .bind(entry.detail)
        .bind(entry.previous)
        .bind(entry.hash);
    Ok((query, end))
}

/// An entry with the very text that is stored.
struct Raw {
    seq: i64,
    at_us: i64,
    actor: String,
    action: String,
    object: String,
    outcome: String,
    request_ids: String,
    detail: String,
    previous: String,
    hash: String,
}

impl Raw {
    fn computed_hash(&self) -> String {
        let mut hasher = Sha256::new_with_prefix(DOMAIN);
        // A previous hash that is not one, after tampering, gives a hash that no entry has.
        hasher.update(hex::decode(&self.previous).unwrap_or_default());
        hasher.update(self.seq.to_be_bytes());
        hasher.update(self.at_us.to_be_bytes());
        for text in [
            &self.actor,
            &self.action,
            &self.object,
            &self.outcome,
            &self.request_ids,
            &self.detail,
        ] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        hex::encode(hasher.finalize())
    }

    /// What is wrong with this entry as the one after `last`, and the number it is wrong at.
    fn damage(&self, last: &Anchor, anchor: Option<&Anchor>) -> Option<(i64, Damage)> {
        if self.seq != last.seq + 1 {
            Some((last.seq + 1, Damage::Missing))
        } else if self.previous != last.hash {
            Some((self.seq, Damage::Unlinked))
        } else if self.computed_hash() != self.hash {
            Some((self.seq, Damage::Changed))
        } else if anchor.is_some_and(|anchor| anchor.seq == self.seq && anchor.hash != self.hash) {
            Some((self.seq, Damage::Replaced))
        } else {
            None
        }
    }

    fn into_entry(self) -> Result<Entry, Error> {
        let unusable = |column, reason: String| Error::Stored { column, reason };
        let json = |column, error: serde_json::Error| unusable(column, error.to_string());
        let deed = Deed {
            at: crate::row::to_time("at_us", self.at_us)?,
            actor: self.actor,
            action: self.action,
            object: self.object,
            outcome: self.outcome.parse().map_err(|error| unusable("outcome", error))?,
            request_ids: serde_json::from_str(&self.request_ids)
                .map_err(|error| json("request_ids", error))?,
            detail: serde_json::from_str(&self.detail).map_err(|error| json("detail", error))?,
        };
        Ok(Entry { seq: self.seq, deed, hash: self.hash })
    }
}

fn to_raw(row: &AnyRow) -> Result<Raw, Error> {
    let row = Columns(row);
    Ok(Raw {
        seq: row.integer("seq")?,
        at_us: row.integer("at_us")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        object: row.text("object")?,
        outcome: row.text("outcome")?,
        request_ids: row.text("request_ids")?,
        detail: row.text("detail")?,
        previous: row.text("previous_hash")?,
        hash: row.text("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> Raw {
        Raw {
            seq: 1,
            at_us: -1,
            actor: "ada".to_owned(),
            action: "image.update".to_owned(),
            object: "sim/image/Debian 13".to_owned(),
            outcome: "done".to_owned(),
            request_ids: r#"["req-1"]"#.to_owned(),
            detail: r#"{"b":1,"a":null}"#.to_owned(),
            previous: GENESIS.to_owned(),
            hash: String::new(),
        }
    }

    /// Computed once with Python's hashlib from the description above: the hash must never change,
    /// or logs that were written before no longer verify.
    #[test]
    fn the_hash_is_the_one_described() {
        assert_eq!(
            raw().computed_hash(),
            "9023230a26b51922e642f8d88b4d400bf23467aa0c6f0475e3513f380da36be5"
        );
    }

    #[test]
    fn text_that_moves_from_one_field_to_the_next_changes_the_hash() {
        let moved = Raw { actor: "adai".to_owned(), action: "mage.update".to_owned(), ..raw() };
        assert_ne!(moved.computed_hash(), raw().computed_hash());
    }
}
