//! Starting, seeding, dumping, and the clock of tokens.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_core::time::{ManualClock, SharedClock, SignedDuration};
use lotse_sim::{SimCloud, SimError, SimOptions};
use reqwest::Method;
use serde_json::json;

use crate::client::{Answer, Session, http, person};

async fn start_with_seed(text: &str) -> Result<SimCloud, SimError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("seed.json");
    std::fs::write(&path, text).expect("a file");
    SimCloud::start(SimOptions { seed: Some(path), ..SimOptions::default() }).await
}

#[tokio::test]
async fn a_dump_seeds_another_cloud_with_the_same_state() {
    let first = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let session = Session::sign_in(&person(&first, "admin", Some("admin"))).await;
    let image = json!({
        "name": "kept", "disk_format": "raw", "container_format": "bare", "tags": ["t"],
        "visibility": "public", "os_distro": "debian",
    });
    let id = session.post("/v2/images", &image).await.json()["id"].clone();
    let path = format!("/v2/images/{}", id.as_str().expect("an id"));
    let web = json!({"method": {"name": "web-download", "uri": "https://a.example/a.qcow2"}});
    assert_eq!(session.post(&format!("{path}/import"), &web).await.status, 202);
    let project = json!({"project": {"name": "extra", "colour": "red"}});
    Answer::of(session.identity(Method::POST, "/projects").json(&project)).await;
    first.upstream().unreachable("http://gone.example/");
    first.upstream().declare("http://b.example/b", lotse_sim::UpstreamFile::default().sized(7));
    let before = session.get(&path).await.json();
    let dump = first.state().to_json();
    let over_http = Answer::of(http().get(format!("{}/_sim/state", first.url()))).await.json();
    assert_eq!(over_http, dump);

    let second = start_with_seed(&dump.to_string()).await.expect("a second cloud");
    let session = Session::sign_in(&person(&second, "admin", Some("admin"))).await;
    assert_eq!(session.get(&path).await.json(), before);
    assert_eq!(second.state().to_json(), dump);
    // The second cloud makes no id again that the first one made.
    let another = json!({"name": "another"});
    assert_eq!(session.post("/v2/images", &another).await.status, 201);
    assert_eq!(session.get(&path).await.json(), before);
}

#[tokio::test]
async fn a_large_cloud_of_every_kind_is_dumped_and_seeded_again() {
    let scale = "images=30,servers=30,projects=20,users=30".parse().expect("a scale");
    let large = SimOptions { scale, ..SimOptions::default() };
    let first = SimCloud::start(large).await.expect("a cloud");
    let dump = first.state().to_json();
    let parts: Vec<_> = dump.as_object().expect("parts").keys().cloned().collect();
    let services = Answer::of(http().get(first.url())).await.json();
    let services = services["services"].as_array().expect("services").len();
    assert_eq!(parts.len(), services, "a part for each service: {parts:?}");
    assert_eq!(dump["image"]["images"].as_array().map(Vec::len), Some(30));
    assert_eq!(dump["compute"]["servers"].as_array().map(Vec::len), Some(30));
    let text = serde_json::to_string_pretty(&dump).expect("text");
    let second = start_with_seed(&text).await.expect("a second cloud");
    assert_eq!(second.state().to_json(), dump);
}

#[tokio::test]
async fn a_scaled_cloud_lists_everything_once_in_pages() {
    let scale = "images=1000,projects=3,users=5".parse().expect("a scale");
    let large = SimOptions { scale, ..SimOptions::default() };
    let cloud = SimCloud::start(large).await.expect("a cloud");
    let member = Session::sign_in(&person(&cloud, "user-000003", Some("project-000003"))).await;
    let mut names = std::collections::BTreeSet::new();
    let mut next = Some("/v2/images?limit=300".to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next {
        let page = member.get(&path).await.json();
        let images = page["images"].as_array().expect("images");
        pages.push(images.len());
        names.extend(images.iter().map(|image| image["name"].to_string()));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(pages, [300, 300, 300, 100]);
    assert_eq!(names.len(), 1000);
}

#[tokio::test]
async fn a_seed_replaces_only_the_parts_it_has() {
    let seed = json!({"image": {"stores": ["only"], "images": [{
        "id": "11111111-1111-4111-8111-111111111111", "name": "seeded", "visibility": "public",
        "status": "active", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z", "properties": {"os_distro": "debian"},
    }]}});
    let cloud = start_with_seed(&seed.to_string()).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let list = session.get("/v2/images").await.json();
    assert_eq!(list["images"][0]["name"], "seeded");
    assert_eq!(list["images"][0]["os_distro"], "debian");
    let stores = session.get("/v2/info/stores").await.json();
    assert_eq!(stores["stores"][0]["id"], "only");
}

#[tokio::test]
async fn a_wrong_seed_is_refused_with_line_and_column() {
    let error = start_with_seed("{\n  \"imge\": {}\n}").await.expect_err("a misspelt key");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = chain(&error);
    assert!(text.contains("unknown field `imge`"), "{text}");
    assert!(text.contains("line 2 column 8"), "{text}");
}

#[tokio::test]
async fn each_kind_of_error_in_a_seed_has_its_place() {
    for (seed, problem, place) in [
        ("{\n \"image\": {\n  \"images\": 5}}", "expected a list", "line 3 column 13"),
        ("{\"identity\":\n{\"users\": [{\"nme\": 1}]}}", "missing field `id`", "line 2 column 21"),
        ("{\"image\": {},\n\n]", "key must be a string", "line 3 column 1"),
        ("{\"image\": {\"stores\": [1]}}", "invalid type", "line 1 column 23"),
        ("{\"image\": {\n", "EOF", "line 2 column 0"),
        (
            "{\"identity\": {\"regions\": [\n {\"id\": \"a\"},\n {\"id\": \"a\"},\n {}]}}",
            "`a` is there twice",
            "line 3 column 12",
        ),
    ] {
        let error = start_with_seed(seed).await.expect_err(seed);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let text = chain(&error);
        assert!(text.contains(problem) && text.contains(place), "{seed}: {text}");
    }
}

#[tokio::test]
async fn only_loopback_addresses_are_listened_on() {
    let listen = "0.0.0.0:0".parse().expect("an address");
    let error = SimCloud::start(SimOptions { listen, ..SimOptions::default() }).await;
    assert!(matches!(error, Err(SimError::NotLoopback { .. })), "{error:?}");
}

#[tokio::test]
async fn a_taken_port_is_refused_with_the_address() {
    let first = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let listen = first.url().strip_prefix("http://").expect("url").parse().expect("an address");
    let error = SimCloud::start(SimOptions { listen, ..SimOptions::default() }).await;
    let error = error.expect_err("the port is taken");
    assert!(error.to_string().contains(&listen.to_string()), "{error}");
    assert!(!error.hints().is_empty());
}

#[tokio::test]
async fn a_token_ends_with_its_lifetime_on_the_clock() {
    let clock = Arc::new(ManualClock::starting_at("2026-01-01T00:00:00Z".parse().expect("time")));
    let shared: SharedClock = clock.clone();
    let options = SimOptions {
        clock: shared,
        token_lifetime: Duration::from_mins(5),
        ..SimOptions::default()
    };
    let cloud = SimCloud::start(options).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    clock.advance(SignedDuration::from_secs(299));
    assert_eq!(session.get("/v2/images").await.status, 200);
    clock.advance(SignedDuration::from_secs(1));
    let ended = session.get("/v2/images").await;
    assert_eq!(ended.status, 401);
    assert!(ended.header("www-authenticate").is_some());
    let again = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    assert_eq!(again.get("/v2/images").await.status, 200);
}

#[tokio::test]
async fn tokens_ended_by_hand_are_refused_at_once() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    cloud.expire_tokens();
    assert_eq!(session.get("/v2/images").await.status, 401);
}

#[tokio::test]
async fn passwords_and_tokens_are_in_no_debug_output() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    let user = json!({"user": {"name": "u", "password": "unspeakable"}});
    let made = Answer::of(session.identity(Method::POST, "/users").json(&user)).await;
    assert_eq!(made.status, 201);
    assert!(!made.text.contains("unspeakable"));
    let debug = format!("{cloud:?} {:?}", cloud.state());
    assert!(!debug.contains("unspeakable") && !debug.contains(&session.token), "{debug}");
    assert!(cloud.state().to_json().to_string().contains("unspeakable"), "a dump must seed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_created_at_once_are_all_there_once_in_pages() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let session = session.clone();
            tokio::spawn(async move {
                session.post("/v2/images", &json!({"name": format!("image {number}")})).await.status
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("a task"), 201);
    }
    let mut names = Vec::new();
    let mut next = Some("/v2/images?limit=7".to_owned());
    while let Some(path) = next {
        let page = session.get(&path).await.json();
        let images = page["images"].as_array().expect("images");
        names.extend(images.iter().map(|image| image["name"].to_string()));
        next = page["next"].as_str().map(str::to_owned);
    }
    let total = names.len();
    names.sort();
    names.dedup();
    assert_eq!((total, names.len()), (60, 60));
}
