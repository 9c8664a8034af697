//! Pages of a list: how many, and after which one.
//!
//! A cursor is opaque: it stands for the last entry of the page before, so that entries that come or
//! go in between neither repeat nor hide others.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::Problem;

/// Entries on a page, unless said otherwise.
const USUAL: u32 = 50;
/// The most entries on a page.
pub const MOST: u32 = 200;

/// Which page is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many entries, 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// How many entries are wanted.
pub fn limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        other => Err(Problem::new(StatusCode::BAD_REQUEST, "the parameters cannot be read")
            .detail(format!("limit is {other}; it must be 1 to {MOST}"))),
    }
}

/// The cursor that stands for this entry.
pub fn cursor(entry: &str) -> String {
    URL_SAFE_NO_PAD.encode(entry)
}

/// The entry that a cursor stands for.
pub fn entry(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let decoded =
        URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded {
        Some(entry) if !entry.is_empty() && !entry.contains(char::is_control) => Ok(Some(entry)),
        _ => Err(unknown()),
    }
}

/// The refusal of a cursor that we did not make: there is no such page.
pub fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such page of the list")
        .detail("after is no cursor of this list; take it from `next` of the page before")
}

/// Cuts a list that was read one entry too long; gives the place of the last entry when another page
/// begins after it.
pub fn split<T, P>(
    mut entries: Vec<T>,
    limit: u32,
    place: impl FnOnce(&T) -> P,
) -> (Vec<T>, Option<P>) {
    let limit = limit as usize;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| more).map(place);
    (entries, last)
}

/// The same for answers of the API: the cursor with which the next page begins.
pub fn cut<T>(
    entries: Vec<T>,
    limit: u32,
    name: impl FnOnce(&T) -> String,
) -> (Vec<T>, Option<String>) {
    split(entries, limit, |last| cursor(&name(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_foreign_ones_are_refused() {
        assert_eq!(entry(Some(&cursor("images/sim"))).unwrap().unwrap(), "images/sim");
        assert_eq!(entry(None).unwrap(), None);
        for foreign in ["", "=", "ä", "a\0", &cursor("a\0b"), &cursor("")] {
            assert!(entry(Some(foreign)).is_err(), "{foreign:?}");
        }
    }

    #[test]
    fn the_last_page_has_no_next_one() {
        let name = |number: &i32| number.to_string();
        assert_eq!(cut(vec![1, 2, 3], 2, name), (vec![1, 2], Some(cursor("2"))));
        assert_eq!(cut(vec![1, 2], 2, name), (vec![1, 2], None));
        assert!(limit(Some(0)).is_err() && limit(Some(MOST + 1)).is_err());
    }
}
