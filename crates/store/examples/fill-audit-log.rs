//! Fills the audit log of a state directory with made-up entries, to see what a long one costs.
//!
//! `cargo run -p lotse-store --example fill-audit-log -- DIRECTORY ENTRIES`

use std::path::Path;

use lotse_core::time::{SignedDuration, Timestamp};
use lotse_store::Store;
use lotse_store::audit::{Deed, DeedOutcome};

/// So many entries are written in one transaction.
const BATCH: u32 = 1000;
/// The age of the oldest entry per entry: one every five minutes.
const APART_SECONDS: i64 = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(entries)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fill-audit-log DIRECTORY ENTRIES".into());
    };
    let entries: u32 = entries.parse()?;
    let store = Store::open_in_directory(Path::new(&directory)).await?;
    let newest: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    for first in (0..entries).step_by(BATCH as usize) {
        let last = entries.min(first + BATCH);
        let deeds: Vec<Deed> = (first..last)
            .map(|number| {
                let age = SignedDuration::from_secs(i64::from(entries - number) * APART_SECONDS);
                newest.saturating_sub(age).map(|at| deed(number, at))
            })
            .collect::<Result<_, _>>()?;
        let mut transaction = store.begin("fill the audit log").await?;
        for deed in deeds {
            transaction.record(deed);
        }
        transaction.commit().await?;
    }
    Ok(())
}

fn deed(number: u32, at: Timestamp) -> Deed {
    let actions = ["image.import", "image.update", "image.delete", "session.create"];
    let outcomes = [DeedOutcome::Done, DeedOutcome::Done, DeedOutcome::Done, DeedOutcome::Failed];
    let place = number as usize % actions.len();
    Deed {
        at,
        actor: format!("user-{:03}", number % 100),
        action: actions[place].to_owned(),
        object: format!("sim/image/image-{:06}", number % 10_000),
        outcome: outcomes[number as usize / 7 % outcomes.len()],
        request_ids: vec![format!("req-{number:08}")],
        detail: serde_json::json!({"number": number}),
    }
}
