//! Many rows in few statements.

use lotse_store::sqlx::{self, AssertSqlSafe};
use lotse_store::{Error, Transaction};

/// Rows of one statement. There are few sizes, so that a connection has few statements to prepare.
const SIZES: [usize; 6] = [LARGEST, 16, 8, 4, 2, 1];
const LARGEST: usize = 32;

/// A statement under way.
pub(super) type Query = lotse_store::Query<'static>;

/// Where the rows of a statement go.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// What stands before the rows: `INSERT INTO table (columns)`.
    pub(super) head: &'static str,
    /// How many columns there are.
    pub(super) columns: usize,
    /// What stands behind the rows.
    pub(super) tail: &'static str,
}

/// Writes the rows that `bind` makes of the items.
pub(super) async fn write<T>(
    transaction: &mut Transaction,
    into: Rows,
    items: &[T],
    bind: impl Fn(Query, &T) -> Result<Query, Error>,
) -> Result<(), Error> {
    for part in parts(items) {
        let rows: Vec<_> =
            (0..part.len()).map(|row| places(row * into.columns, into.columns)).collect();
        let text = format!("{} VALUES {} {}", into.head, rows.join(", "), into.tail);
        // Words of this program and numbers of parameters: nothing in it comes from outside.
        let mut query = sqlx::query(AssertSqlSafe(text));
        for item in part {
            query = bind(query, item)?;
        }
        transaction.execute(query).await?;
    }
    Ok(())
}

/// The statements `head ($1, …)` with each of these texts in a place; for `… IN`.
pub(super) fn among<'a>(head: &'a str, texts: &'a [String]) -> impl Iterator<Item = Query> + 'a {
    texts.chunks(LARGEST).map(move |part| {
        // Asking for the last one several times changes nothing, and leaves few sizes.
        let size = SIZES.into_iter().filter(|size| part.len() <= *size).min().unwrap_or(LARGEST);
        let query = sqlx::query(AssertSqlSafe(format!("{head} {}", places(0, size))));
        let rest = part.last().into_iter().cycle().take(size - part.len());
        part.iter().chain(rest).fold(query, |query, text| query.bind(text.clone()))
    })
}

/// Parts of the items, each as long as one of [`SIZES`].
fn parts<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= items.len())?;
        let (part, rest) = items.split_at(size);
        items = rest;
        Some(part)
    })
}

/// `($1, $2)`, counted from behind the first so many.
fn places(behind: usize, count: usize) -> String {
    let places: Vec<_> = (behind + 1..=behind + count).map(|place| format!("${place}")).collect();
    format!("({})", places.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_items_are_in_parts_of_few_sizes_and_in_order() {
        for count in [0, 1, 7, 8, 33, 300] {
            let items: Vec<_> = (0..count).collect();
            let all: Vec<_> = parts(&items).collect();
            assert!(all.iter().all(|part| SIZES.contains(&part.len())));
            assert_eq!(all.concat(), items);
            assert!(all.len() <= count / 32 + 7, "{count}: {}", all.len());
        }
    }

    #[test]
    fn places_are_counted_on() {
        assert_eq!((places(0, 3), places(3, 1)), ("($1, $2, $3)".to_owned(), "($4)".to_owned()));
    }
}
