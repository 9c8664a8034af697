//! `kill -9` at any time: what was acknowledged is there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lotse_core::event::Event;
use lotse_core::id::{EventId, InstanceId};
use lotse_core::journal::{Conclusion, Journal};
use lotse_core::lease::{Claim, Leases};
use lotse_store::audit::{Deed, DeedOutcome, Verdict};
use lotse_store::outbox::Begin;
use lotse_store::{Store, sqlx};

use crate::child::{self, Running};
use crate::home::{Home, intent, second, within};

/// The test whose child writes until it is killed.
const TEST: &str = "crash::what_was_acknowledged_before_a_kill_is_there_on_sqlite";
/// Writers in the child, so that a kill finds several writes under way.
const WRITERS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_there_on_sqlite() {
    if let Some(url) = child::job() {
        return write_until_killed(&url).await;
    }
    within(Home::sqlite(), async |home| kill_again_and_again(home, 25).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: postgresql"]
async fn what_was_acknowledged_before_a_kill_is_there_on_postgresql() {
    within(Home::postgres().await, async |home| kill_again_and_again(home, 25).await).await;
}

// The child.

async fn write_until_killed(url: &str) {
    let store = Store::open(&url.parse().unwrap()).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for number in 0.. {
                write_once(&store, number).await;
            }
        });
    }
    writers.join_all().await;
}

async fn write_once(store: &Store, number: i64) {
    let intent = intent("c", "n", second(number));
    store.intend(&intent).await.unwrap();
    child::tell(&format!("intended {}", intent.id));
    if number % 3 > 0 {
        child::tell(&format!("concluding {}", intent.id));
        store.conclude(intent.id, &Conclusion::Abandoned, second(number)).await.unwrap();
        child::tell(&format!("concluded {}", intent.id));
    }
    let id = EventId::generate();
    let mut transaction = store.begin("act").await.unwrap();
    let (topic, subject, body) = ("t".to_owned(), "s".to_owned(), serde_json::Value::Null);
    transaction.emit(Event { id, topic, subject, at: second(number), body });
    transaction.record(Deed {
        at: second(number),
        actor: "child".to_owned(),
        action: "act".to_owned(),
        object: id.to_string(),
        outcome: DeedOutcome::Done,
        request_ids: Vec::new(),
        detail: serde_json::Value::Null,
    });
    transaction.commit().await.unwrap();
    child::tell(&format!("committed {id}"));
    let holder = InstanceId::generate();
    let lasting = Duration::from_mins(1);
    if let Claim::Held(lease) = store.claim("l", holder, "", lasting, second(1)).await.unwrap() {
        child::tell(&format!("fence {}", lease.fence));
        store.release("l", holder).await.unwrap();
    }
}

// The parent.

/// What the children of all rounds were told to be safe.
#[derive(Default)]
struct Acknowledged {
    intended: BTreeSet<String>,
    concluding: BTreeSet<String>,
    concluded: BTreeSet<String>,
    committed: BTreeSet<String>,
    fence: i64,
}

impl Acknowledged {
    fn note(&mut self, line: &str) {
        let (what, id) = line.split_once(' ').unwrap();
        match what {
            "intended" => self.intended.insert(id.to_owned()),
            "concluding" => self.concluding.insert(id.to_owned()),
            "concluded" => self.concluded.insert(id.to_owned()),
            "committed" => self.committed.insert(id.to_owned()),
            "fence" => {
                self.fence = self.fence.max(id.parse().unwrap());
                true
            }
            _ => panic!("the child said {line:?}"),
        };
    }
}

async fn kill_again_and_again(home: Home, rounds: u32) {
    let mut acknowledged = Acknowledged::default();
    // Any spread will do; the same one each time.
    let mut random = 0x2545_f491_u32;
    for round in 0..rounds {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut child = Running::start(&[], TEST, &home.full_url);
        for _ in 0..=(random >> 24) % 64 {
            acknowledged.note(&child.next().expect("the child writes until it is killed"));
        }
        let moment = Instant::now() + Duration::from_micros(u64::from((random >> 8) % 2048));
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        for line in child.kill() {
            acknowledged.note(&line);
        }
        check(&home, &acknowledged, round).await;
    }
}

async fn check(home: &Home, acknowledged: &Acknowledged, round: u32) {
    wait_for_the_server(home).await;
    let store = home.open().await;

    let unfinished: BTreeSet<String> =
        store.journal_unfinished().await.unwrap().iter().map(|i| i.id.to_string()).collect();
    let must_be_open: BTreeSet<_> =
        acknowledged.intended.difference(&acknowledged.concluding).cloned().collect();
    assert!(must_be_open.is_subset(&unfinished), "round {round}");
    assert!(acknowledged.concluded.is_disjoint(&unfinished), "round {round}");
    // Beyond that, only what was under way when the kill came can be open.
    let mut unknown: BTreeSet<_> = unfinished.difference(&must_be_open).cloned().collect();
    unknown.retain(|id| !acknowledged.concluding.contains(id));
    assert!(unknown.len() <= WRITERS * (round as usize + 1), "round {round}: {unknown:?}");
    let mut beside = home.connect().await;
    let all: Vec<String> =
        sqlx::query_scalar("SELECT id FROM intent").fetch_all(&mut beside).await.unwrap();
    assert!(acknowledged.intended.is_subset(&all.into_iter().collect()), "round {round}");

    let verdict = store.audit_verify(None).await.unwrap();
    assert!(matches!(verdict, Verdict::Intact { .. }), "round {round}: {verdict:?}");
    let deeds: BTreeSet<String> = store
        .audit_list(None, u32::MAX)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.deed.object)
        .collect();
    let reader = store.outbox_reader("r", Begin::Oldest).await.unwrap();
    let events: BTreeSet<String> =
        reader.read(u32::MAX).await.unwrap().iter().map(|d| d.event.id.to_string()).collect();
    assert_eq!(events, deeds, "round {round}: both or none");
    assert!(acknowledged.committed.is_subset(&events), "round {round}");

    let claim = store
        .claim("l", InstanceId::generate(), "", Duration::from_mins(1), second(1_000_000))
        .await
        .unwrap();
    let Claim::Held(lease) = claim else { panic!("round {round}: {claim:?}") };
    assert!(lease.fence > acknowledged.fence, "round {round}");
    store.release("l", lease.holder).await.unwrap();
    store.close().await;
}

/// PostgreSQL finishes the statements of a client that died; until then the state may change.
async fn wait_for_the_server(home: &Home) {
    if home.url.is_shared() {
        let mut beside = home.connect().await;
        let others = "SELECT COUNT(*) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut beside).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
