//! A line to another machine: what a web server shows of bundles, or an edge that takes posts.

use std::time::Duration;

use lotse_transfer::{HttpOptions, Limits};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::glass::Signed;
use crate::error::Error;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 8 << 20;

/// A line to what is below an address.
#[derive(Clone, Debug)]
pub struct Line {
    base: Url,
    client: Client,
}

impl Line {
    /// A line to `http://…` or `https://…`.
    ///
    /// # Errors
    /// It is no such address.
    pub fn to(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::invalid("address", reason);
        // Relative addresses are below this one, not beside it.
        let base = Url::parse(&format!("{}/", text.trim_end_matches('/')));
        let base = base.map_err(|error| wrong(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(wrong("an address of http or https is needed".to_owned()));
        }
        let client = lotse_transfer::client(&HttpOptions::default(), &Limits::default())?;
        Ok(Self { base, client })
    }

    fn below(&self, path: &str) -> Result<Url, Error> {
        self.base.join(path).map_err(|error| Error::invalid("address", error.to_string()))
    }

    /// What is at a path; nothing when it is not there.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let answer =
            self.client.get(self.below(path)?).timeout(PATIENCE).send().await.map_err(failed)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(answer.error_for_status().map_err(failed)?).await.map(Some)
    }

    /// The break-glass posts that an edge holds.
    ///
    /// # Errors
    /// They cannot be fetched, or are none.
    pub async fn posts(&self) -> Result<Vec<Signed>, Error> {
        let text = self.get("break-glass/posts.json").await?;
        let text = text.ok_or_else(|| Error::not_found("edge", &self.base))?;
        serde_json::from_slice(&text).map_err(|error| Error::invalid("posts", error.to_string()))
    }

    /// Sends a break-glass post to an edge. When this returns, it is kept and shown there.
    ///
    /// # Errors
    /// The edge cannot be reached, or does not take it.
    pub async fn post(&self, signed: &Signed) -> Result<(), Error> {
        let request = self.client.post(self.below("break-glass")?).timeout(PATIENCE);
        let request = request.body(signed.to_text());
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = read(answer).await.unwrap_or_default();
        let said = lotse_web::text::shown(&String::from_utf8_lossy(&text), 300);
        Err(Error::Conflict { reason: format!("the edge answered {status}: {said}") })
    }
}

fn failed(source: reqwest::Error) -> Error {
    Error::Fetch { source: source.without_url() }
}

async fn read(mut answer: Response) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(Error::TooLarge { limit: LARGEST });
        }
    }
    Ok(bytes)
}
