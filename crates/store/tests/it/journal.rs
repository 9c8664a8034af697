//! The write-ahead journal.

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::id::IntentId;
use lotse_core::journal::{Conclusion, Intent, Journal};
use lotse_store::Error;

use crate::home::{intent, on_both, second};

on_both! {
    /// What a run left open is what the next run finds.
    async fn unfinished_intents_are_those_without_conclusion_oldest_first(home: Home) {
        let store = home.open().await;
        let late = intent("one", "late", second(30));
        let early = intent("one", "early", second(10));
        let done = intent("one", "done", second(20));
        let elsewhere = intent("two", "early", second(5));
        let other_kind = Intent { kind: "flavor".to_owned(), ..intent("one", "small", second(6)) };
        for intent in [&late, &early, &done, &elsewhere, &other_kind] {
            store.intend(intent).await.unwrap();
        }
        let conclusion = Conclusion::Done { object: Some("4711".to_owned()) };
        store.conclude(done.id, &conclusion, second(25)).await.unwrap();

        assert_eq!(store.unfinished("one", "image").await.unwrap(), [early.clone(), late.clone()]);
        let all = store.journal_unfinished().await.unwrap();
        assert_eq!(all, [elsewhere, other_kind, early, late]);
        let of_run = store.journal_of_run(done.run).await.unwrap();
        assert_eq!(of_run.len(), 1);
        assert_eq!(of_run[0].conclusion, Some((conclusion, second(25))));
    }
}

on_both! {
    async fn every_conclusion_is_read_as_it_was_written(home: Home) {
        let store = home.open().await;
        for conclusion in [
            Conclusion::Done { object: None },
            Conclusion::Adopted { object: "a\"b\\c\u{0}ü".to_owned() },
            Conclusion::Failed { message: "HTTP 409 (req-1)\n\u{0}".to_owned() },
            Conclusion::Abandoned,
        ] {
            let intent = intent("c", "naïve ☁ 'name'; --", second(1));
            store.intend(&intent).await.unwrap();
            store.conclude(intent.id, &conclusion, second(2)).await.unwrap();
            let entries = store.journal_of_run(intent.run).await.unwrap();
            assert_eq!(entries[0].intent, intent);
            assert_eq!(entries[0].conclusion, Some((conclusion, second(2))));
        }
    }
}

on_both! {
    async fn the_first_conclusion_stays(home: Home) {
        let store = home.open().await;
        let intent = intent("c", "n", second(1));
        store.intend(&intent).await.unwrap();
        store.conclude(intent.id, &Conclusion::Abandoned, second(2)).await.unwrap();
        store.conclude(intent.id, &Conclusion::Done { object: None }, second(3)).await.unwrap();
        let entries = store.journal_of_run(intent.run).await.unwrap();
        assert_eq!(entries[0].conclusion, Some((Conclusion::Abandoned, second(2))));
    }
}

on_both! {
    /// After a lost confirmation the caller may write the same intent again, but not another one
    /// under its id.
    async fn an_intent_can_be_repeated_but_not_changed(home: Home) {
        let store = home.open().await;
        let first = intent("c", "n", second(1));
        store.intend(&first).await.unwrap();
        store.intend(&first).await.unwrap();
        assert_eq!(store.unfinished("c", "image").await.unwrap().len(), 1);

        let changed = Intent { name: "other".to_owned(), ..first.clone() };
        let error = store.intend(&changed).await.unwrap_err();
        assert_eq!(Error::find(&error).unwrap().kind(), ErrorKind::InvalidInput);
        assert_eq!(store.unfinished("c", "image").await.unwrap(), [first]);
    }
}

on_both! {
    async fn what_was_never_intended_cannot_be_concluded(home: Home) {
        let store = home.open().await;
        let unknown = IntentId::generate();
        let error = store.conclude(unknown, &Conclusion::Abandoned, second(1)).await.unwrap_err();
        let message = lotse_core::error::chain(&error);
        assert_eq!(
            message,
            format!("the journal cannot be written: cannot write the journal: there is no intent {unknown} to conclude")
        );
    }
}

on_both! {
    async fn names_that_one_engine_cannot_keep_are_refused_on_both(home: Home) {
        let store = home.open().await;
        let error = store.intend(&intent("c", "a\0b", second(1))).await.unwrap_err();
        assert!(lotse_core::error::chain(&error).contains("NUL"), "{error:?}");
        assert!(store.journal_unfinished().await.unwrap().is_empty());
    }
}

on_both! {
    async fn pruning_forgets_what_ended_long_ago_and_nothing_open(home: Home) {
        let store = home.open().await;
        let open = intent("c", "open", second(1));
        let old = intent("c", "old", second(2));
        let recent = intent("c", "recent", second(3));
        for intent in [&open, &old, &recent] {
            store.intend(intent).await.unwrap();
        }
        store.conclude(old.id, &Conclusion::Abandoned, second(10)).await.unwrap();
        store.conclude(recent.id, &Conclusion::Abandoned, second(20)).await.unwrap();

        assert_eq!(store.journal_prune(second(20)).await.unwrap(), 1);
        assert!(store.journal_of_run(old.run).await.unwrap().is_empty());
        assert_eq!(store.journal_of_run(recent.run).await.unwrap().len(), 1);
        assert_eq!(store.unfinished("c", "image").await.unwrap(), [open]);
    }
}

on_both! {
    async fn intents_written_at_the_same_time_are_all_kept(home: Home) {
        let store = home.open().await;
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..40 {
            let store = store.clone();
            writers.spawn(async move {
                let intent = intent("c", &format!("image {number}"), second(number));
                store.intend(&intent).await.unwrap();
                if number % 2 == 0 {
                    store.conclude(intent.id, &Conclusion::Abandoned, second(99)).await.unwrap();
                }
            });
        }
        writers.join_all().await;
        let open = store.unfinished("c", "image").await.unwrap();
        let names: Vec<_> = open.into_iter().map(|intent| intent.name).collect();
        let expected: Vec<_> = (0..40).filter(|n| n % 2 == 1).map(|n| format!("image {n}")).collect();
        assert_eq!(names, expected);
    }
}
