//! The audit log and its chain.

use std::time::{Duration, Instant};

use lotse_store::Store;
use lotse_store::audit::{Anchor, Damage, Deed, DeedOutcome, Verdict};

use crate::home::{on_both, second, tamper};

fn deed(number: i64) -> Deed {
    Deed {
        at: second(number),
        actor: "ada@example.org".to_owned(),
        action: "image.update".to_owned(),
        object: format!("sim/image/{number} ☁"),
        outcome: [DeedOutcome::Done, DeedOutcome::Failed, DeedOutcome::Denied]
            [usize::try_from(number).unwrap() % 3],
        request_ids: vec![format!("req-{number}"), "req-b".to_owned()],
        detail: serde_json::json!({"z": 1, "a": {"before": null, "after": "x"}}),
    }
}

async fn filled(store: &Store, entries: i64) {
    for number in 1..=entries {
        store.record(deed(number)).await.unwrap();
    }
}

async fn verify(store: &Store) -> Verdict {
    store.audit_verify(None).await.unwrap()
}

const fn broken(seq: i64, damage: Damage) -> Verdict {
    Verdict::Broken { seq, damage }
}

on_both! {
    async fn what_was_recorded_is_listed_newest_first_and_verifies(home: Home) {
        let store = home.open().await;
        assert!(matches!(verify(&store).await, Verdict::Intact { end: Anchor { seq: 0, .. } }));
        filled(&store, 7).await;
        let page = store.audit_list(None, 3).await.unwrap();
        assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [7, 6, 5]);
        assert_eq!(page[0].deed, deed(7));
        let rest = store.audit_list(Some(5), 10).await.unwrap();
        assert_eq!(rest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
        let end = store.audit_anchor().await.unwrap();
        assert_eq!(end, Anchor { seq: 7, hash: page[0].hash.clone() });
        assert_eq!(verify(&store).await, Verdict::Intact { end });
    }
}

on_both! {
    /// Every column, the order, and both ends.
    async fn verifying_finds_the_first_broken_entry(home: Home) {
        let store = home.open().await;
        filled(&store, 6).await;
        let columns = [
            ("at_us", "at_us + 1"),
            ("actor", "actor || 'x'"),
            ("action", "'image.delete'"),
            ("object", "'other'"),
            ("outcome", "'denied'"),
            ("request_ids", "'[]'"),
            ("detail", "'{}'"),
        ];
        for (column, value) in columns {
            tamper(&home, "CREATE TABLE kept AS SELECT * FROM audit").await;
            tamper(&home, &format!("UPDATE audit SET {column} = {value} WHERE seq >= 3")).await;
            assert_eq!(verify(&store).await, broken(3, Damage::Changed), "{column}");
            restore(&home).await;
        }
        let zeros = "0".repeat(64);
        for (statement, expected) in [
            ("DELETE FROM audit WHERE seq = 2".to_owned(), broken(2, Damage::Missing)),
            ("DELETE FROM audit WHERE seq >= 5".to_owned(), broken(5, Damage::Missing)),
            ("DELETE FROM audit".to_owned(), broken(1, Damage::Missing)),
            (
                format!("UPDATE audit SET previous_hash = '{zeros}' WHERE seq = 4"),
                broken(4, Damage::Unlinked),
            ),
            (
                format!("UPDATE audit SET hash = '{zeros}' WHERE seq = 4"),
                broken(4, Damage::Changed),
            ),
            (
                "INSERT INTO audit SELECT 7, at_us, actor, action, object, outcome, request_ids, \
                 detail, previous_hash, hash FROM audit WHERE seq = 6"
                    .to_owned(),
                broken(7, Damage::Surplus),
            ),
        ] {
            tamper(&home, "CREATE TABLE kept AS SELECT * FROM audit").await;
            tamper(&home, &statement).await;
            assert_eq!(verify(&store).await, expected, "{statement}");
            restore(&home).await;
        }
        assert!(matches!(verify(&store).await, Verdict::Intact { .. }));
    }
}

async fn restore(home: &crate::home::Home) {
    tamper(home, "DELETE FROM audit").await;
    tamper(home, "INSERT INTO audit SELECT * FROM kept").await;
    tamper(home, "DROP TABLE kept").await;
}

on_both! {
    /// Whoever can write the database can make a shorter chain that is consistent in itself.
    async fn an_anchor_kept_elsewhere_shows_a_rewritten_log(home: Home) {
        let store = home.open().await;
        filled(&store, 5).await;
        let third = store.audit_list(Some(4), 1).await.unwrap().remove(0);
        let good = Anchor { seq: 3, hash: third.hash.clone() };
        assert!(matches!(store.audit_verify(Some(&good)).await.unwrap(), Verdict::Intact { .. }));

        let other = Anchor { seq: 3, hash: "f".repeat(64) };
        assert_eq!(store.audit_verify(Some(&other)).await.unwrap(), broken(3, Damage::Replaced));
        let fifth = store.audit_anchor().await.unwrap();
        tamper(&home, "DELETE FROM audit WHERE seq > 3").await;
        tamper(&home, &format!("UPDATE log_end SET audit_seq = 3, audit_hash = '{}'", third.hash)).await;
        assert!(matches!(verify(&store).await, Verdict::Intact { .. }));
        assert_eq!(store.audit_verify(Some(&fifth)).await.unwrap(), broken(4, Damage::Missing));
    }
}

on_both! {
    async fn concurrent_appends_make_one_chain(home: Home) {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..4 {
            let store = home.open().await;
            writers.spawn(async move {
                for number in 0..15 {
                    let mut transaction = store.begin("act").await.unwrap();
                    transaction.record(deed(writer * 100 + number));
                    transaction.record(deed(writer * 100 + number));
                    transaction.commit().await.unwrap();
                }
            });
        }
        writers.join_all().await;
        let store = home.open().await;
        let end = store.audit_anchor().await.unwrap();
        assert_eq!(end.seq, 120);
        assert_eq!(verify(&store).await, Verdict::Intact { end });
    }
}

on_both! {
    /// More entries than verifying reads at once.
    async fn a_long_log_is_verified_to_its_end(home: Home) {
        let store = home.open().await;
        let mut transaction = store.begin("act").await.unwrap();
        for number in 1..=1203 {
            transaction.record(deed(number));
        }
        transaction.commit().await.unwrap();
        assert!(matches!(verify(&store).await, Verdict::Intact { end: Anchor { seq: 1203, .. } }));
        tamper(&home, "UPDATE audit SET actor = 'mallory' WHERE seq = 1101").await;
        assert_eq!(verify(&store).await, broken(1101, Damage::Changed));
    }
}

on_both! {
    /// What is cancelled (a signal, a lost lease) may be dropped at any await.
    async fn cancelled_transactions_leave_nothing_half_done(home: Home) {
        let store = home.open().await;
        let mut random = 7_u32;
        for _ in 0..40 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let moment = Instant::now() + Duration::from_micros(u64::from((random >> 16) % 12_288));
            let work = async {
                let mut transaction = store.begin("act").await.unwrap();
                transaction.emit(crate::outbox::event("e"));
                transaction.record(deed(1));
                transaction.commit().await.unwrap();
            };
            tokio::pin!(work);
            while Instant::now() < moment {
                tokio::select! {
                    biased;
                    () = &mut work => break,
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        store.record(deed(2)).await.unwrap();
        let end = store.audit_anchor().await.unwrap();
        assert_eq!(verify(&store).await, Verdict::Intact { end: end.clone() });
        let reader = store.outbox_reader("r", lotse_store::outbox::Begin::Oldest).await.unwrap();
        let events = i64::try_from(reader.read(99).await.unwrap().len()).unwrap();
        assert_eq!(events, end.seq - 1, "each event with its deed, and one deed alone");
    }
}
