//! Subscribers: who is told by message when something changes on the page.
//!
//! # Words
//!
//! - **subscriber**: somebody, or a program, that asked to be told. *Pending* until the other end has
//!   said yes (double opt-in), then *active*.
//! - **way**: how they are reached: mail, a webhook (of a program or a chat), or a channel that the
//!   operator declared (a Matrix room, for example).
//! - **filter**: what they want to hear of: components, regions, how bad at least, planned work.
//! - **secret**: what the links in their messages carry; who knows it may change and end the
//!   subscription. It reaches nobody but them.
//! - **news**: an event in words, in the language of the subscriber.
//! - **digest**: news gathered and told once a day or a week.
//!
//! # The way of the data
//!
//! ```text
//! change of the page ─► event in the outbox, in the transaction of the change
//!                        │
//! reader `status-subscribers` ─► filter (pure) ─► news (pure) ─► Post: one delivery each
//!                        └────────────── acknowledged in the same transaction ──┘
//! ```
//!
//! What happens to a delivery (attempts, pauses, dead letters) is not decided here: the binary hands
//! a [`Post`] over that knows the couriers of the house.
//!
//! # What is promised
//!
//! - A change that was stored reaches every active subscriber whom it concerns, once: the delivery is
//!   named after event and subscriber, so routing the same event again makes no second one.
//! - Nobody but the owner of an address makes it active: a message with a link goes there first, and
//!   the link asks once more before it does something, because programs follow links in mails.
//! - Whether an address is known is told to nobody: the page says the same in every case, and takes
//!   the same way.

pub mod filter;
pub mod letter;
pub mod model;
pub mod news;
pub mod office;
pub mod pages;
pub mod refusal;
pub mod store;
pub mod task;
mod words;

pub use model::{Digest, Filter, Settings, State, Subscriber, Way};
pub use office::Office;
pub use store::PART;
pub use task::{Addressed, Post};
