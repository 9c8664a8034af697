//! API tokens: what scripts sign in with, known by their SHA-256 only.

use lotse_core::time::Timestamp;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, plain, to_json};
use crate::store::Store;
use crate::transaction::Transaction;

const CREATE: &str = "\
INSERT INTO token (id, hash, name, owner, scopes, created_us, until_us)
VALUES ($1, $2, $3, $4, $5, $6, $7)";

const FIND: &str = "\
SELECT id, name, owner, scopes, created_us, until_us, used_us, revoked_us FROM token WHERE hash = $1";

const SHOW: &str = "\
SELECT id, name, owner, scopes, created_us, until_us, used_us, revoked_us FROM token WHERE id = $1";

/// Newest first: ids are UUIDs of version 7. An empty owner means everybody's.
const LIST: &str = "\
SELECT id, name, owner, scopes, created_us, until_us, used_us, revoked_us FROM token
WHERE ($1 = '' OR owner = $1) AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";

const USED: &str =
    "UPDATE token SET used_us = $2 WHERE id = $1 AND (used_us IS NULL OR used_us < $2)";

/// The first revocation counts.
const REVOKE: &str = "UPDATE token SET revoked_us = $2 WHERE id = $1 AND revoked_us IS NULL";

const PRUNE: &str = "\
DELETE FROM token WHERE until_us < $1 OR (revoked_us IS NOT NULL AND revoked_us < $1)";

/// A token without its secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenRecord {
    /// Its name for programs, a UUID of version 7.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who made it: the subject of a session.
    pub owner: String,
    /// The permissions it carries.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// When it was last used, to the minute or so.
    pub used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Transaction {
    /// Keeps a new token under the hash of its secret.
    pub async fn token_create(&mut self, token: &TokenRecord, hash: &str) -> Result<(), Error> {
        let query = sqlx::query(CREATE)
            .bind(plain(self.operation, &token.id)?)
            .bind(plain(self.operation, hash)?)
            .bind(plain(self.operation, &token.name)?)
            .bind(plain(self.operation, &token.owner)?)
            .bind(to_json(self.operation, &token.scopes)?)
            .bind(token.created.as_microsecond())
            .bind(token.until.as_microsecond());
        self.execute(query).await.map(drop)
    }

    /// Revokes a token; says whether it was good until now.
    pub async fn token_revoke(&mut self, id: &str, now: Timestamp) -> Result<bool, Error> {
        let query = sqlx::query(REVOKE).bind(id.to_owned()).bind(now.as_microsecond());
        Ok(self.execute(query).await?.rows_affected() > 0)
    }
}

impl Store {
    /// The token with this hash, good or not.
    pub async fn token_find(&self, hash: &str) -> Result<Option<TokenRecord>, Error> {
        let query = sqlx::query(FIND).bind(hash.to_owned());
        self.read("look for a token", query).await?.first().map(to_token).transpose()
    }

    /// The token of this id, good or not.
    pub async fn token_show(&self, id: &str) -> Result<Option<TokenRecord>, Error> {
        let query = sqlx::query(SHOW).bind(id.to_owned());
        self.read("read a token", query).await?.first().map(to_token).transpose()
    }

    /// At most `limit` tokens, newest first: of this owner (of everybody without one), older than
    /// the one with the id `before`.
    pub async fn token_list(
        &self,
        owner: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<TokenRecord>, Error> {
        let query = sqlx::query(LIST)
            .bind(owner.unwrap_or_default().to_owned())
            .bind(before.unwrap_or_default().to_owned())
            .bind(i64::from(limit));
        self.read("list the tokens", query).await?.iter().map(to_token).collect()
    }

    /// Notes that a token was used.
    pub async fn token_used(&self, id: &str, now: Timestamp) -> Result<(), Error> {
        let query = sqlx::query(USED).bind(id.to_owned()).bind(now.as_microsecond());
        self.execute("note that a token was used", query).await.map(drop)
    }

    /// Removes the tokens that ended or were revoked before this instant.
    pub async fn token_prune(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(before.as_microsecond());
        Ok(self.execute("remove old tokens", query).await?.rows_affected())
    }
}

fn to_token(row: &AnyRow) -> Result<TokenRecord, Error> {
    let row = Columns(row);
    Ok(TokenRecord {
        id: row.text("id")?,
        name: row.text("name")?,
        owner: row.text("owner")?,
        scopes: row.json("scopes")?,
        created: row.time("created_us")?,
        until: row.time("until_us")?,
        used: row.maybe_time("used_us")?,
        revoked: row.maybe_time("revoked_us")?,
    })
}
