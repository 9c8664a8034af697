//! Matrix rooms, by the client-server API 1.11.
//!
//! `PUT /_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}`: the transaction is the
//! id of the delivery, and the home server takes the same one only once. So even after a crash
//! nobody reads a message twice here.

use async_trait::async_trait;
use lotse_core::error::chain;
use lotse_core::secret::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::http::{Sender, peer};
use super::{Channel, Parcel, Trouble, fingerprint};

/// A room on a home server.
pub struct Matrix {
    server: Url,
    room: String,
    token: SecretString,
    sender: Sender,
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matrix").field("target", &self.target()).finish_non_exhaustive()
    }
}

impl Matrix {
    /// A room (its id, `!…:server`) on this home server, written to with this access token.
    pub const fn new(server: Url, room: String, token: SecretString, sender: Sender) -> Self {
        Self { server, room, token, sender }
    }

    fn refused(&self, answer: String) -> Trouble {
        Trouble::Refused { peer: peer(&self.server), answer }
    }
}

#[async_trait]
impl Channel for Matrix {
    fn recipients(&self) -> Vec<String> {
        vec![String::new()]
    }

    fn target(&self) -> String {
        format!("the Matrix room {} at {}", self.room, peer(&self.server))
    }

    fn fingerprint(&self) -> String {
        fingerprint(&["matrix", self.server.as_str(), &self.room])
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        let mut url = self.server.clone();
        let transaction = parcel.delivery.id.to_string();
        url.path_segments_mut()
            .map_err(|()| self.refused("its address cannot have a path".to_owned()))?
            .pop_if_empty()
            .extend(["_matrix", "client", "v3", "rooms", &self.room, "send", "m.room.message"])
            .push(&transaction);
        let message = parcel.message;
        let body = json!({
            // A notice is not answered by other programs, so two of them cannot talk for ever.
            "msgtype": "m.notice",
            "body": format!("{}\n\n{}", message.subject, message.text),
            "format": "org.matrix.custom.html",
            "formatted_body": message.html,
        });
        let request = self
            .sender
            .client()
            .put(url)
            .bearer_auth(self.token.expose_secret())
            .json(&body)
            .build()
            .map_err(|error| self.refused(chain(&error.without_url())))?;
        self.sender.send(request, parcel.now).await
    }
}
