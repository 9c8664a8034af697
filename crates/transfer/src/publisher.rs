//! What publishers say in few words: listings, checksums, signatures, the headers of a file.
//!
//! They are asked like downloads, with the same authorities and the same care for redirects. What an
//! answer means, how much of it is read and how long that may take is for whoever asks.

use reqwest::header::LOCATION;
use reqwest::{Method, Response};
use url::Url;

use crate::client::{Clients, HttpOptions};
use crate::error::Error;
use crate::follow::{Place, Way};
use crate::limits::Limits;
use crate::source::shown_url;

/// Asks publishers.
#[derive(Clone, Debug)]
pub struct Publisher {
    clients: Clients,
    limits: Limits,
}

impl Publisher {
    /// Of the limits those of connections, pauses within an answer, and redirects count.
    ///
    /// # Errors
    /// [`Error::Client`]
    pub fn new(options: &HttpOptions, limits: Limits) -> Result<Self, Error> {
        let read = |builder: reqwest::ClientBuilder| builder.read_timeout(limits.stall);
        Ok(Self { clients: Clients::with(options, &limits, read)?, limits })
    }

    /// The answer to a request without a body, whatever its status says about the file.
    ///
    /// # Errors
    /// [`Error::Request`], [`Error::Stalled`]; [`Error::Inward`] when somebody on the internet leads
    /// to an internal address, [`Error::Status`] for other redirects that are not followed.
    pub async fn ask(&self, method: &Method, url: Url) -> Result<Response, Error> {
        let shown = shown_url(&url);
        let Limits { redirects, stall, .. } = self.limits;
        let way = Way { shown: &shown, redirects, stall };
        let request = |client: &reqwest::Client, url| client.request(method.clone(), url);
        let (response, _) = self.clients.follow(Place::chosen(url), way, request).await?;
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        match location.filter(|_| response.status().is_redirection()) {
            None => Ok(response),
            Some(to) => {
                let location = Some(to.split('?').next().unwrap_or(to).to_owned());
                let status = response.status().as_u16();
                Err(Error::Status { url: shown, status, location, after: None })
            }
        }
    }
}
