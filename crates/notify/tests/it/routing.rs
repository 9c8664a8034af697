//! From events to deliveries: each once, together or apart, and never lost.

use std::time::Duration;

use lotse_notify::Channels;
use lotse_notify::model::State;
use lotse_notify::route::Rule;
use lotse_store::on_both;
use serde_json::Value;

use crate::stage::{
    PARTS, all, at, clock, courier, courier_of, event, everything, happen, known, pass, proposed,
    send,
};

fn topics(items: &[lotse_notify::model::Item]) -> Vec<&str> {
    items.iter().map(|item| item.event.topic.as_str()).collect()
}

on_both! { PARTS;
    async fn every_recipient_of_every_channel_is_told_once(store) {
        let clock = clock();
        let (two, mut first) = known(&["a@example.org", "b@example.org"]);
        let (one, mut second) = known(&[""]);
        let channels = Channels::new(None, vec![everything(&["two", "one", "two"])])
            .with("two", two)
            .with("one", one);
        let courier = courier_of(&store, &clock, channels);
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(all(&courier, State::Waiting).await.len(), 3);
        assert_eq!(send(&courier).await.sent, 3);
        assert_eq!(send(&courier).await.sent, 0);
        let told = [first.recv().await.unwrap().0, first.recv().await.unwrap().0];
        let mut recipients = told.map(|delivery| delivery.recipient);
        recipients.sort();
        assert_eq!(recipients, ["a@example.org", "b@example.org"]);
        assert_eq!(second.recv().await.unwrap().0.recipient, "");
        assert!(first.try_recv().is_err() && second.try_recv().is_err());
    }

    async fn what_happened_before_anybody_listened_is_not_told(store) {
        let clock = clock();
        let courier = courier(&store, &clock, known(&[""]).0);
        store.emit(proposed("old")).await.unwrap();
        happen(&store, &courier, &[proposed("new")]).await;
        let waiting = all(&courier, State::Waiting).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].items[0].event.subject, "new/images");
    }

    async fn a_process_that_ends_before_its_commit_leaves_the_events_for_the_next(store) {
        let clock = clock();
        let courier = courier(&store, &clock, known(&[""]).0);
        courier.route().await.unwrap();
        store.emit(proposed("prod")).await.unwrap();
        let reader =
            store.outbox_reader("notify", lotse_store::outbox::Begin::Now).await.unwrap();
        let mut transaction = store.begin("be killed").await.unwrap();
        let read = reader.read_in(&mut transaction, 10).await.unwrap();
        reader.acknowledge_in(&mut transaction, read[0].seq).await.unwrap();
        drop(transaction);
        assert_eq!(courier.route().await.unwrap(), 1);
        assert_eq!(all(&courier, State::Waiting).await.len(), 1);
    }

    async fn repetitions_are_gathered_and_told_together_when_the_interval_ends(store) {
        let clock = clock();
        let (channel, mut told) = known(&[""]);
        let rule = Rule { at_most_every: Duration::from_mins(10), ..everything(&["hook"]) };
        let channels = Channels::new(None, vec![rule]).with("hook", channel);
        let courier = courier_of(&store, &clock, channels);
        let again = || event("task.failed", "images/prod", Value::Null);

        happen(&store, &courier, &[again()]).await;
        assert_eq!(send(&courier).await.sent, 1, "the first at once");
        for _ in 0..3 {
            pass(&clock, 60);
            happen(&store, &courier, &[again()]).await;
        }
        happen(&store, &courier, &[event("task.failed", "another", Value::Null)]).await;
        assert_eq!(send(&courier).await.sent, 1, "another thing is no repetition");
        pass(&clock, 7 * 60);
        assert_eq!(send(&courier).await.sent, 1);
        told.recv().await.unwrap();
        told.recv().await.unwrap();
        let (digest, text) = told.recv().await.unwrap();
        assert_eq!(digest.items.len(), 3);
        assert_eq!(digest.opened, at(600));
        assert!(text.contains("3 messages"), "{text}");

        happen(&store, &courier, &[again()]).await;
        assert_eq!(send(&courier).await.sent, 0, "the interval counts from the last one");
    }

    async fn a_flood_becomes_one_message_that_says_how_much_is_left_out(store) {
        let clock = clock();
        let (channel, mut told) = known(&[""]);
        let rule =
            Rule { at_most_every: Duration::from_mins(10), together: true, ..everything(&["hook"]) };
        let channels = Channels::new(None, vec![rule]).with("hook", channel);
        let courier = courier_of(&store, &clock, channels);
        let events: Vec<_> =
            (0..253).map(|n| event("task.failed", &format!("images/{n}"), Value::Null)).collect();
        happen(&store, &courier, &events).await;
        pass(&clock, 600);
        assert_eq!(send(&courier).await.sent, 2);
        told.recv().await.unwrap();
        let (digest, text) = told.recv().await.unwrap();
        assert_eq!((digest.items.len(), digest.omitted), (50, 202));
        assert!(text.contains("202 more messages are not shown."), "{text}");
    }

    async fn only_what_a_rule_names_is_told(store) {
        let clock = clock();
        let rule = Rule { topics: vec!["change.*".to_owned()], ..everything(&["hook"]) };
        let channels = Channels::new(None, vec![rule]).with("hook", known(&[""]).0);
        let courier = courier_of(&store, &clock, channels);
        let other = event("image.converged", "prod", Value::Null);
        happen(&store, &courier, &[other, proposed("prod")]).await;
        let waiting = all(&courier, State::Waiting).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(topics(&waiting[0].items), ["change.proposed"]);
    }

    async fn old_notifications_are_forgotten_and_waiting_ones_are_not(store) {
        let clock = clock();
        let courier = courier(&store, &clock, known(&[""]).0);
        happen(&store, &courier, &[proposed("a")]).await;
        send(&courier).await;
        happen(&store, &courier, &[proposed("b")]).await;
        assert_eq!(courier.prune(State::Sent, at(0)).await.unwrap(), 0);
        assert_eq!(courier.prune(State::Sent, at(1)).await.unwrap(), 1);
        assert_eq!(courier.counts().await.unwrap(), [1, 0, 0]);
    }
}
