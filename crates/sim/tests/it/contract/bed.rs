//! Where a scenario is played: the simulated cloud or the testbed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lotse_core::declared::{SourceFile, parse};
use lotse_core::time::{ManualClock, SignedDuration};
use lotse_sim::{Delays, DownloadMode, SimCloud, SimOptions};
use reqwest::Method;
use serde_json::Value;

use crate::client::{Answer, Person, Session};

/// A cloud with people on it.
#[derive(Debug)]
pub(crate) struct Bed {
    /// Administrator, on the project `admin`.
    pub(crate) admin: Session,
    /// Member of the project `demo`.
    pub(crate) member: Session,
    /// Member of the project `alt`.
    pub(crate) other: Session,
    pub(crate) people: People,
    /// Part of all names made here, so that runs do not meet.
    pub(crate) run: String,
    /// The clock of a simulation whose time passes only while somebody waits.
    pub(crate) clock: Option<Arc<ManualClock>>,
    /// Keeps the simulation alive.
    _sim: Option<SimCloud>,
}

/// How the people sign in.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) admin: Person,
    pub(crate) member: Person,
    pub(crate) other: Person,
}

/// What the console of a server of the testbed says, whose guests are not real either.
const GUEST: &str = "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE";

impl Bed {
    pub(crate) async fn simulated() -> Self {
        let options = SimOptions {
            download: DownloadMode::Fetch,
            // Long enough to see what volumes are in the meantime.
            delays: Delays { volume: Duration::from_millis(150), ..Delays::default() },
            console: Some(GUEST.to_owned()),
            ..SimOptions::default()
        };
        let sim = SimCloud::start(options).await.expect("a cloud");
        let person = |user, project| crate::client::person(&sim, user, Some(project));
        let people = People {
            admin: person("admin", "admin"),
            member: person("demo", "demo"),
            other: person("alt", "alt"),
        };
        Self::with(people, Some(sim), None).await
    }

    /// A simulation in which everything takes its time, on a clock of its own.
    pub(crate) async fn slow() -> Self {
        let start = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::starting_at(start));
        let whole = Duration::from_mins(1);
        let options = SimOptions {
            clock: clock.clone(),
            delays: Delays { server: whole, volume: whole, load_balancer: whole },
            console: Some(GUEST.to_owned()),
            ..SimOptions::default()
        };
        let sim = SimCloud::start(options).await.expect("a cloud");
        let person = |user, project| crate::client::person(&sim, user, Some(project));
        let people = People {
            admin: person("admin", "admin"),
            member: person("demo", "demo"),
            other: person("alt", "alt"),
        };
        Self::with(people, Some(sim), Some(clock)).await
    }

    /// Lets a little time pass: on the clock of the simulation, or before asking a real cloud again.
    pub(crate) async fn pass_time(&self) {
        match &self.clock {
            Some(clock) => clock.advance(SignedDuration::from_secs(1)),
            None => tokio::task::yield_now().await,
        }
    }

    /// Waits until what is made from now on bears a later time than what there is: most services
    /// know whole seconds only, and list what is of the same second in no order.
    pub(crate) async fn next_second(&self) {
        match &self.clock {
            Some(clock) => clock.advance(SignedDuration::from_secs(1)),
            None => tokio::time::sleep(Duration::from_millis(1100)).await,
        }
    }

    /// Whether each state can be seen: it lasts until somebody has looked.
    pub(crate) const fn is_slow(&self) -> bool {
        self.clock.is_some()
    }

    pub(crate) async fn real() -> Self {
        let path = std::env::vars()
            .find_map(|(name, value)| (name == "LOTSE_TESTBED_CLOUDS").then_some(value))
            .expect("LOTSE_TESTBED_CLOUDS must name the clouds.yaml of the testbed");
        let file = SourceFile::read(Path::new(&path)).expect("a clouds.yaml");
        let clouds = parse(&file).expect("a clouds.yaml").to_json();
        let person = |name: &str| {
            let auth = &clouds["clouds"][name]["auth"];
            let text = |key: &str| auth[key].as_str().unwrap_or_else(|| panic!("{name}: {key}"));
            Person {
                auth_url: text("auth_url").to_owned(),
                user: text("username").to_owned(),
                password: text("password").to_owned(),
                project: Some(text("project_name").to_owned()),
            }
        };
        let people = People {
            admin: person("testbed-admin"),
            member: person("testbed"),
            other: person("testbed-alt"),
        };
        Self::with(people, None, None).await
    }

    async fn with(people: People, sim: Option<SimCloud>, clock: Option<Arc<ManualClock>>) -> Self {
        Self {
            admin: Session::sign_in(&people.admin).await,
            member: Session::sign_in(&people.member).await,
            other: Session::sign_in(&people.other).await,
            people,
            run: format!("contract-{}", uuid::Uuid::new_v4().simple()),
            clock,
            _sim: sim,
        }
    }

    /// A name that belongs to this run.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.run)
    }

    /// Removes everything whose name belongs to this run.
    pub(crate) async fn clean_up(&self) {
        super::nova::clean_up(self).await;
        super::placement::clean_up(self).await;
        super::octavia_life::clean_up(self).await;
        let admin = Session::sign_in(&self.people.admin).await;
        super::neutron::clean_up(self).await;
        for hidden in ["false", "true"] {
            let path =
                format!("/v2/images?tag={}&limit=500&os_hidden={hidden}&visibility=all", self.run);
            for image in list(&admin.get(&path).await, "images") {
                let path = format!("/v2/images/{image}");
                let free = serde_json::json!([
                    {"op": "replace", "path": "/protected", "value": false}
                ]);
                admin.patch(&path, &free).await;
                let gone = admin.delete(&path).await;
                assert!(matches!(gone.status, 204 | 404), "{image} stays: {}", gone.text);
            }
        }
        if let Some(tenant) = super::tenant::existing(self).await {
            super::barbican::clean_up(&tenant).await;
            super::swift::clean_up(&tenant).await;
            super::cinder::clean_up(self, &tenant).await;
        }
        for (kind, one) in [("users", "user"), ("projects", "project"), ("roles", "role")] {
            let all = Answer::of(admin.identity(Method::GET, &format!("/{kind}"))).await.json();
            let all = all[kind].as_array().expect(one).iter();
            let mine =
                all.filter(|it| it["name"].as_str().is_some_and(|it| it.contains(&self.run)));
            for id in mine.filter_map(|it| it["id"].as_str()) {
                let path = format!("/{kind}/{id}");
                let gone = Answer::of(admin.identity(Method::DELETE, &path)).await;
                assert_eq!(gone.status, 204, "{one} {id} stays: {}", gone.text);
            }
        }
    }
}

/// The ids in a list.
fn list(answer: &Answer, kind: &str) -> Vec<String> {
    let body = answer.json();
    let all = body[kind].as_array().unwrap_or_else(|| panic!("no {kind}: {}", answer.text));
    all.iter().filter_map(|it| it["id"].as_str()).map(str::to_owned).collect::<Vec<_>>()
}

/// The text under a key.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}
