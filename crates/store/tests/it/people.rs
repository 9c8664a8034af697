//! Sessions, tokens, tickets and answers, and the search in the audit log.

use lotse_core::time::Timestamp;
use lotse_store::answer::AnswerClaim;
use lotse_store::audit::{AuditFilter, Deed, DeedOutcome};
use lotse_store::session::SessionRecord;
use lotse_store::token::TokenRecord;

use crate::home::{on_both, second};

fn session(hash: &str, until: i64) -> SessionRecord {
    SessionRecord {
        hash: hash.to_owned(),
        subject: "user:ada".to_owned(),
        name: "Ada <script>".to_owned(),
        roles: vec!["viewer".to_owned(), "admin".to_owned()],
        created: second(10),
        seen: second(10),
        until: second(until),
    }
}

on_both! {
    async fn a_session_is_seen_by_every_instance_until_it_is_ended_by_any(home: Home) {
        let (here, there) = (home.open().await, home.open().await);
        here.session_begin(&session("a", 100)).await.unwrap();
        assert_eq!(there.session_find("a").await.unwrap(), Some(session("a", 100)));
        there.session_seen("a", second(30)).await.unwrap();
        there.session_seen("a", second(20)).await.unwrap();
        assert_eq!(here.session_find("a").await.unwrap().unwrap().seen, second(30), "never back");
        assert!(there.session_end("a").await.unwrap());
        assert_eq!(here.session_find("a").await.unwrap(), None);
        assert!(!here.session_end("a").await.unwrap(), "it is gone already");
    }
}

on_both! {
    async fn all_sessions_of_a_person_end_together_and_old_ones_are_removed(home: Home) {
        let store = home.open().await;
        for (hash, until) in [("a", 100), ("b", 200)] {
            store.session_begin(&session(hash, until)).await.unwrap();
        }
        assert_eq!(store.session_prune(second(100)).await.unwrap(), 1);
        assert!(store.session_find("b").await.unwrap().is_some());
        assert_eq!(store.session_end_all("user:eve").await.unwrap(), 0);
        assert_eq!(store.session_end_all("user:ada").await.unwrap(), 1);
    }
}

fn token(id: &str, owner: &str, until: i64) -> TokenRecord {
    TokenRecord {
        id: id.to_owned(),
        name: "nightly \u{7}".to_owned(),
        owner: owner.to_owned(),
        scopes: vec!["task.read".to_owned()],
        created: second(1),
        until: second(until),
        used: None,
        revoked: None,
    }
}

on_both! {
    async fn a_token_is_found_by_its_hash_and_keeps_its_first_revocation(home: Home) {
        let store = home.open().await;
        for (id, owner) in [("1", "ada"), ("2", "eve"), ("3", "ada")] {
            let mut transaction = store.begin("make a token").await.unwrap();
            transaction.token_create(&token(id, owner, 1_000), &format!("h{id}")).await.unwrap();
            transaction.commit().await.unwrap();
        }
        assert_eq!(store.token_find("h2").await.unwrap(), Some(token("2", "eve", 1_000)));
        assert_eq!(store.token_find("2").await.unwrap(), None);
        let ids = |list: Vec<TokenRecord>| list.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(store.token_list(None, None, 2).await.unwrap()), ["3", "2"]);
        assert_eq!(ids(store.token_list(None, Some("2"), 2).await.unwrap()), ["1"]);
        assert_eq!(ids(store.token_list(Some("ada"), None, 9).await.unwrap()), ["3", "1"]);
        store.token_used("2", second(50)).await.unwrap();
        store.token_used("2", second(40)).await.unwrap();
        for (at, good) in [(60, true), (70, false)] {
            let mut transaction = store.begin("revoke a token").await.unwrap();
            assert_eq!(transaction.token_revoke("2", second(at)).await.unwrap(), good);
            transaction.commit().await.unwrap();
        }
        let now = store.token_show("2").await.unwrap().unwrap();
        assert_eq!((now.used, now.revoked), (Some(second(50)), Some(second(60))));
        assert_eq!(store.token_prune(second(61)).await.unwrap(), 1, "the revoked one");
        assert_eq!(store.token_prune(second(1_001)).await.unwrap(), 2, "those that ended");
    }
}

on_both! {
    async fn a_ticket_is_good_once_for_its_kind_and_in_its_time(home: Home) {
        let store = home.open().await;
        for hash in ["a", "b", "c"] {
            store.ticket_issue(hash, "link", "detail", second(100)).await.unwrap();
        }
        assert_eq!(store.ticket_take("a", "sign-in", second(1)).await.unwrap(), None);
        let taken = store.ticket_take("a", "link", second(99)).await.unwrap();
        assert_eq!(taken.as_deref(), Some("detail"));
        assert_eq!(store.ticket_take("a", "link", second(99)).await.unwrap(), None, "used up");
        assert_eq!(store.ticket_take("b", "link", second(100)).await.unwrap(), None, "too late");
        assert_eq!(store.ticket_prune(second(100)).await.unwrap(), 1);
    }
}

on_both! {
    async fn of_many_who_present_a_ticket_at_once_one_gets_it(home: Home) {
        let store = home.open().await;
        store.ticket_issue("a", "link", "", second(100)).await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            all.spawn(async move { store.ticket_take("a", "link", second(1)).await.unwrap() });
        }
        let winners = all.join_all().await.into_iter().flatten().count();
        assert_eq!(winners, 1);
    }
}

on_both! {
    async fn a_claimed_key_is_answered_once_and_tells_other_requests_apart(home: Home) {
        let store = home.open().await;
        let key = ("ada", "k");
        let claim = async |fingerprint: &str, now: Timestamp| {
            store.answer_claim(key, fingerprint, second(100), now).await.unwrap()
        };
        assert_eq!(claim("x", second(1)).await, AnswerClaim::Ours);
        assert_eq!(claim("x", second(2)).await, AnswerClaim::UnderWay);
        assert_eq!(claim("y", second(2)).await, AnswerClaim::Other);
        store.answer_keep(key, 201, "{}", second(100)).await.unwrap();
        let answered = AnswerClaim::Answered { status: 201, body: "{}".to_owned() };
        assert_eq!(claim("x", second(3)).await, answered);
        store.answer_give_up(key).await.unwrap();
        assert_eq!(claim("x", second(3)).await, answered, "an answer is not given up");
        let elsewhere = store.answer_claim(("eve", "k"), "z", second(9), second(3)).await.unwrap();
        assert_eq!(elsewhere, AnswerClaim::Ours, "keys belong to their actor");
        assert_eq!(claim("y", second(100)).await, AnswerClaim::Ours, "its time was over");
        store.answer_give_up(key).await.unwrap();
        assert_eq!(store.answer_prune(second(50)).await.unwrap(), 1);
    }
}

fn deed(actor: &str, action: &str, outcome: DeedOutcome) -> Deed {
    Deed {
        at: second(1),
        actor: actor.to_owned(),
        action: action.to_owned(),
        object: format!("object of {actor}"),
        outcome,
        request_ids: Vec::new(),
        detail: serde_json::Value::Null,
    }
}

on_both! {
    async fn the_audit_log_is_searched_by_every_column_and_paged(home: Home) {
        let store = home.open().await;
        for number in 0..6 {
            let actor = if number % 2 == 0 { "ada" } else { "eve" };
            let outcome = if number == 5 { DeedOutcome::Denied } else { DeedOutcome::Done };
            let action = if number < 3 { "token.create" } else { "task.request" };
            store.record(deed(actor, action, outcome)).await.unwrap();
        }
        let search = async |filter: AuditFilter, before, limit| -> Vec<i64> {
            let found = store.audit_search(&filter, before, limit).await.unwrap();
            found.iter().map(|entry| entry.seq).collect()
        };
        let word = |word: &str| Some(word.to_owned());
        assert_eq!(search(AuditFilter::default(), None, 2).await, [6, 5]);
        assert_eq!(search(AuditFilter::default(), Some(5), 9).await, [4, 3, 2, 1]);
        let of_eve = AuditFilter { actor: word("eve"), ..AuditFilter::default() };
        assert_eq!(search(of_eve.clone(), None, 9).await, [6, 4, 2]);
        let tokens = AuditFilter { action: word("token"), ..of_eve };
        assert_eq!(search(tokens, None, 9).await, [2]);
        let denied = AuditFilter { outcome: Some(DeedOutcome::Denied), ..AuditFilter::default() };
        assert_eq!(search(denied, None, 9).await, [6]);
        let object = AuditFilter { object: word("object of ada"), ..AuditFilter::default() };
        assert_eq!(search(object, None, 9).await, [5, 3, 1]);
        for hostile in ["%", "_da", "ada' OR '1'='1", "a\0", &"x".repeat(1 << 20)] {
            let filter = AuditFilter { actor: word(hostile), ..AuditFilter::default() };
            assert_eq!(search(filter, None, 9).await, [0; 0], "{:?}", &hostile[..2.min(hostile.len())]);
        }
    }
}
