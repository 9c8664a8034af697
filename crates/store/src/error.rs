//! What can go wrong with the state, named after what it means for the one who has to react.
//!
//! Both engines report hundreds of codes. [`Error::from_sqlx`] sorts them into the few answers a
//! person can give: make room, fix permissions, wait, bring the database back, restore a backup.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};

use crate::audit::Damage;

/// The state could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the state is not understood.
    #[error("the address of the state is not usable: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The state directory or a file in it cannot be made or read.
    #[error("cannot use {path} for the state")]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another daemon works with this state.
    #[error("another instance ({holder}) is using {database}")]
    InstanceRunning {
        /// The state.
        database: String,
        /// Where it runs, as it described itself.
        holder: String,
    },
    /// A file that would be made is there already.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no state, or nothing in it yet.
    #[error("there is no state at {path}")]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// What is asked for is the work of the database server's own tools.
    #[error("{database} is a database of PostgreSQL, which has tools of its own for copies")]
    Shared {
        /// The state.
        database: String,
    },
    /// The database was written by a newer version.
    #[error(
        "{database} was written by a newer version: it has step {found} of \"{part}\", this version knows {known}"
    )]
    TooNew {
        /// The state.
        database: String,
        /// The part of the schema.
        part: String,
        /// The newest step in the database.
        found: i64,
        /// The newest step this program knows.
        known: i64,
    },
    /// The database is in use for something else.
    #[error("{database} has tables of another program")]
    NotOurs {
        /// The state.
        database: String,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring {database} up to date: step {step} of \"{part}\" failed")]
    Migration {
        /// The state.
        database: String,
        /// The part of the schema.
        part: String,
        /// The number of the step.
        step: i64,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// No room is left where the state is kept.
    #[error("cannot {operation}: no space is left for {database}")]
    DiskFull {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The state may not be written.
    #[error("cannot {operation}: this user cannot write {database}")]
    ReadOnly {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// Something else holds a lock for too long.
    #[error("cannot {operation}: {database} is locked by another process")]
    Locked {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The file is something else.
    #[error("{database} is not a database")]
    NotADatabase {
        /// The state.
        database: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The file is damaged.
    #[error("cannot {operation}: {database} is damaged")]
    Damaged {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The database server does not answer, or the connection broke.
    #[error("cannot {operation}: no connection to {database}")]
    Unreachable {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The database server knows neither the user nor the database, or refuses the password.
    #[error("{database} refuses the sign-in")]
    SignIn {
        /// The state.
        database: String,
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// The database did not answer in time.
    #[error("cannot {operation}: {database} did not answer within {waited:?}")]
    Slow {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// How long we waited.
        waited: Duration,
    },
    /// The database refused for a reason of its own.
    #[error("cannot {operation} in {database}")]
    Query {
        /// What was attempted.
        operation: &'static str,
        /// The state.
        database: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The audit log was tampered with.
    #[error("the audit log in {database} is broken: entry {seq} {damage}")]
    AuditBroken {
        /// The state.
        database: String,
        /// The first entry that is not as it was written.
        seq: i64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A stored value is not what we would have written.
    #[error("the stored {column} is not usable: {reason}")]
    Stored {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that the database cannot keep.
    #[error("cannot {operation}: {reason}")]
    Refused {
        /// What was attempted.
        operation: &'static str,
        /// Why it cannot be kept.
        reason: String,
    },
}

impl Error {
    /// The first error of this crate among `error` and its sources, if there is one: the kind and
    /// the hints of a failed journal or lease are found this way.
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Sorts what the driver reports. `operation` completes the sentence "cannot …".
    pub(crate) fn from_sqlx(database: &str, operation: &'static str, source: sqlx::Error) -> Self {
        let database = database.to_owned();
        match meaning(&source) {
            Meaning::DiskFull => Self::DiskFull { operation, database, source },
            Meaning::ReadOnly => Self::ReadOnly { operation, database, source },
            Meaning::Locked => Self::Locked { operation, database, source },
            Meaning::NotADatabase => Self::NotADatabase { database, source },
            Meaning::Damaged => Self::Damaged { operation, database, source },
            Meaning::Unreachable => Self::Unreachable { operation, database, source },
            Meaning::SignIn => Self::SignIn { database, source },
            Meaning::Other => Self::Query { operation, database, source },
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Meaning {
    DiskFull,
    ReadOnly,
    Locked,
    NotADatabase,
    Damaged,
    Unreachable,
    SignIn,
    Other,
}

fn meaning(error: &sqlx::Error) -> Meaning {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // SQLSTATE has five characters; the codes of SQLite are numbers of at most four digits.
            match code.parse::<i32>() {
                Ok(number) if code.len() < 5 => sqlite_meaning(number),
                _ => postgres_meaning(&code),
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Meaning::Unreachable,
        _ => Meaning::Other,
    }
}

/// Extended result codes, <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
const fn sqlite_meaning(code: i32) -> Meaning {
    match (code & 0xff, code) {
        // SQLITE_FULL; SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE, which is what a file size limit,
        // a quota and some file systems answer instead of "no space".
        (13, _) | (_, 778 | 4874) => Meaning::DiskFull,
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN: the files beside the database count, too.
        (3 | 8 | 14, _) => Meaning::ReadOnly,
        (5 | 6, _) => Meaning::Locked,
        (11, _) => Meaning::Damaged,
        (26, _) => Meaning::NotADatabase,
        _ => Meaning::Other,
    }
}

/// SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres_meaning(code: &str) -> Meaning {
    match code {
        "53100" => Meaning::DiskFull,
        // No transaction may write (a standby); this user may not.
        "25006" | "42501" => Meaning::ReadOnly,
        "55P03" | "40P01" | "40001" => Meaning::Locked,
        // Shutting down, starting up, too many clients, session ended by the server.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25P03" => Meaning::Unreachable,
        "3D000" => Meaning::SignIn,
        _ if code.starts_with("08") => Meaning::Unreachable,
        _ if code.starts_with("28") => Meaning::SignIn,
        _ if code.starts_with("XX0") => Meaning::Damaged,
        _ => Meaning::Other,
    }
}

impl Explain for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Url { .. } | Self::SignIn { .. } | Self::NotOurs { .. } => {
                ErrorKind::Configuration
            }
            Self::InstanceRunning { .. } | Self::Locked { .. } => ErrorKind::Busy,
            Self::Exists { .. } => ErrorKind::Conflict,
            Self::Absent { .. } => ErrorKind::NotFound,
            Self::Shared { .. } => ErrorKind::Unsupported,
            Self::Damaged { .. }
            | Self::NotADatabase { .. }
            | Self::AuditBroken { .. }
            | Self::Stored { .. } => ErrorKind::Integrity,
            Self::Refused { .. } => ErrorKind::InvalidInput,
            Self::Slow { .. } => ErrorKind::Timeout,
            _ => ErrorKind::Storage,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Url { .. } => {
                "write sqlite:PATH for a file or postgres://USER@HOST/DATABASE for a server"
            }
            Self::Directory { .. } => {
                "name a state directory that this user may write to, or change its owner"
            }
            Self::InstanceRunning { .. } => {
                "stop the other instance, give this one a state directory of its own, or use PostgreSQL to run several"
            }
            Self::Exists { .. } => {
                "nothing is overwritten: name another file, or move this one away first"
            }
            Self::Absent { .. } => "check the path, and as which user the state is kept",
            Self::Shared { .. } => {
                "copy it with `pg_dump --format=custom --file=FILE DATABASE`, go back with `pg_restore --clean --if-exists --dbname=DATABASE FILE`"
            }
            Self::TooNew { .. } => {
                "run the newer version again, or restore the backup made before the upgrade"
            }
            Self::NotOurs { .. } => {
                "give the state a file or a database of its own; nothing was changed"
            }
            Self::Migration { .. } => {
                "nothing was changed; fix the cause and start again, or go back to the previous version"
            }
            Self::DiskFull { .. } => {
                "free some space there (see df and quotas) and run again; what was acknowledged before is safe"
            }
            Self::ReadOnly { .. } => {
                "let this user write to the database and its directory, and check that neither is mounted read-only"
            }
            Self::Locked { .. } => {
                "wait for the other process (a backup, a shell on the database) to end, then run again"
            }
            Self::NotADatabase { .. } => {
                "name another path for the state, or move this file away; it was not touched"
            }
            Self::Damaged { .. } => {
                "stop writing to it, check the disk, and restore the last backup"
            }
            Self::Unreachable { .. } => {
                "check that the database server runs and can be reached; work goes on by itself once it answers"
            }
            Self::SignIn { .. } => {
                "check user, password and database name in the address of the state"
            }
            Self::AuditBroken { .. } => {
                "somebody changed the database beside Lotse: compare it with a backup before trusting what the log says"
            }
            Self::Slow { .. } => "look at the load of the database and its disk, then run again",
            Self::Query { .. } | Self::Stored { .. } | Self::Refused { .. } => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_engines_mean_what_people_can_act_on() {
        assert_eq!(sqlite_meaning(13), Meaning::DiskFull);
        assert_eq!(sqlite_meaning(778), Meaning::DiskFull);
        assert_eq!(sqlite_meaning(266), Meaning::Other); // a read that failed is not a full disk
        assert_eq!(sqlite_meaning(1544), Meaning::ReadOnly);
        assert_eq!(sqlite_meaning(517), Meaning::Locked);
        assert_eq!(sqlite_meaning(779), Meaning::Damaged);
        assert_eq!(postgres_meaning("53100"), Meaning::DiskFull);
        assert_eq!(postgres_meaning("57P01"), Meaning::Unreachable);
        assert_eq!(postgres_meaning("08006"), Meaning::Unreachable);
        assert_eq!(postgres_meaning("28P01"), Meaning::SignIn);
        assert_eq!(postgres_meaning("23505"), Meaning::Other);
    }

    #[test]
    fn the_cause_is_found_below_other_errors() {
        let cause = Error::Url { reason: "r".to_owned() };
        let wrapped =
            lotse_core::journal::JournalError { operation: "written", source: cause.into() };
        assert_eq!(Error::find(&wrapped).unwrap().kind(), ErrorKind::Configuration);
        assert!(Error::find(&std::fmt::Error).is_none());
    }
}
