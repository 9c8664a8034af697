//! Notifications: events of the outbox reach people and programs.
//!
//! # Words
//!
//! - **event**: a fact that a capability wrote into the outbox, for example `change.proposed`.
//! - **channel**: a way to somebody, declared in `lotse.yaml`: mail through a server, a webhook.
//! - **rule**: which events go to which channels, and how often they may repeat themselves.
//! - **notice**: one event in words: title, paragraphs, list, link.
//! - **delivery**: what one recipient of one channel is to be told: one notice, or several that were
//!   gathered. It is *waiting*, *sent* or *dead*.
//! - **message**: a delivery as it is read: subject, plain text, HTML.
//! - **attempt**: one try to send a delivery.
//! - **dead letter**: a delivery that was given up, because the other side refused it or was out of
//!   reach for too long. It is listed and can be sent again.
//!
//! # The way of the data
//!
//! ```text
//!  outbox ─▶ reader `notify` ─▶ route (pure) ─▶ text (pure) ─▶ deliveries ─┐   one transaction with
//!              ▲                                                           │   the acknowledgement
//!              └───────────────────────── acknowledged ────────────────────┘
//!
//!  due deliveries ─▶ claim ─▶ render (pure) ─▶ Channel::send ─▶ settle (pure) ─▶ sent, later or dead
//! ```
//!
//! # What is promised
//!
//! - **Nothing is lost.** The reader is acknowledged in the transaction that writes the deliveries; a
//!   delivery waits until the other side has confirmed it or it is a dead letter, which stays listed.
//! - **Nobody is told twice by design.** The reader is locked while it is read, and the id of a
//!   delivery follows from its event, channel and recipient, so an event becomes one delivery for
//!   each. A delivery is claimed by comparison and exchange, so one of several instances sends it.
//! - **A crash between sending and recording cannot be told from one before.** The delivery is then
//!   sent again *with the same id*, which mail carries as `Message-ID` and webhooks as `webhook-id`:
//!   mail stores and receivers recognise it. The same holds when a confirmation is lost on its way.
//! - Secrets are in memory only: not in the state, not in logs, not in errors. The address of a
//!   webhook counts as one, because chats put their passwords there.
//!
//! # Where to start
//!
//! [`mod@route`] decides who is told, [`text`] with which words, [`settle`] what an attempt means;
//! these are the heart, data to data. [`courier`] carries it out. A new kind of channel implements
//! [`channel::Channel`]; a new shape for a chat is one function in `channel::webhook::shape`.
//! [`guard`] keeps requests that strangers cause away from internal addresses.

pub mod channel;
pub mod channels;
pub mod config;
pub mod courier;
mod error;
pub mod metrics;
pub mod model;
pub mod render;
pub mod route;
pub mod settle;
mod store;
pub mod task;
pub mod text;
pub mod tls;

pub use lotse_transfer::guard;

pub use channel::Channel;
pub use channels::Channels;
pub use config::Config;
pub use courier::Courier;
pub use error::Error;
pub use store::PART;
