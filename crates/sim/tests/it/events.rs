//! The stream of events and the clock that steers what comes when, over HTTP as other processes use
//! them.

use std::time::Duration;

use futures::StreamExt;
use lotse_sim::{SimCloud, SimOptions};
use serde_json::{Value, json};

use crate::client::{Answer, Session, http, person};

async fn cloud(options: SimOptions) -> (SimCloud, Session) {
    let cloud = SimCloud::start(options).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    (cloud, session)
}

async fn create(session: &Session, name: &str) -> String {
    let body = json!({"name": name, "disk_format": "raw", "container_format": "bare"});
    let made = session.post("/v2/images", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// A page of events.
async fn page(cloud: &SimCloud, query: &str) -> Value {
    Answer::of(http().get(format!("{}/_sim/events{query}", cloud.url()))).await.json()
}

fn types(events: &Value) -> Vec<String> {
    let events = events.as_array().expect("events");
    events.iter().map(|it| it["event_type"].as_str().expect("a type").to_owned()).collect()
}

/// Turns the clock and says what it shows.
async fn turn(cloud: &SimCloud, turn: &Value) -> Value {
    let answer = http().post(format!("{}/_sim/clock", cloud.url())).json(turn);
    let answer = Answer::of(answer).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// A stream of server-sent events.
struct Stream {
    bytes: futures::stream::BoxStream<'static, Vec<u8>>,
    text: String,
}

impl Stream {
    async fn open(cloud: &SimCloud, last_seen: Option<&str>) -> Self {
        let request = http().get(format!("{}/_sim/events", cloud.url()));
        let mut request = request.header("Accept", "text/event-stream");
        if let Some(last_seen) = last_seen {
            request = request.header("Last-Event-ID", last_seen);
        }
        let answer = request.send().await.expect("a stream");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let bytes = answer.bytes_stream().map(|piece| piece.unwrap_or_default().to_vec()).boxed();
        Self { bytes, text: String::new() }
    }

    /// The number, type and notification of the next event.
    async fn next(&mut self) -> Option<(u64, String, Value)> {
        let end = loop {
            if let Some(end) = self.text.find("\n\n") {
                break end;
            }
            let more = self.bytes.next().await.filter(|more| !more.is_empty())?;
            self.text.push_str(std::str::from_utf8(&more).expect("text"));
        };
        let frame: String = self.text.drain(..end + 2).collect();
        let field = |name: &str| {
            let found = frame.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {frame}")).to_owned()
        };
        let data = serde_json::from_str(&field("data: ")).expect("JSON");
        Some((field("id: ").parse().expect("a number"), field("event: "), data))
    }
}

#[tokio::test]
async fn what_happened_is_listed_in_pages_that_lead_to_each_other() {
    let (cloud, session) = cloud(SimOptions::default()).await;
    let before = page(&cloud, "").await;
    assert_eq!(before, json!({"events": [], "first": 0, "last": 0, "next": null}));
    for number in 1..=5 {
        create(&session, &format!("image {number}")).await;
    }
    let mut names = Vec::new();
    let mut next = Some(format!("{}/_sim/events?limit=2", cloud.url()));
    let mut pages = 0;
    while let Some(url) = next {
        let page = Answer::of(http().get(url)).await.json();
        let events = page["events"].as_array().expect("events");
        names.extend(events.iter().map(|event| event["payload"]["name"].to_string()));
        assert_eq!((&page["first"], &page["last"]), (&json!(1), &json!(5)));
        next = page["next"].as_str().map(str::to_owned);
        pages += 1;
    }
    assert_eq!(pages, 3);
    let wanted: Vec<_> = (1..=5).map(|number| format!("\"image {number}\"")).collect();
    assert_eq!(names, wanted);
    let wrong = Answer::of(http().get(format!("{}/_sim/events?afer=1", cloud.url()))).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_that_was_seen() {
    let (cloud, session) = cloud(SimOptions::default()).await;
    let first = create(&session, "first").await;
    let mut stream = Stream::open(&cloud, None).await;
    let (number, event_type, data) = stream.next().await.expect("an event");
    assert_eq!((number, event_type.as_str()), (1, "image.create"));
    assert_eq!(data["event_type"], "image.create");
    assert_eq!(data["priority"], "INFO");
    assert_eq!(data["payload"]["id"], first);
    assert_eq!(data["_context_project_id"], json!(session.project));
    drop(stream);
    let second = create(&session, "second").await;
    let mut again = Stream::open(&cloud, Some("1")).await;
    let (number, _, data) = again.next().await.expect("an event");
    assert_eq!((number, &data["payload"]["id"]), (2, &json!(second)));
    let third = create(&session, "third").await;
    let (number, _, data) = again.next().await.expect("an event");
    assert_eq!((number, &data["payload"]["id"]), (3, &json!(third)));
}

#[tokio::test]
async fn a_number_seen_of_an_earlier_cloud_hides_nothing_of_this_one() {
    let (cloud, session) = cloud(SimOptions::default()).await;
    create(&session, "first").await;
    let mut stream = Stream::open(&cloud, Some("500")).await;
    assert_eq!(stream.next().await.expect("an event").0, 1);
}

#[tokio::test]
async fn a_stream_ends_with_the_cloud() {
    let (cloud, session) = cloud(SimOptions::default()).await;
    create(&session, "first").await;
    let mut stream = Stream::open(&cloud, None).await;
    assert!(stream.next().await.is_some());
    let (end, ()) = tokio::join!(stream.next(), cloud.shutdown());
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test]
async fn time_moved_over_http_brings_what_is_due_and_its_events_with_their_time() {
    let minute = Duration::from_mins(1);
    let (cloud, session) =
        cloud(SimOptions { import_delay: minute, ..SimOptions::default() }).await;
    let frozen = turn(&cloud, &json!({"freeze": true})).await;
    assert_eq!(frozen["frozen"], true);
    let start: lotse_core::time::Timestamp =
        frozen["now"].as_str().expect("a time").parse().expect("a time");
    let id = create(&session, "slow").await;
    let body = json!({"method": {"name": "web-download", "uri": "https://a.example/a.raw"}});
    assert_eq!(session.post(&format!("/v2/images/{id}/import"), &body).await.status, 202);
    let status =
        || async { session.get(&format!("/v2/images/{id}")).await.json()["status"].clone() };
    turn(&cloud, &json!({"advance_seconds": 59.5})).await;
    assert_eq!(status().await, "importing");
    let last = page(&cloud, "").await["last"].clone();
    let after = turn(&cloud, &json!({"advance_seconds": 100})).await;
    let shown: lotse_core::time::Timestamp =
        after["now"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(shown.duration_since(start).as_millis(), 159_500);
    assert_eq!(status().await, "active");
    let events = page(&cloud, &format!("?after={last}")).await["events"].clone();
    assert!(types(&events).contains(&"image.activate".to_owned()), "{events}");
    let due = start + lotse_core::time::SignedDuration::from_secs(60);
    for event in events.as_array().expect("events") {
        assert_eq!(event["timestamp"], json!(due), "when it happened, not when it was seen");
    }
}

#[tokio::test]
async fn a_stopped_clock_stands_and_goes_on_when_it_is_let() {
    let (cloud, session) = cloud(SimOptions::default()).await;
    let read =
        || async { Answer::of(http().get(format!("{}/_sim/clock", cloud.url()))).await.json() };
    turn(&cloud, &json!({"freeze": true})).await;
    let stands = read().await;
    create(&session, "one").await;
    assert_eq!(read().await, stands);
    let goes = turn(&cloud, &json!({"freeze": false, "advance_seconds": 3600})).await;
    assert_eq!(goes["frozen"], false);
    assert_ne!(goes["now"], stands["now"]);
    assert_eq!(session.get("/v2/images").await.status, 401, "the token has ended");
}

#[tokio::test]
async fn turns_that_no_clock_makes_are_refused_and_change_nothing() {
    let (cloud, _) = cloud(SimOptions::default()).await;
    let before = turn(&cloud, &json!({"freeze": true})).await;
    for wrong in [
        json!({"advance_seconds": -1}),
        json!({"advance_seconds": 1e300}),
        json!({"advance_seconds": "1"}),
        json!({"advance": 1}),
    ] {
        let answer = http().post(format!("{}/_sim/clock", cloud.url())).json(&wrong);
        assert_eq!(Answer::of(answer).await.status, 422, "{wrong}");
    }
    assert_eq!(turn(&cloud, &json!({})).await, before);
}
