//! Who is signed in, so that all instances and the next start know it.
//!
//! A session is found by the SHA-256 of the secret in the browser's cookie; whoever reads the
//! database cannot sign in with what stands there. Whether a session is still good (idle time, end)
//! is decided by the one who reads it; what is past its end is removed by [`Store::session_prune`].

use lotse_core::time::Timestamp;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, plain, to_json};
use crate::store::Store;

const BEGIN: &str = "\
INSERT INTO session (hash, subject, name, roles, created_us, seen_us, until_us)
VALUES ($1, $2, $3, $4, $5, $5, $6)";

const FIND: &str = "\
SELECT hash, subject, name, roles, created_us, seen_us, until_us FROM session WHERE hash = $1";

/// Two requests at once must not move the instant back.
const SEEN: &str = "UPDATE session SET seen_us = $2 WHERE hash = $1 AND seen_us < $2";

const END: &str = "DELETE FROM session WHERE hash = $1";

const END_ALL: &str = "DELETE FROM session WHERE subject = $1";

const PRUNE: &str = "DELETE FROM session WHERE until_us <= $1";

/// One person in one browser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionRecord {
    /// SHA-256 of the secret in the cookie, 64 hexadecimal digits.
    pub hash: String,
    /// Who, the same at every sign-in.
    pub subject: String,
    /// Who, for people.
    pub name: String,
    /// The roles granted at sign-in.
    pub roles: Vec<String>,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to the minute or so.
    pub seen: Timestamp,
    /// When it ends at the latest.
    pub until: Timestamp,
}

impl Store {
    /// Keeps a new session; its `seen` is its beginning.
    pub async fn session_begin(&self, session: &SessionRecord) -> Result<(), Error> {
        const OPERATION: &str = "begin a session";
        let query = sqlx::query(BEGIN)
            .bind(plain(OPERATION, &session.hash)?)
            .bind(plain(OPERATION, &session.subject)?)
            .bind(plain(OPERATION, &session.name)?)
            .bind(to_json(OPERATION, &session.roles)?)
            .bind(session.created.as_microsecond())
            .bind(session.until.as_microsecond());
        self.execute(OPERATION, query).await.map(drop)
    }

    /// The session with this hash, expired or not.
    pub async fn session_find(&self, hash: &str) -> Result<Option<SessionRecord>, Error> {
        let query = sqlx::query(FIND).bind(hash.to_owned());
        let rows = self.read("look for a session", query).await?;
        rows.first().map(to_session).transpose()
    }

    /// Notes that a session was used.
    pub async fn session_seen(&self, hash: &str, now: Timestamp) -> Result<(), Error> {
        let query = sqlx::query(SEEN).bind(hash.to_owned()).bind(now.as_microsecond());
        self.execute("note that a session was used", query).await.map(drop)
    }

    /// Ends a session everywhere; says whether there was one.
    pub async fn session_end(&self, hash: &str) -> Result<bool, Error> {
        let query = sqlx::query(END).bind(hash.to_owned());
        Ok(self.execute("end a session", query).await?.rows_affected() > 0)
    }

    /// Ends all sessions of somebody; says how many there were.
    pub async fn session_end_all(&self, subject: &str) -> Result<u64, Error> {
        let query = sqlx::query(END_ALL).bind(subject.to_owned());
        Ok(self.execute("end the sessions of a person", query).await?.rows_affected())
    }

    /// Removes the sessions that have reached their end.
    pub async fn session_prune(&self, now: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(now.as_microsecond());
        Ok(self.execute("remove old sessions", query).await?.rows_affected())
    }
}

fn to_session(row: &AnyRow) -> Result<SessionRecord, Error> {
    let row = Columns(row);
    Ok(SessionRecord {
        hash: row.text("hash")?,
        subject: row.text("subject")?,
        name: row.text("name")?,
        roles: row.json("roles")?,
        created: row.time("created_us")?,
        seen: row.time("seen_us")?,
        until: row.time("until_us")?,
    })
}
