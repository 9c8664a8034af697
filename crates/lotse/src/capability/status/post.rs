//! How subscribers of the page are reached: their news become deliveries of the couriers of `notify`,
//! whose attempts, pauses and dead letters are those of every other notification.
//!
//! | channel | leads to |
//! | --- | --- |
//! | `status/mail` | subscribers by mail, through the mail channel that `status.subscribers` names |
//! | `status/webhook/ID` | the webhook of one subscriber |
//! | any other | a channel of `lotse.yaml` that the operator subscribed |
//!
//! Addresses and links are read when a message is sent: who has left meanwhile gets nothing, and no
//! secret of a subscriber is kept in a delivery.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use lotse_core::error::chain;
use lotse_notify::channel::http::Sender;
use lotse_notify::channel::webhook::Webhook;
use lotse_notify::channel::webhook::shape::Shape;
use lotse_notify::channel::webhook::signature::Key;
use lotse_notify::channel::{Parcel, Trouble};
use lotse_notify::channels::Find;
use lotse_notify::courier::Posted;
use lotse_notify::guard::{Guard, Reach};
use lotse_notify::model::{Delivery, Item, Notice, Tone};
use lotse_notify::render::Message;
use lotse_notify::{Channel, Channels, Courier, tls};
use lotse_status::subscribe::letter::{Letter, Links, Piece, letter};
use lotse_status::subscribe::model::{Shape as Wanted, Subscriber, Way};
use lotse_status::subscribe::news::Tone as NewsTone;
use lotse_status::subscribe::office::REQUESTED;
use lotse_status::subscribe::{Addressed, Post, refusal, store};
use lotse_store::{Store, Transaction};
use serde_json::json;
use uuid::Uuid;

use crate::failure::{Error, Failure};

/// The channel of subscribers by mail.
const MAIL: &str = "status/mail";
/// What the channels of subscribers by webhook begin with.
const WEBHOOK: &str = "status/webhook/";
/// What the other side is taken to have said when there is no other side any more.
const LEFT: &str = "not sent: no longer subscribed";

/// Where the page is, for links; known once it listens.
pub(super) type Base = Arc<OnceLock<String>>;

/// Finds the channels of subscribers.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    store: Arc<Store>,
    mail: Option<Arc<dyn Channel>>,
    sender: Sender,
    base: Base,
    /// What the page is called.
    site: String,
}

impl Ways {
    /// Mail goes through this channel, webhooks of readers to internal addresses only if told so.
    pub(super) fn new(
        store: &Arc<Store>,
        (base, site): (Base, String),
        mail: Option<Arc<dyn Channel>>,
        reach: Reach,
    ) -> Result<Self, Failure> {
        let refused = |reason| Error::Setting { key: "status.subscribers", reason };
        let tls = tls::client_config(None).map_err(refused)?;
        let sender = Sender::new(Guard::new(reach), tls).map_err(refused)?;
        Ok(Self { store: store.clone(), mail, sender, base, site })
    }

    fn base(&self) -> &str {
        self.base.get().map_or("", String::as_str)
    }

    async fn subscriber(&self, id: &str) -> Result<Option<Subscriber>, lotse_store::Error> {
        match Uuid::try_parse(id) {
            Ok(id) => store::get(&self.store, id).await,
            Err(_) => Ok(None),
        }
    }

    /// The webhook of a subscriber.
    fn webhook(&self, one: &Subscriber) -> Option<Webhook> {
        let Way::Webhook(url) = &one.way else { return None };
        let shape = match one.settings.shape {
            Wanted::Standard => Shape::Standard,
            Wanted::Mattermost => Shape::Mattermost,
            Wanted::Slack => Shape::Slack,
            Wanted::Teams => Shape::Teams,
        };
        let key = Key::new(&one.signing_secret().into()).ok();
        Some(Webhook::new(url.clone(), shape, key, self.sender.clone()))
    }

    /// The delivery with what only its subscriber may see: where they say yes.
    fn with_links(&self, delivery: &Delivery, one: &Subscriber) -> Delivery {
        let mut delivery = delivery.clone();
        let links = Links::of(self.base(), one);
        for Item { notice, event } in &mut delivery.items {
            if event.topic == REQUESTED {
                notice.link = Some(links.manage.clone());
                event.body = json!({ "confirm": links.manage });
            }
        }
        delivery
    }
}

#[async_trait]
impl Find for Ways {
    async fn find(&self, name: &str) -> Result<Option<Arc<dyn Channel>>, lotse_store::Error> {
        if name == MAIL {
            let mail = |channel: &Arc<dyn Channel>| -> Arc<dyn Channel> {
                Arc::new(ByMail { ways: self.clone(), channel: channel.clone() })
            };
            return Ok(self.mail.as_ref().map(mail));
        }
        let Some(id) = name.strip_prefix(WEBHOOK) else { return Ok(None) };
        let webhook = self.subscriber(id).await?.and_then(|one| {
            let webhook = self.webhook(&one)?;
            Some(ByWebhook { ways: self.clone(), subscriber: one, webhook })
        });
        let found = webhook.map(|webhook| -> Arc<dyn Channel> { Arc::new(webhook) });
        Ok(Some(found.unwrap_or_else(|| Arc::new(Left))))
    }
}

/// Where somebody was.
#[derive(Debug)]
struct Left;

#[async_trait]
impl Channel for Left {
    fn recipients(&self) -> Vec<String> {
        Vec::new()
    }

    fn target(&self) -> String {
        "nobody".to_owned()
    }

    fn fingerprint(&self) -> String {
        String::new()
    }

    async fn send(&self, _: Parcel<'_>) -> Result<String, Trouble> {
        Ok(LEFT.to_owned())
    }
}

/// Subscribers by mail.
#[derive(Debug)]
struct ByMail {
    ways: Ways,
    channel: Arc<dyn Channel>,
}

#[async_trait]
impl Channel for ByMail {
    fn recipients(&self) -> Vec<String> {
        Vec::new()
    }

    fn target(&self) -> String {
        "subscribers of the status page by mail".to_owned()
    }

    fn fingerprint(&self) -> String {
        self.channel.fingerprint()
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        let found = self.ways.subscriber(&parcel.delivery.recipient).await;
        let found = found.map_err(|error| Trouble::Unreachable {
            peer: "the state".to_owned(),
            source: Box::new(error),
        })?;
        let Some(one) = found else { return Ok(LEFT.to_owned()) };
        let Way::Mail(address) = &one.way else { return Ok(LEFT.to_owned()) };
        let mut delivery = self.ways.with_links(parcel.delivery, &one);
        delivery.recipient.clone_from(address);
        let message = message(&self.ways, &one, &delivery);
        let now = parcel.now;
        let sent = self.channel.send(Parcel { delivery: &delivery, message: &message, now }).await;
        let store = &self.ways.store;
        let noted = match &sent {
            Ok(_) => refusal::taken(store, one.id).await,
            Err(Trouble::Refused { answer, .. }) => {
                refusal::refused(store, one.id, answer, now).await
            }
            Err(_) => Ok(()),
        };
        if let Err(error) = noted {
            // What became of the mail stands in its delivery.
            tracing::warn!(error = chain(&error), "it was not noted how an address answered");
        }
        sent
    }
}

/// The mail as it is read.
fn message(ways: &Ways, one: &Subscriber, delivery: &Delivery) -> Message {
    let pieces: Vec<_> = delivery
        .items
        .iter()
        .map(|Item { notice, .. }| Piece {
            title: &notice.title,
            paragraphs: &notice.paragraphs,
            list: &notice.list,
            link: notice.link.as_deref(),
        })
        .collect();
    let links = Links::of(ways.base(), one);
    let Letter { subject, text, html, fields } =
        letter(&ways.site, &links, one, &pieces, delivery.omitted);
    Message { subject, text, html, fields }
}

/// The webhook of one subscriber.
#[derive(Debug)]
struct ByWebhook {
    ways: Ways,
    subscriber: Subscriber,
    webhook: Webhook,
}

#[async_trait]
impl Channel for ByWebhook {
    fn recipients(&self) -> Vec<String> {
        Vec::new()
    }

    fn target(&self) -> String {
        self.webhook.target()
    }

    fn fingerprint(&self) -> String {
        self.webhook.fingerprint()
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        let delivery = self.ways.with_links(parcel.delivery, &self.subscriber);
        self.webhook.send(Parcel { delivery: &delivery, ..parcel }).await
    }
}

/// Takes news of the page to the courier.
#[derive(Debug)]
pub(crate) struct Posting {
    courier: Courier,
    channels: Channels,
    base: Base,
}

impl Posting {
    /// Posts with this courier; the channels are those of `lotse.yaml`.
    pub(super) const fn new(courier: Courier, channels: Channels, base: Base) -> Self {
        Self { courier, channels, base }
    }
}

#[async_trait]
impl Post for Posting {
    async fn post(
        &self,
        transaction: &mut Transaction,
        one: &Addressed<'_>,
    ) -> Result<(), lotse_store::Error> {
        let Addressed { event, subscriber, news, due, gathered } = *one;
        let base = self.base.get().map_or("", String::as_str);
        let link = (!news.path.is_empty()).then(|| format!("{base}{}", news.path));
        let tone = match news.tone {
            NewsTone::Information => Tone::Information,
            NewsTone::Trouble => Tone::Trouble,
            NewsTone::Relief => Tone::Relief,
        };
        let notice = Notice {
            tone,
            title: news.title.clone(),
            paragraphs: news.paragraphs.clone(),
            list: news.list.clone(),
            link,
        };
        let item = &Item { notice, event: event.clone() };
        let repeats = if gathered { "digest" } else { "" };
        let id = subscriber.id.to_string();
        let (channel, recipients) = match &subscriber.way {
            Way::Mail(_) => (MAIL.to_owned(), vec![id]),
            Way::Webhook(_) => (format!("{WEBHOOK}{id}"), vec![String::new()]),
            Way::Channel(name) => {
                let Some(channel) = self.channels.get(name) else {
                    tracing::warn!(channel = name, "a subscribed channel is not in lotse.yaml");
                    return Ok(());
                };
                (name.clone(), channel.recipients())
            }
        };
        for recipient in &recipients {
            let post = Posted { channel: &channel, recipient, item, due, repeats };
            self.courier.post(transaction, &post).await?;
        }
        Ok(())
    }
}
