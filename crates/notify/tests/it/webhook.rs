//! Webhooks: signed, tried again, paused, given up, and never led elsewhere.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lotse_core::error::{Explain as _, chain};
use lotse_core::secret::SecretString;
use lotse_core::time::Clock as _;
use lotse_notify::channel::http::Sender;
use lotse_notify::channel::webhook::Webhook;
use lotse_notify::channel::webhook::shape::Shape;
use lotse_notify::channel::webhook::signature::Key;
use lotse_notify::courier::Tally;
use lotse_notify::guard::{Guard, Reach};
use lotse_notify::model::State;
use lotse_notify::{Channel, Channels, tls};
use lotse_store::on_both;

use crate::stage::{
    PARTS, all, at, clock, courier, courier_of, everything, happen, hasty, known, pass, proposed,
    send,
};
use crate::web::{Answer, Request, Web};

/// Of the convention's own documents.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A signed webhook to this server.
fn hook(url: &str) -> Arc<dyn Channel> {
    let key = Key::new(&SecretString::from(SECRET)).unwrap();
    let sender = Sender::new(Guard::new(Reach::Everywhere), tls::client_config(None).unwrap());
    Arc::new(Webhook::new(url.parse().unwrap(), Shape::Standard, Some(key), sender.unwrap()))
}

/// What a receiver does with a signature: its own computation over the bytes that came.
fn is_signed(request: &Request) -> bool {
    let secret = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
    let (id, second) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let signed = [format!("{id}.{second}.").as_bytes(), &request.body].concat();
    let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap();
    ring::hmac::verify(&key, &signed, &STANDARD.decode(signature).unwrap()).is_ok()
}

const SENT: Tally = Tally { events: 0, sent: 1, put_off: 0, dead: 0 };
const PUT_OFF: Tally = Tally { events: 0, sent: 0, put_off: 1, dead: 0 };
const DEAD: Tally = Tally { events: 0, sent: 0, put_off: 0, dead: 1 };

on_both! { PARTS;
    async fn a_webhook_is_signed_and_says_what_happened(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, SENT);
        let request = web.request().await;
        assert_eq!(request.line, "POST /hooks/password-of-a-chat HTTP/1.1");
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.header("webhook-timestamp"), at(0).as_second().to_string());
        assert!(is_signed(&request), "{request:?}");
        let sent = all(&courier, State::Sent).await;
        assert_eq!(request.header("webhook-id"), sent[0].id.to_string());
        assert_eq!(request.json()["type"], "change.proposed");
        assert_eq!(request.json()["data"]["subject"], "prod/images");
        assert_eq!(sent[0].said.as_deref(), Some("204 No Content"));
    }

    async fn what_fails_is_sent_again_later_with_the_same_id(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will_say("503 Service Unavailable", "", "we are <b>down</b>\u{7}");
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        let waiting = all(&courier, State::Waiting).await;
        let said = waiting[0].said.clone().unwrap();
        assert!(said.contains("503 Service Unavailable: we are <b>down</b>"), "{said}");
        assert!(waiting[0].due >= at(15) && waiting[0].due <= at(30), "{}", waiting[0].due);
        assert_eq!(courier.next_due().await.unwrap(), Some(waiting[0].due));

        pass(&clock, 14);
        assert_eq!(send(&courier).await, Tally::default(), "not before the pause ends");
        pass(&clock, 16);
        assert_eq!(send(&courier).await, SENT);
        let (first, second) = (web.request().await, web.request().await);
        assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
        assert_eq!(first.body, second.body);
        assert_ne!(first.header("webhook-timestamp"), second.header("webhook-timestamp"));
        assert!(is_signed(&first) && is_signed(&second));
    }

    async fn a_pause_that_is_asked_for_holds_the_whole_channel(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will_say("429 Too Many Requests", "retry-after: 600\r\n", "");
        happen(&store, &courier, &[proposed("a"), proposed("b")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        web.request().await;
        happen(&store, &courier, &[proposed("c")]).await;
        pass(&clock, 599);
        assert_eq!(send(&courier).await, Tally::default(), "what is new is held, too");
        pass(&clock, 1);
        assert_eq!(send(&courier).await.sent, 3);
    }

    async fn a_pause_may_be_a_date(store) {
        let (clock, web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        // `at(0)` is 2026-09-21 14:13:20 in Greenwich.
        web.will_say("503 Busy", "retry-after: Mon, 21 Sep 2026 15:13:20 GMT\r\n", "");
        happen(&store, &courier, &[proposed("a")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        assert_eq!(all(&courier, State::Waiting).await[0].due, at(3600));
    }

    async fn what_is_refused_is_a_dead_letter_that_can_be_sent_again(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will_say("422 Unprocessable Content", "", "no such thing");
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, DEAD);
        let dead = all(&courier, State::Dead).await;
        assert!(dead[0].said.as_ref().unwrap().contains("no such thing"), "{:?}", dead[0].said);
        pass(&clock, 1_000_000);
        assert_eq!(send(&courier).await, Tally::default(), "nobody sends it by themselves");

        let id = dead[0].id.to_string();
        courier.revive(&id).await.unwrap();
        assert!(courier.revive(&id).await.is_err(), "it is no dead letter any more");
        assert_eq!(send(&courier).await, SENT);
        let (first, second) = (web.request().await, web.request().await);
        assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
        assert!(courier.revive("nonsense").await.is_err());
    }

    async fn patience_ends_after_two_days(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        for _ in 0..150 {
            web.will_say("500 Oops", "", "");
        }
        happen(&store, &courier, &[proposed("prod")]).await;
        let mut attempts = 0;
        while let Some(due) = courier.next_due().await.unwrap() {
            clock.advance(due.duration_since(clock.now()));
            attempts += 1;
            let tally = send(&courier).await;
            assert_eq!(tally.put_off + tally.dead, 1, "{tally:?}");
            web.request().await;
        }
        let dead = &all(&courier, State::Dead).await[0];
        assert!((60..=110).contains(&attempts), "{attempts} attempts");
        assert_eq!(dead.attempts, attempts);
        assert!(dead.ended.unwrap() <= at(48 * 3600) && dead.ended.unwrap() > at(46 * 3600));
    }

    async fn a_channel_that_is_gone_is_not_used_until_a_test_message_gets_through(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will_say("410 Gone", "", "");
        happen(&store, &courier, &[proposed("a")]).await;
        assert_eq!(send(&courier).await, DEAD);
        web.request().await;
        happen(&store, &courier, &[proposed("b"), proposed("c")]).await;
        assert_eq!(send(&courier).await.dead, 2);
        assert!(web.was_not_asked());
        let dead = all(&courier, State::Dead).await;
        let said = dead.iter().filter_map(|delivery| delivery.said.as_deref());
        let unsent = said.filter(|said| said.contains("disabled since") && said.contains("410"));
        assert_eq!(unsent.count(), 2);

        assert!(courier.test("hook").await.unwrap()[0].1.is_ok());
        assert_eq!(web.request().await.json()["type"], "notify.test");
        happen(&store, &courier, &[proposed("d")]).await;
        assert_eq!(send(&courier).await, SENT);
    }

    async fn another_address_under_the_same_name_is_another_channel(store) {
        let (clock, gone, mut new) = (clock(), Web::start().await, Web::start().await);
        let before = courier(&store, &clock, hook(&gone.url()));
        gone.will_say("410 Gone", "", "");
        happen(&store, &before, &[proposed("a")]).await;
        assert_eq!(send(&before).await, DEAD);
        let after = courier(&store, &clock, hook(&new.url()));
        happen(&store, &after, &[proposed("b")]).await;
        assert_eq!(send(&after).await, SENT);
        new.request().await;
    }

    async fn a_redirect_is_not_followed(store) {
        let (clock, web, mut elsewhere) = (clock(), Web::start().await, Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            web.will_say(status, &format!("location: {}\r\n", elsewhere.url()), "");
        }
        happen(&store, &courier, &[proposed("prod")]).await;
        for _ in 0..4 {
            assert_eq!(send(&courier).await, PUT_OFF);
            pass(&clock, 3600);
        }
        assert!(elsewhere.was_not_asked());
        let said = all(&courier, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.contains("308"), "{said}");
    }

    async fn an_answer_without_end_is_cut_off(store) {
        let (clock, web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will(Answer::GoOn("HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n".to_owned()));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, PUT_OFF);
        let said = all(&courier, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.contains("500") && said.len() < 600, "{said}");
    }

    async fn silence_ends_an_attempt_and_not_the_others(store) {
        let (clock, silent, mut web) = (clock(), Web::start().await, Web::start().await);
        let channels = Channels::new(None, vec![everything(&["silent", "hook"])])
            .with("silent", hook(&silent.url()))
            .with("hook", hook(&web.url()));
        let courier = hasty(&store, &clock, channels);
        silent.will(Answer::Hang);
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await, Tally { sent: 1, ..PUT_OFF });
        web.request().await;
        let said = all(&courier, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.contains("did not answer within"), "{said}");
    }

    async fn the_address_of_a_webhook_is_nowhere_to_be_read(store) {
        let (clock, web) = (clock(), Web::start().await);
        let channel = hook(&web.url());
        let debug = format!("{channel:?} {}", channel.target());
        assert!(debug.contains(&web.port.to_string()) && !debug.contains("password"), "{debug}");
        let courier = courier(&store, &clock, channel);
        // Nobody listens there any more.
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let nobody = hook(&format!("http://127.0.0.1:{port}/hooks/password"));
        let channels = Channels::new(None, vec![everything(&["hook"])]).with("hook", nobody);
        let unheard = courier_of(&store, &clock, channels);
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&unheard).await, PUT_OFF);
        let said = all(&courier, State::Waiting).await[0].said.clone().unwrap();
        assert!(said.contains(&format!("127.0.0.1:{port} was not reached")), "{said}");
        assert!(!said.contains("password"), "{said}");
    }

    /// Both have the same state and the same clock, as two daemons on one database.
    async fn of_two_instances_one_sends(store) {
        let clock = clock();
        let (channel, mut told) = known(&["a@example.org", "b@example.org"]);
        let courier = courier(&store, &clock, channel);
        let events: Vec<_> = (0..20).map(|n| proposed(&format!("cloud-{n}"))).collect();
        courier.route().await.unwrap();
        for event in events {
            store.emit(event).await.unwrap();
        }
        let routed = tokio::join!(courier.route(), courier.route());
        assert_eq!(routed.0.unwrap() + routed.1.unwrap(), 20);
        let (one, other) = tokio::join!(send(&courier), send(&courier));
        assert_eq!(one.sent + other.sent, 40, "{one:?} {other:?}");
        let mut ids = Vec::new();
        while let Ok((delivery, _)) = told.try_recv() {
            ids.push(delivery.id);
        }
        assert_eq!(ids.len(), 40);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 40, "none twice");
    }

    async fn an_attempt_that_outlives_its_claim_does_not_undo_the_next_one(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will(Answer::Hang);
        happen(&store, &courier, &[proposed("prod")]).await;
        let slow = courier.clone();
        let slow = tokio::spawn(async move { send(&slow).await });
        web.request().await;
        // The claim ends while the first attempt still waits for an answer.
        pass(&clock, 121);
        assert_eq!(send(&courier).await, SENT);
        slow.abort();
        assert_eq!(courier.counts().await.unwrap(), [0, 1, 0]);
        assert_eq!(all(&courier, State::Sent).await[0].attempts, 2);
    }

    async fn a_test_message_says_what_came_of_it_and_leaves_no_trace(store) {
        let (clock, web) = (clock(), Web::start().await);
        let courier = courier(&store, &clock, hook(&web.url()));
        web.will_say("401 Unauthorized", "", "who are you?");
        let outcomes = courier.test("hook").await.unwrap();
        let said = chain(outcomes[0].1.as_ref().unwrap_err());
        assert!(said.contains("401") && said.contains("who are you?"), "{said}");
        assert_eq!(courier.counts().await.unwrap(), [0, 0, 0]);
        let unknown = courier.test("hok").await.unwrap_err();
        assert_eq!(unknown.to_string(), "there is no channel \"hok\"");
        assert!(unknown.hints()[0].contains("hook"), "{:?}", unknown.hints());
    }
}
