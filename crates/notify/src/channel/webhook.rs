//! Webhooks: a POST with JSON, signed as the Standard Webhooks convention says.

pub mod shape;

use async_trait::async_trait;
use lotse_core::error::chain;
pub use lotse_core::signature::webhook as signature;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use self::shape::Shape;
use self::signature::Key;
use super::http::{Sender, peer};
use super::{Channel, Parcel, Trouble, fingerprint};

/// A webhook.
pub struct Webhook {
    /// Chats put their passwords into the path, so it is never shown.
    url: Url,
    shape: Shape,
    key: Option<Key>,
    sender: Sender,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("target", &self.target()).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A webhook at this address.
    pub const fn new(url: Url, shape: Shape, key: Option<Key>, sender: Sender) -> Self {
        Self { url, shape, key, sender }
    }
}

#[async_trait]
impl Channel for Webhook {
    fn recipients(&self) -> Vec<String> {
        vec![String::new()]
    }

    fn target(&self) -> String {
        format!("{} at {}://{}", self.shape, self.url.scheme(), peer(&self.url))
    }

    fn fingerprint(&self) -> String {
        fingerprint(&["webhook", self.url.as_str()])
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        let id = parcel.delivery.id.to_string();
        let second = parcel.now.as_second();
        // A `Value` has text keys only and can always be written.
        let body = self.shape.body(parcel).to_string();
        let mut request = self
            .sender
            .client()
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", second.to_string());
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", key.sign(&id, second, body.as_bytes()));
        }
        let request = request.body(body).build().map_err(|error| Trouble::Refused {
            peer: peer(&self.url),
            answer: chain(&error.without_url()),
        })?;
        self.sender.send(request, parcel.now).await
    }
}
