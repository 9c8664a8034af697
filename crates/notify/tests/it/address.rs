//! Requests that strangers cause do not reach what is internal, whatever a name says and when.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lotse_notify::channel::http::Sender;
use lotse_notify::channel::webhook::Webhook;
use lotse_notify::channel::webhook::shape::Shape;
use lotse_notify::courier::Tally;
use lotse_notify::guard::{Guard, Names, Reach};
use lotse_notify::model::State;
use lotse_notify::{Channel, tls};
use lotse_store::on_both;

use crate::stage::{PARTS, all, clock, courier, happen, pass, proposed, send};
use crate::web::Web;

const DEAD: Tally = Tally { events: 0, sent: 0, put_off: 0, dead: 1 };

/// A resolver with these answers, one for each question. A question too many has no answer.
#[derive(Debug, Default)]
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parsed).collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl Names for Answers {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        assert_eq!(host, "hook.example");
        let next = self.0.lock().unwrap().pop_front();
        next.ok_or_else(|| std::io::Error::other("asked once too often"))
    }
}

fn hook(url: &str, guard: Guard) -> Arc<dyn Channel> {
    let sender = Sender::new(guard, tls::client_config(None).unwrap()).unwrap();
    Arc::new(Webhook::new(url.parse().unwrap(), Shape::Standard, None, sender))
}

on_both! { PARTS;
    async fn a_name_that_leads_inside_is_not_called(store) {
        for inside in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254", "fe80::1"]
        {
            let (clock, mut web) = (clock(), Web::start().await);
            let names = Answers::new(&[&["93.184.216.34", inside]]);
            let guard = Guard::with_names(Reach::Public, names.clone());
            let url = format!("http://hook.example:{}/", web.port);
            let courier = courier(&store, &clock, hook(&url, guard));
            happen(&store, &courier, &[proposed("prod")]).await;
            assert_eq!(send(&courier).await, DEAD, "{inside}");
            assert!(web.was_not_asked(), "{inside}");
            assert_eq!(names.left(), 0);
            let dead = all(&courier, State::Dead).await;
            let mut said = dead.iter().filter_map(|delivery| delivery.said.as_deref());
            assert!(said.any(|said| said.contains(&format!("hook.example is {inside}, "))));
        }
    }

    async fn a_literal_that_leads_inside_is_not_called(store) {
        let mut web = Web::start().await;
        let port = web.port;
        for host in [
            "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
            "169.254.169.254", "100.100.100.200",
        ] {
            let clock = clock();
            let guard = Guard::with_names(Reach::Public, Answers::new(&[]));
            let channel = hook(&format!("http://{host}:{port}/latest/meta-data/"), guard);
            let courier = courier(&store, &clock, channel);
            happen(&store, &courier, &[proposed("prod")]).await;
            assert_eq!(send(&courier).await, DEAD, "{host}");
            assert!(web.was_not_asked(), "{host}");
        }
    }

    async fn the_address_that_was_checked_is_the_one_that_is_called(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        // No such name exists; only what the guard was told can lead to the server.
        let names = Answers::new(&[&["127.0.0.1"], &["127.0.0.1"]]);
        let guard = Guard::with_names(Reach::Everywhere, names.clone());
        let url = format!("http://hook.example:{}/", web.port);
        let courier = courier(&store, &clock, hook(&url, guard));
        happen(&store, &courier, &[proposed("a"), proposed("b")]).await;
        assert_eq!(send(&courier).await.sent, 2);
        let host = format!("hook.example:{}", web.port);
        assert_eq!(web.request().await.header("host"), host);
        web.request().await;
        assert_eq!(names.left(), 0, "looked up once for each request");
    }

    /// The first look-up fails, so the attempt is repeated; the second leads inside.
    async fn a_name_that_changes_its_mind_is_checked_again(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let names = Answers::new(&[&[], &["127.0.0.1"]]);
        let guard = Guard::with_names(Reach::Public, names.clone());
        let url = format!("http://hook.example:{}/", web.port);
        let courier = courier(&store, &clock, hook(&url, guard));
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await.put_off, 1);
        pass(&clock, 60);
        assert_eq!(send(&courier).await, DEAD);
        assert_eq!(names.left(), 0);
        assert!(web.was_not_asked());
    }

    async fn what_the_operator_declares_may_be_inside(store) {
        let (clock, mut web) = (clock(), Web::start().await);
        let channel = hook(&web.url(), Guard::new(Reach::Everywhere));
        let courier = courier(&store, &clock, channel);
        happen(&store, &courier, &[proposed("prod")]).await;
        assert_eq!(send(&courier).await.sent, 1);
        web.request().await;
    }
}
