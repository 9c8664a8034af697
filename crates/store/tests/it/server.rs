//! The database server goes away and comes back.

use std::process::Command;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_core::journal::Journal;
use lotse_store::audit::Verdict;
use lotse_store::{Error, Store, StoreOptions, StoreUrl};

use crate::damage::deed;
use crate::home::{Home, impatient, intent, second, statement, within};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real: postgresql"]
async fn a_transaction_whose_connection_is_cut_fails_and_the_next_one_works() {
    within(Home::postgres().await, async |home| {
        let store = home.open().await;
        let mut transaction = store.begin("act").await.unwrap();
        transaction.record(deed(1));
        let mut other = home.connect().await;
        statement(
            &mut other,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { operation: "act", .. }), "{error:?}");
        store.record(deed(2)).await.unwrap();
        assert!(matches!(store.audit_verify(None).await.unwrap(), Verdict::Intact { end } if end.seq == 1));
    })
    .await;
}

/// A server of this test alone.
struct Server(String);

impl Server {
    fn new() -> Self {
        Self(format!("/var/tmp/lotse-test-{}", uuid::Uuid::new_v4().simple()))
    }

    fn run(&self, words: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testbed/postgres.sh");
        let mut command = Command::new(script);
        let output = command.args(words).env("LOTSE_POSTGRES_DIR", &self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// Short enough a restart is not noticed but for the wait.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "real: postgresql"]
async fn a_restart_of_the_server_is_waited_out() {
    let server = Server::new();
    let home = Home::postgres_at(&server.run(&["up"])).await;
    let store = home.open().await;
    server.run(&["stop", "now"]);
    let intent = intent("c", "n", second(1));
    let waiting = tokio::spawn({
        let (store, intent) = (store.clone(), intent.clone());
        async move { store.intend(&intent).await }
    });
    server.run(&["up"]);
    waiting.await.unwrap().unwrap();
    assert_eq!(store.journal_unfinished().await.unwrap(), [intent]);
    store.close().await;
}

/// All connections are dead, but none is closed. The pool must not keep them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "real: postgresql"]
async fn connections_that_died_in_silence_are_given_up() {
    within(Home::postgres().await, async |home| {
        let real: url::Url = home.full_url.parse().unwrap();
        let proxy = Proxy::before(real.port().unwrap()).await;
        let mut url = real;
        url.set_port(Some(proxy.port)).unwrap();
        let options = StoreOptions { deadline: Duration::from_millis(300), ..impatient() };
        let store = Store::open_with(&url.as_str().parse().unwrap(), options).await.unwrap();
        store.record(deed(1)).await.unwrap();

        // Every connection the pool can have is in use.
        let mut open = Vec::new();
        let error = loop {
            match store.begin("act").await {
                Ok(transaction) => open.push(transaction),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Slow { .. }), "{error:?}");
        proxy.die();
        for mut transaction in open {
            transaction.record(deed(1));
            let error = transaction.commit().await.unwrap_err();
            assert!(matches!(error, Error::Slow { .. }), "{error:?}");
        }
        let error = store.record(deed(1)).await.unwrap_err();
        assert!(matches!(error, Error::Slow { .. } | Error::Unreachable { .. }), "{error:?}");

        proxy.revive();
        let mut outcome = store.record(deed(2)).await;
        // Closing a dead connection politely is given up after 5 s, and only then it is replaced.
        for _ in 0..60 {
            if outcome.is_ok() {
                break;
            }
            outcome = store.record(deed(2)).await;
        }
        outcome.unwrap();
        assert!(matches!(store.audit_verify(None).await.unwrap(), Verdict::Intact { end } if end.seq == 2));
    })
    .await;
}

/// A server of its own, stopped without farewell and started again.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "real: postgresql"]
async fn a_server_that_stops_is_said_and_its_return_is_enough() {
    let server = Server::new();
    let admin = server.run(&["up"]);
    let home = Home::postgres_at(&admin).await;
    let store = Store::open_with(&home.url, impatient()).await.unwrap();
    let before = intent("c", "before", second(1));
    store.intend(&before).await.unwrap();

    server.run(&["stop", "now"]);
    let during = intent("c", "during", second(2));
    for _ in 0..2 {
        let error = store.intend(&during).await.unwrap_err();
        let error = Error::find(&error).unwrap();
        assert_eq!(
            error.to_string(),
            format!("cannot write the journal: no connection to {}", home.url)
        );
        assert!(chain(error).contains("onnection"), "{}", chain(error));
        assert!(error.hints()[0].contains("goes on by itself"));
    }
    assert!(store.check().await.is_err());

    server.run(&["up"]);
    store.check().await.unwrap();
    store.intend(&during).await.unwrap();
    assert_eq!(store.journal_unfinished().await.unwrap(), [before, during]);
    store.close().await;
}

#[tokio::test]
#[ignore = "real: postgresql"]
async fn a_database_that_does_not_exist_is_said() {
    within(Home::postgres().await, async |home| {
        let url: StoreUrl = format!("{}_not", home.full_url).parse().unwrap();
        let error = Store::open(&url).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{url} refuses the sign-in"));
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(chain(&error).contains("does not exist"), "{}", chain(&error));
    })
    .await;
}
