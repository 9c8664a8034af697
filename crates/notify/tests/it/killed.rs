//! `kill -9` between any two steps: nobody is left without, and what comes twice has the same id.
//!
//! The test program runs itself again as a child, which routes and sends until a point that the
//! parent has chosen, says so and waits there to be killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use lotse_core::time::system_clock;
use lotse_notify::channel::http::Sender;
use lotse_notify::channel::webhook::Webhook;
use lotse_notify::channel::webhook::shape::Shape;
use lotse_notify::channel::{Parcel, Trouble};
use lotse_notify::courier::{Options, Tally};
use lotse_notify::guard::{Guard, Reach};
use lotse_notify::model::State;
use lotse_notify::{Channel, Channels, Courier, tls};
use lotse_store::{Store, StoreOptions, StoreUrl};
use tokio_util::sync::CancellationToken;

use crate::stage::{PARTS, after_all, all, everything, proposed, send};
use crate::web::Web;

const STATE: &str = "LOTSE_TEST_STATE";
const HOOK: &str = "LOTSE_TEST_HOOK";
const POINT: &str = "LOTSE_TEST_POINT";
/// What the child says when it waits to be killed.
const HERE: &str = "kill me here";

fn webhook(url: &str) -> Webhook {
    let sender = Sender::new(Guard::new(Reach::Everywhere), tls::client_config(None).unwrap());
    Webhook::new(url.parse().unwrap(), Shape::Standard, None, sender.unwrap())
}

async fn open(url: &StoreUrl) -> Arc<Store> {
    let options = StoreOptions { parts: PARTS.to_vec(), ..StoreOptions::default() };
    Arc::new(Store::open_with(url, options).await.unwrap())
}

fn channels(channel: Arc<dyn Channel>) -> Arc<Channels> {
    Arc::new(Channels::new(None, vec![everything(&["hook"])]).with("hook", channel))
}

// The child.

/// Sends by webhook, and waits to be killed before or after it.
#[derive(Debug)]
struct Deadly {
    webhook: Webhook,
    before: bool,
}

#[expect(clippy::print_stdout, reason = "the child's way to its parent")]
async fn wait_to_be_killed() {
    println!("{HERE}");
    std::future::pending::<()>().await;
}

#[async_trait]
impl Channel for Deadly {
    fn recipients(&self) -> Vec<String> {
        self.webhook.recipients()
    }

    fn target(&self) -> String {
        self.webhook.target()
    }

    fn fingerprint(&self) -> String {
        self.webhook.fingerprint()
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        if !self.before {
            self.webhook.send(parcel).await?;
        }
        wait_to_be_killed().await;
        unreachable!()
    }
}

#[expect(clippy::disallowed_methods, reason = "set by the parent only")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Does nothing unless a parent says where.
#[tokio::test]
async fn child_that_waits_to_be_killed() {
    let Some(point) = told(POINT) else { return };
    let store = open(&told(STATE).unwrap().parse().unwrap()).await;
    let webhook = webhook(&told(HOOK).unwrap());
    let deadly = Deadly { webhook, before: point == "claimed" };
    let clock = system_clock();
    let courier = Courier::new(store, channels(Arc::new(deadly)), clock, Options::default());
    courier.route().await.unwrap();
    if point == "routed" {
        wait_to_be_killed().await;
    }
    courier.send(&CancellationToken::new()).await.unwrap();
}

// The parent.

/// A child at the point, killed when it is dropped.
struct AtPoint(Child);

impl AtPoint {
    fn reach(point: &str, state: &StoreUrl, hook: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed::child_that_waits_to_be_killed", "--exact", "--nocapture"])
            .env(STATE, state.to_string())
            .env(HOOK, hook)
            .env(POINT, point)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reached = lines.map_while(Result::ok).any(|line| line.contains(HERE));
        assert!(reached, "the child ended by itself");
        Self(child)
    }
}

impl Drop for AtPoint {
    fn drop(&mut self) {
        // SIGKILL; it may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What the receiver sees of a daemon that is killed there, and of the one after it: the ids.
async fn ids_after_a_kill(point: &'static str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let url = StoreUrl::in_directory(directory.path());
    let store = open(&url).await;
    let mut web = Web::start().await;
    let channel = Arc::new(webhook(&web.url()));
    let clock = after_all();
    let courier = Courier::new(store.clone(), channels(channel), clock.clone(), Options::default());
    // The reader begins here, so the event is for the child.
    courier.route().await.unwrap();
    store.emit(proposed("prod")).await.unwrap();

    let hook = web.url();
    let child = tokio::task::spawn_blocking(move || AtPoint::reach(point, &url, &hook));
    drop(child.await.unwrap());

    assert_eq!(courier.route().await.unwrap(), 0, "the child has routed it");
    let sent = send(&courier).await;
    assert_eq!(sent, Tally { sent: 1, ..Tally::default() });
    assert_eq!(send(&courier).await, Tally::default());
    let delivery = &all(&courier, State::Sent).await[0];
    assert_eq!(delivery.attempts, if point == "routed" { 1 } else { 2 });
    let mut ids = Vec::new();
    while let Ok(request) = web.requests.try_recv() {
        ids.push(request.header("webhook-id").to_owned());
    }
    assert!(ids.iter().all(|id| *id == delivery.id.to_string()), "{ids:?}");
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_routing_it_is_sent_by_the_next() {
    assert_eq!(ids_after_a_kill("routed").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_claim_and_sending_it_is_sent_by_the_next() {
    assert_eq!(ids_after_a_kill("claimed").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_sending_and_recording_it_comes_twice_under_the_same_id() {
    assert_eq!(ids_after_a_kill("sent").await.len(), 2);
}
