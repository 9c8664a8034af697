//! What people and programs are told, word by word.

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_notify::channel::Parcel;
use lotse_notify::channel::webhook::shape::Shape;
use lotse_notify::model::{Delivery, Item, State, delivery_id};
use lotse_notify::render::message;
use lotse_notify::text::notice;
use serde_json::{Value, json};

use crate::stage::{at, event, proposed};

const BASE: Option<&str> = Some("https://lotse.example.org");

/// A delivery of these events, with ids that are the same in every run.
fn delivery(events: Vec<Event>) -> Delivery {
    let fixed = |(number, event): (usize, Event)| Event {
        id: EventId::from_uuid(uuid::Uuid::from_u128(number as u128 + 1)),
        ..event
    };
    let events: Vec<Event> = events.into_iter().enumerate().map(fixed).collect();
    Delivery {
        id: delivery_id(events[0].id, "ops", ""),
        channel: "ops".to_owned(),
        recipient: String::new(),
        repeats: String::new(),
        items: events
            .into_iter()
            .map(|event| Item { notice: notice(&event, BASE), event })
            .collect(),
        omitted: 0,
        state: State::Waiting,
        attempts: 1,
        created: at(0),
        opened: at(0),
        due: at(0),
        ended: None,
        said: None,
    }
}

fn mail_of(events: Vec<Event>) -> String {
    let message = message(&delivery(events));
    format!("Subject: {}\n\n{}", message.subject, message.text)
}

fn json_of(shape: Shape, events: Vec<Event>) -> String {
    let delivery = delivery(events);
    let message = message(&delivery);
    let body = shape.body(Parcel { delivery: &delivery, message: &message, now: at(60) });
    serde_json::to_string_pretty(&body).unwrap()
}

/// What became of the change that [`proposed`] proposes.
fn became(state: &str, actor: &str, note: &str) -> Event {
    let mut event = proposed("prod");
    event.topic = format!("change.{state}");
    event.body["state"] = json!(state);
    event.body["actor"] = json!(actor);
    event.body["note"] = json!(note);
    event
}

fn task_failed() -> Event {
    let body = json!({
        "task": "images/prod",
        "kind": "unavailable",
        "message": "the service image on prod cannot be reached: connection refused",
        "hints": ["look whether the cloud is up: openstack --os-cloud prod token issue"],
    });
    event("task.failed", "images/prod", body)
}

#[test]
fn a_proposal_says_what_whom_it_needs_and_where_to_go() {
    insta::assert_snapshot!(mail_of(vec![proposed("prod")]));
}

#[test]
fn a_failure_says_what_came_of_it() {
    let note = "2 of 3 changes failed: the quota of project images is used up (request req-1)";
    insta::assert_snapshot!(mail_of(vec![became("failed", "task images/prod", note)]));
}

#[test]
fn a_decision_says_who_and_why() {
    insta::assert_snapshot!(mail_of(vec![became("rejected", "ada", "after the fair")]));
}

#[test]
fn every_state_of_a_change_has_words_of_its_own() {
    let mut texts: Vec<String> = Vec::new();
    for state in [
        "proposed",
        "approved",
        "applying",
        "failed",
        "applied",
        "rejected",
        "superseded",
        "withdrawn",
    ] {
        let text = mail_of(vec![became(state, "ada", "")]);
        let (subject, rest) = text.split_once('\n').unwrap();
        assert!(subject.contains("prod: 3 changes of images"), "{text}");
        assert!(rest.contains(&format!("change.{state} at")), "{text}");
        assert!(!texts.contains(&subject.to_owned()), "{subject}");
        texts.push(subject.to_owned());
    }
}

#[test]
fn a_task_that_fails_says_why_and_what_to_do() {
    insta::assert_snapshot!(mail_of(vec![task_failed()]));
}

#[test]
fn a_task_that_works_again_says_so() {
    let body = json!({"task": "images/prod", "last_success": "2026-09-21T13:00:00Z"});
    insta::assert_snapshot!(mail_of(vec![event("task.recovered", "images/prod", body)]));
}

#[test]
fn several_messages_in_one_are_told_apart() {
    insta::assert_snapshot!(mail_of(vec![proposed("prod"), task_failed()]));
}

#[test]
fn the_html_says_the_same_and_nothing_in_it_is_markup() {
    let mut hostile = proposed("<script>alert(1)</script>");
    hostile.body["names"] =
        json!(["create image \"><img src=x onerror=alert(2)>", "a\u{202e}b\u{7}"]);
    let html = message(&delivery(vec![hostile])).html;
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(!html.contains(['\u{202e}', '\u{7}']), "{html}");
    insta::assert_snapshot!(message(&delivery(vec![proposed("prod")])).html);
}

#[test]
fn a_topic_that_nobody_taught_us_is_named() {
    let body = json!({"secret": "for programs only"});
    let text = mail_of(vec![event("image.converged", "prod/image/Debian 13", body)]);
    assert!(text.contains("image.converged about prod/image/Debian 13"), "{text}");
    assert!(!text.contains("for programs only"), "{text}");
}

#[test]
fn programs_get_the_event() {
    insta::assert_snapshot!(json_of(Shape::Standard, vec![proposed("prod")]));
}

#[test]
fn programs_get_several_events_as_a_digest() {
    let small = |subject: &str| event("task.recovered", subject, json!({"task": subject}));
    insta::assert_snapshot!(json_of(Shape::Standard, vec![small("images/a"), small("images/b")]));
}

#[test]
fn programs_get_no_event_that_is_larger_than_their_memory() {
    let large = event("image.observed", "prod", json!({"text": "x".repeat(1_000_000)}));
    assert!(json_of(Shape::Standard, vec![large]).len() < 2000);
}

#[test]
fn mattermost_gets_markdown() {
    insta::assert_snapshot!(json_of(Shape::Mattermost, vec![proposed("prod")]));
}

#[test]
fn slack_gets_its_own_dialect() {
    insta::assert_snapshot!(json_of(Shape::Slack, vec![proposed("prod")]));
}

#[test]
fn teams_gets_a_card() {
    insta::assert_snapshot!(json_of(Shape::Teams, vec![proposed("prod")]));
}

#[test]
fn nobody_in_a_chat_is_called_by_the_name_of_an_image() {
    let mut hostile = proposed("prod");
    hostile.body["names"] = json!(["create image @channel <!here> [x](https://evil.example)"]);
    let mattermost = json_of(Shape::Mattermost, vec![hostile.clone()]);
    assert!(!mattermost.contains("@channel") && !mattermost.contains("[x]("), "{mattermost}");
    let slack = json_of(Shape::Slack, vec![hostile]);
    assert!(!slack.contains("<!here>"), "{slack}");
}

#[test]
fn a_body_that_is_not_what_its_topic_promises_is_still_told() {
    for body in [Value::Null, json!([]), json!("text"), json!({"cloud": 7, "names": {"a": 1}})] {
        for topic in ["change.proposed", "task.failed", "task.recovered"] {
            let text = mail_of(vec![event(topic, "prod/images", body.clone())]);
            assert!(text.contains(topic), "{text}");
        }
    }
}
