//! Bringing the schema up to date.
//!
//! A schema comes in parts: our own, and one per capability that keeps something. Each part has
//! numbered steps, `migrations/NNNN_name.sql`, that are never changed once released. The table
//! `schema_step` says which have been taken. Opening a store takes the missing ones in one
//! transaction under a lock, so that instances that start together take each step once, and a step
//! that fails leaves the database as it was. A database that has steps we do not know is refused.

use sqlx::{AnyConnection, Connection, Row};

use crate::error::Error;
use crate::open::{Engine, Target};

/// One change of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its number within the part, counted from 1 without gaps.
    pub number: i64,
    /// Statements that both engines understand; executing them twice changes nothing.
    pub sql: &'static str,
}

/// The schema of one part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Short and stable, for example `status`; the tables of the part begin with it.
    pub name: &'static str,
    /// All its steps in order.
    pub steps: &'static [Step],
}

/// What this crate keeps itself.
pub const FOUNDATION: Part = Part {
    name: "foundation",
    steps: &[
        Step { number: 1, sql: include_str!("../migrations/0001_foundation.sql") },
        Step { number: 2, sql: include_str!("../migrations/0002_access.sql") },
    ],
};

/// The key of the lock under which PostgreSQL databases are upgraded ("lotse" in ASCII).
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(465692320613)";

/// How many tables there are, and whether one of them is `schema_step`.
const SQLITE_TABLES: &str = "\
SELECT COUNT(*) AS tables, COUNT(CASE WHEN name = 'schema_step' THEN 1 END) AS ours
FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";

const POSTGRES_TABLES: &str = "\
SELECT COUNT(*) AS tables, COUNT(CASE WHEN table_name = 'schema_step' THEN 1 END) AS ours
FROM information_schema.tables WHERE table_schema = current_schema()";

const STEP_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_step (\
   part TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (part, number))";

/// Takes all missing steps.
pub(crate) async fn run(
    connection: &mut AnyConnection,
    target: &Target,
    parts: &[Part],
) -> Result<(), Error> {
    let wanted: Vec<Part> = std::iter::once(FOUNDATION).chain(parts.iter().copied()).collect();
    // The usual case: nothing is missing and nothing has to be locked.
    if let Ok(taken) = taken(connection).await
        && missing(&target.name, &wanted, &taken)?.is_empty()
    {
        return Ok(());
    }
    let failed = |error| Error::from_sqlx(&target.name, "upgrade the schema", error);
    let mut transaction = connection.begin_with(target.begin_statement()).await.map_err(failed)?;
    if target.engine == Engine::Postgres {
        sqlx::raw_sql(POSTGRES_LOCK).execute(&mut *transaction).await.map_err(failed)?;
    }
    if is_foreign(&mut transaction, target).await.map_err(failed)? {
        return Err(Error::NotOurs { database: target.name.clone() });
    }
    sqlx::raw_sql(STEP_TABLE).execute(&mut *transaction).await.map_err(failed)?;
    let taken = taken(&mut transaction).await.map_err(failed)?;
    for (part, step) in missing(&target.name, &wanted, &taken)? {
        take(&mut transaction, target, part, step).await?;
    }
    transaction.commit().await.map_err(failed)
}

async fn take(
    connection: &mut AnyConnection,
    target: &Target,
    part: &str,
    step: Step,
) -> Result<(), Error> {
    let taken = async {
        sqlx::raw_sql(step.sql).execute(&mut *connection).await?;
        sqlx::query("INSERT INTO schema_step (part, number) VALUES ($1, $2)")
            .bind(part.to_owned())
            .bind(step.number)
            .execute(&mut *connection)
            .await
    };
    taken.await.map(drop).map_err(|source| {
        // A full disk or a lost connection is no defect of the step.
        match Error::from_sqlx(&target.name, "upgrade the schema", source) {
            Error::Query { database, source, .. } => {
                Error::Migration { database, part: part.to_owned(), step: step.number, source }
            }
            other => other,
        }
    })
}

/// Whether there are tables, but none of ours: our names are plain words that others use, too.
async fn is_foreign(connection: &mut AnyConnection, target: &Target) -> Result<bool, sqlx::Error> {
    let query = match target.engine {
        Engine::Sqlite => SQLITE_TABLES,
        Engine::Postgres => POSTGRES_TABLES,
    };
    let row = sqlx::query(query).fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>("tables")? > 0 && row.try_get::<i64, _>("ours")? == 0)
}

/// How many tables an SQLite file has, and how many of them only we would make.
pub(crate) async fn tables(connection: &mut AnyConnection) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query(SQLITE_TABLES).fetch_one(connection).await?;
    Ok((row.try_get("tables")?, row.try_get("ours")?))
}

/// Refuses a database with steps that this program does not know; changes nothing.
pub(crate) async fn require_known(
    connection: &mut AnyConnection,
    database: &str,
    parts: &[Part],
) -> Result<(), Error> {
    let wanted: Vec<Part> = std::iter::once(FOUNDATION).chain(parts.iter().copied()).collect();
    let taken = taken(connection)
        .await
        .map_err(|error| Error::from_sqlx(database, "read the schema", error))?;
    missing(database, &wanted, &taken).map(drop)
}

/// The steps that the database has.
async fn taken(connection: &mut AnyConnection) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query("SELECT part, number FROM schema_step")
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// The steps that the database lacks, in order, unless it has some that we do not know.
fn missing<'a>(
    database: &str,
    wanted: &'a [Part],
    taken: &[(String, i64)],
) -> Result<Vec<(&'a str, Step)>, Error> {
    for (part, number) in taken {
        let known = wanted.iter().find(|known| known.name == part).map_or(&[][..], |p| p.steps);
        if !known.iter().any(|step| step.number == *number) {
            return Err(Error::TooNew {
                database: database.to_owned(),
                part: part.clone(),
                found: *number,
                known: known.last().map_or(0, |step| step.number),
            });
        }
    }
    let is_taken = |part: &str, step: &Step| {
        taken.iter().any(|(name, number)| name == part && *number == step.number)
    };
    Ok(wanted
        .iter()
        .flat_map(|part| part.steps.iter().map(|step| (part.name, *step)))
        .filter(|(part, step)| !is_taken(part, step))
        .collect())
}
