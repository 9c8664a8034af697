//! From columns to values and back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lotse_core::time::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Column, Row};

use crate::error::Error;

/// The columns of a row as the values we put there.
#[derive(Clone, Copy)]
pub struct Columns<'a>(pub &'a AnyRow);

impl fmt::Debug for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be long, and secret to those who read logs.
        f.debug_list().entries(self.0.columns().iter().map(Column::name)).finish()
    }
}

impl Columns<'_> {
    /// Text.
    pub fn text(self, column: &'static str) -> Result<String, Error> {
        self.0.try_get(column).map_err(|error| unusable(column, &error))
    }

    /// Text or NULL.
    pub fn maybe_text(self, column: &'static str) -> Result<Option<String>, Error> {
        self.0.try_get(column).map_err(|error| unusable(column, &error))
    }

    /// A whole number.
    pub fn integer(self, column: &'static str) -> Result<i64, Error> {
        self.0.try_get(column).map_err(|error| unusable(column, &error))
    }

    /// A whole number or NULL.
    pub fn maybe_integer(self, column: &'static str) -> Result<Option<i64>, Error> {
        self.0.try_get(column).map_err(|error| unusable(column, &error))
    }

    /// An id or another word with a parser.
    pub fn parsed<T>(self, column: &'static str) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.text(column)?.parse().map_err(|error| unusable(column, &error))
    }

    /// JSON kept as text.
    pub fn json<T: DeserializeOwned>(self, column: &'static str) -> Result<T, Error> {
        serde_json::from_str(&self.text(column)?).map_err(|error| unusable(column, &error))
    }

    /// An instant kept as microseconds since the epoch.
    pub fn time(self, column: &'static str) -> Result<Timestamp, Error> {
        to_time(column, self.integer(column)?)
    }

    /// An instant kept as microseconds since the epoch, or NULL.
    pub fn maybe_time(self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        self.maybe_integer(column)?.map(|micros| to_time(column, micros)).transpose()
    }

    /// JSON kept as text, or NULL.
    pub fn maybe_json<T: DeserializeOwned>(self, column: &'static str) -> Result<Option<T>, Error> {
        self.maybe_text(column)?
            .map(|text| serde_json::from_str(&text).map_err(|error| unusable(column, &error)))
            .transpose()
    }

    /// A duration kept as microseconds.
    pub fn duration(self, column: &'static str) -> Result<Duration, Error> {
        let micros = u64::try_from(self.integer(column)?).map_err(|e| unusable(column, &e))?;
        Ok(Duration::from_micros(micros))
    }
}

/// The column `revision` of the one row that a statement about the head of a part returned; `head` is
/// the table, for the complaint if there is no row.
///
/// # Errors
/// There is no row, or no number in it.
pub fn revision_of(head: &'static str, rows: &[AnyRow]) -> Result<i64, Error> {
    let missing = || Error::Stored { column: head, reason: "its row is missing".to_owned() };
    rows.first().map(Columns).ok_or_else(missing)?.integer("revision")
}

fn unusable(column: &'static str, reason: &dyn fmt::Display) -> Error {
    Error::Stored { column, reason: reason.to_string() }
}

pub(crate) fn to_time(column: &'static str, micros: i64) -> Result<Timestamp, Error> {
    // `from_microsecond` refuses the last second that exists.
    let nanoseconds = i32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or(0);
    Timestamp::new(micros.div_euclid(1_000_000), nanoseconds)
        .map_err(|error| unusable(column, &error))
}

/// A duration in whole microseconds.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// JSON as text. What we serialise has text keys only, so it cannot fail but for a defect.
pub fn to_json<T: serde::Serialize>(operation: &'static str, value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::Refused { operation, reason: error.to_string() })
}

/// Text as both engines can keep it: PostgreSQL has no place for the NUL character, so neither
/// engine gets it.
pub fn plain(operation: &'static str, text: &str) -> Result<String, Error> {
    if text.contains('\0') {
        let reason = format!("{text:?} contains a NUL character");
        return Err(Error::Refused { operation, reason });
    }
    Ok(text.to_owned())
}
