//! Subscribers: who is asked, told and left alone, and that nobody learns whom we know.

use std::sync::{Arc, Mutex};

use lotse_core::id::IncidentId;
use lotse_status::command::{Command, IncidentFields, Notice};
use lotse_status::model::Impact;
use lotse_status::site::Options;
use lotse_status::subscribe::pages::Subscriptions;
use lotse_status::subscribe::task::{TellingTask, begin};
use lotse_status::subscribe::{Addressed, Office, Post, Settings, Way, refusal};
use lotse_status::{Desk, PART, subscribe};
use lotse_store::{Store, Transaction, on_both};
use serde_json::json;

use crate::stage::Stage;

/// Keeps what is posted; fails when told to.
#[derive(Debug, Default)]
struct Letterbox {
    posted: Mutex<Vec<(String, String)>>,
    fails_after: Mutex<Option<usize>>,
}

#[async_trait::async_trait]
impl Post for Letterbox {
    async fn post(
        &self,
        _: &mut Transaction,
        one: &Addressed<'_>,
    ) -> Result<(), lotse_store::Error> {
        if let Some(left) = self.fails_after.lock().unwrap().as_mut() {
            let reason = "the power is gone".to_owned();
            let gone = lotse_store::Error::Refused { operation: "post", reason };
            *left = left.checked_sub(1).ok_or(gone)?;
        }
        let whom = one.subscriber.way.target().to_owned();
        self.posted.lock().unwrap().push((whom, one.news.title.clone()));
        Ok(())
    }
}

impl Letterbox {
    fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.posted.lock().unwrap())
    }
}

fn options(per_minute: u32) -> Options {
    let subscriptions = Subscriptions { mail: true, webhooks: true, per_minute };
    Options { subscriptions: Some(subscriptions), ..Options::default() }
}

struct World {
    stage: Stage,
    office: Office,
    post: Arc<Letterbox>,
    task: TellingTask,
    component: lotse_core::id::ComponentId,
}

impl World {
    async fn new() -> Self {
        Self::allowing(1000).await
    }

    async fn allowing(per_minute: u32) -> Self {
        Self::at(Stage::with(options(per_minute)).await).await
    }

    /// The same on this store.
    async fn on(store: Arc<Store>) -> Self {
        Self::at(Stage::on(store, options(1000)).await).await
    }

    async fn at(stage: Stage) -> Self {
        begin(&stage.store).await.unwrap();
        let labels = json!({ "displayName": "Compute", "labels": { "region": "west" } });
        let component = stage.make("/components", labels).await.parse().unwrap();
        let office = Office::new(stage.store.clone(), stage.clock.clone());
        let post = Arc::<Letterbox>::default();
        let task = TellingTask::new(stage.desk.clone(), post.clone());
        Self { stage, office, post, task, component }
    }

    async fn told(&self) -> Vec<(String, String)> {
        self.task.run().await.unwrap();
        self.post.take()
    }

    async fn open(&self, severity: u8, notice: Notice) -> IncidentId {
        let id = IncidentId::generate();
        let impact = Impact { component: self.component, kind: None, severity: Some(severity) };
        let fields = IncidentFields {
            name: Some("Disks".to_owned()),
            affects: Some(vec![impact]),
            began: Some(self.stage.desk.clock().now()),
            ..IncidentFields::default()
        };
        let desk: &Desk = &self.stage.desk;
        desk.perform_with("test", &Command::AddIncident(id, fields), notice).await.unwrap();
        id
    }

    /// Fills in a form of the page; status and page.
    async fn form(&self, path: &str, body: &str) -> (u16, String) {
        let form = "application/x-www-form-urlencoded";
        let request = self.stage.http.post(format!("{}{path}", self.stage.base));
        let request = request.header("content-type", form).body(body.to_owned());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn token_of(&self, address: &str) -> String {
        let all = self.office.all().await.unwrap();
        all.iter().find(|one| one.way.target() == address).unwrap().token()
    }
}

const ADA: &str = "way=mail&mail=ada%40example.org&maintenance=yes&least=34";

#[tokio::test]
async fn an_address_is_asked_first_says_yes_is_told_and_leaves_with_one_click() {
    let world = World::new().await;
    let (status, page) = world.form("/en/subscribe", ADA).await;
    assert!(status == 200 && page.contains("a message is on its way"), "{page}");
    let asked = vec![("ada@example.org".to_owned(), "Please confirm your subscription".to_owned())];
    assert_eq!(world.told().await, asked);
    world.open(90, Notice::Everybody).await;
    assert_eq!(world.told().await, [], "who has not said yes is told nothing");

    let token = world.token_of("ada@example.org").await;
    let manage = format!("{}/en/subscription/{token}", world.stage.base);
    let page = world.stage.http.get(&manage).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Yes, tell me"), "looking at the link is no yes: {page}");
    let (status, page) = world.form(&format!("/en/subscription/{token}/confirm"), "").await;
    assert!(status == 200 && page.contains("value=\"34\" selected"), "{page}");

    world.open(20, Notice::Everybody).await;
    assert_eq!(world.told().await, [], "it is not as bad");
    world.open(90, Notice::Nobody).await;
    assert_eq!(world.told().await, [], "the reporter was silent");
    world.open(90, Notice::Everybody).await;
    assert_eq!(world.told().await, [("ada@example.org".to_owned(), "Incident: Disks".to_owned())]);
    assert_eq!(world.told().await, [], "nothing is told twice");

    let one_click = format!("/unsubscribe/{token}");
    assert_eq!(world.form(&one_click, "").await.0, 400, "what programs call for no reason");
    let asked = world.stage.http.get(format!("{}{one_click}", world.stage.base)).send().await;
    assert!(asked.unwrap().text().await.unwrap().contains("Save"), "a look ends nothing");
    assert_eq!(world.form(&one_click, "List-Unsubscribe=One-Click").await.0, 200);
    assert_eq!(world.form(&one_click, "List-Unsubscribe=One-Click").await.0, 200);
    world.open(90, Notice::Everybody).await;
    assert_eq!(world.told().await, []);
    assert!(world.office.all().await.unwrap().is_empty(), "the address is forgotten");
}

#[tokio::test]
async fn nobody_learns_whether_an_address_is_known_and_strangers_change_nothing() {
    let world = World::new().await;
    let way = Way::mail("ada@example.org").unwrap();
    world.office.add("test", way, Settings::default()).await.unwrap();
    world.stage.hours_later(1);
    let known = world.form("/en/subscribe", ADA).await;
    let unknown = world.form("/en/subscribe", &ADA.replace("ada", "bob")).await;
    assert_eq!(known, unknown);
    let again = world.form("/en/subscribe", ADA).await;
    assert_eq!(known, again);
    let told = world.told().await;
    let ada = ("ada@example.org".to_owned(), "You are subscribed already".to_owned());
    assert!(told.contains(&ada) && told.len() == 2, "asked again at once, once: {told:?}");
    let all = world.office.all().await.unwrap();
    assert_eq!(all[0].settings, Settings::default(), "the wishes are those of the owner");
}

#[tokio::test]
async fn who_asks_too_often_or_from_elsewhere_is_refused() {
    let world = World::allowing(2).await;
    assert_eq!(world.form("/de/subscribe", "way=mail&mail=nonsense").await.0, 422);
    assert_eq!(world.form("/de/subscribe", ADA).await.0, 200);
    let (status, page) = world.form("/de/subscribe", ADA).await;
    assert!(status == 429 && page.contains("zu viele"), "{page}");
    let request = world.stage.http.post(format!("{}/en/subscribe", world.stage.base));
    let foreign = request.header("sec-fetch-site", "cross-site").body(ADA).send().await.unwrap();
    assert_eq!(foreign.status(), 403);
}

#[tokio::test]
async fn tokens_of_nobody_find_nothing_and_old_questions_are_forgotten() {
    let world = World::new().await;
    assert_eq!(world.form("/en/subscribe", ADA).await.0, 200);
    let token = world.token_of("ada@example.org").await;
    for wrong in ["x".to_owned(), token.replace(&token[60..], "0000"), format!("{token}0")] {
        let path = format!("/en/subscription/{wrong}/confirm");
        assert_eq!(world.form(&path, "").await.0, 404, "{wrong}");
    }
    world.stage.hours_later(49);
    assert_eq!(world.form(&format!("/en/subscription/{token}/confirm"), "").await.0, 404);
    assert_eq!(world.office.forget().await.unwrap(), 1);
}

on_both! { &[PART, lotse_status::detect::PART, subscribe::PART];
    async fn what_fails_half_way_is_told_whole_the_next_time_and_once(store) {
        let world = World::on(store).await;
        for name in ["a", "b", "c"] {
            let way = Way::mail(&format!("{name}@example.org")).unwrap();
            world.office.add("test", way, Settings::default()).await.unwrap();
        }
        world.open(90, Notice::Everybody).await;
        for posted in 0..3 {
            *world.post.fails_after.lock().unwrap() = Some(posted);
            assert!(world.task.run().await.is_err());
            world.post.take();
        }
        *world.post.fails_after.lock().unwrap() = None;
        assert_eq!(world.told().await.len(), 3, "the event was not acknowledged before");
        assert_eq!(world.told().await, []);
    }

    async fn subscribers_say_yes_change_and_leave_on_either_engine(store) {
        let world = World::on(store).await;
        assert_eq!(world.form("/en/subscribe", ADA).await.0, 200);
        let asked = world.told().await;
        assert_eq!(asked.len(), 1, "{asked:?}");
        let path = format!("/en/subscription/{}", world.token_of("ada@example.org").await);
        assert_eq!(world.form(&format!("{path}/confirm"), "").await.0, 200);
        world.open(90, Notice::Everybody).await;
        assert_eq!(world.told().await.len(), 1);
        // Only outages from now on.
        assert_eq!(world.form(&path, "least=67").await.0, 200);
        world.open(50, Notice::Everybody).await;
        world.open(90, Notice::Nobody).await;
        assert_eq!(world.told().await, []);
        world.open(90, Notice::Everybody).await;
        assert_eq!(world.told().await.len(), 1);
        assert_eq!(world.form(&format!("{path}/end"), "").await.0, 200);
        world.open(90, Notice::Everybody).await;
        assert_eq!(world.told().await, []);
    }
}

#[tokio::test]
async fn an_address_that_refuses_again_and_again_is_not_told_until_it_says_something() {
    let world = World::new().await;
    let way = Way::mail("ada@example.org").unwrap();
    let ada = world.office.add("test", way, Settings::default()).await.unwrap();
    let refuse = async || {
        refusal::refused(&world.stage.store, ada.id, "550 nobody", world.stage.desk.clock().now())
            .await
    };
    for told in [1, 1, 1, 0] {
        world.open(90, Notice::Everybody).await;
        assert_eq!(world.told().await.len(), told);
        refuse().await.unwrap();
    }
    let failing = world.office.failing().await.unwrap();
    assert_eq!((failing[&ada.id].times, &*failing[&ada.id].said), (4, "550 nobody"));
    // Their owner says something: somebody is there.
    let path = format!("/en/subscription/{}", ada.token());
    assert_eq!(world.form(&path, "least=0").await.0, 200);
    world.open(90, Notice::Everybody).await;
    assert_eq!(world.told().await.len(), 1);
    // What is taken in between counts from the beginning.
    refuse().await.unwrap();
    refusal::taken(&world.stage.store, ada.id).await.unwrap();
    assert!(world.office.failing().await.unwrap().is_empty());
    world.office.remove("test", ada.id).await.unwrap();
}

#[tokio::test]
async fn readers_behind_a_proxy_of_ours_are_counted_apart_and_strangers_are_not_believed() {
    for (trusted, expected) in [("127.0.0.0/8", [422, 422, 429]), ("192.0.2.1", [422, 429, 429])] {
        let trusted_proxies = vec![trusted.parse().unwrap()];
        let world = World::at(Stage::with(Options { trusted_proxies, ..options(1) }).await).await;
        let mut statuses = Vec::new();
        for reader in ["198.51.100.1", "198.51.100.2", "6.6.6.6, 198.51.100.1"] {
            let request = world.stage.http.post(format!("{}/en/subscribe", world.stage.base));
            let request = request.header("x-forwarded-for", reader).body("way=mail&mail=nonsense");
            statuses.push(request.send().await.unwrap().status().as_u16());
        }
        assert_eq!(statuses, expected, "{trusted}");
    }
}

#[tokio::test]
async fn a_page_without_subscriptions_has_no_such_pages() {
    let stage = Stage::new().await;
    for path in ["/en/subscribe", "/en/subscription/x", "/unsubscribe/x"] {
        let response = stage.http.get(format!("{}{path}", stage.base)).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
}
