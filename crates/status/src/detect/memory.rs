//! What else is remembered beside proposals: break-glass posts that were merged.

use std::collections::BTreeSet;

use lotse_core::time::Timestamp;
use lotse_store::row::Columns;
use lotse_store::sqlx;
use lotse_store::{Error, Store};
use uuid::Uuid;

const MERGED: &str = "SELECT name FROM status_detection_note WHERE kind = 'merged'";

const ADD: &str = "\
INSERT INTO status_detection_note (kind, name, at_us, document) VALUES ('merged', $1, $2, '{}')
ON CONFLICT (kind, name) DO NOTHING";

/// All posts that were merged.
pub(crate) async fn merged(store: &Store) -> Result<BTreeSet<Uuid>, Error> {
    let rows = store.read("read what was merged", sqlx::query(MERGED)).await?;
    rows.iter().map(|row| Columns(row).parsed("name")).collect()
}

/// Remembers that a post was merged.
pub(crate) async fn merged_add(store: &Store, id: Uuid, at: Timestamp) -> Result<(), Error> {
    let query = sqlx::query(ADD).bind(id.to_string()).bind(at.as_microsecond());
    store.execute("remember what was merged", query).await.map(drop)
}
