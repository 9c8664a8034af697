//! What requests carry, with refusals in the words of the API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;

use crate::error::Error;
use crate::site::{LARGEST_BODY, Site};
use crate::wire::Body;

/// The one variable part of the path.
pub(crate) struct Segment(pub(crate) String);

/// The two variable parts of the path.
pub(crate) struct Segments(pub(crate) String, pub(crate) String);

fn unreadable() -> Error {
    Error::invalid("path", "it is not UTF-8 when decoded")
}

impl FromRequestParts<Arc<Site>> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Error> {
        let path = Path::<String>::from_request_parts(parts, site).await;
        path.map(|Path(one)| Self(one)).map_err(|_| unreadable())
    }
}

impl FromRequestParts<Arc<Site>> for Segments {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Error> {
        let path = Path::<(String, String)>::from_request_parts(parts, site).await;
        path.map(|Path((one, two))| Self(one, two)).map_err(|_| unreadable())
    }
}

/// The parameters of the query. The first of several counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Arc<Site>> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

/// A body that is still to be understood: who may not write is told so first.
pub(crate) struct Given {
    headers: HeaderMap,
    bytes: Bytes,
}

impl Given {
    /// The object in it.
    pub(crate) fn body(&self) -> Result<Body, Error> {
        Body::read(self.json()?)
    }

    /// The JSON in it.
    pub(crate) fn value(&self) -> Result<serde_json::Value, Error> {
        serde_json::from_slice(self.json()?)
            .map_err(|error| Error::invalid("body", format!("this is no JSON: {error}")))
    }

    /// The document in it.
    pub(crate) fn document<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(self.json()?)
            .map_err(|error| Error::invalid("body", error.to_string()))
    }

    fn json(&self) -> Result<&[u8], Error> {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Error::MediaType);
        }
        Ok(&self.bytes)
    }
}

impl FromRequest<Arc<Site>> for Given {
    type Rejection = Error;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Error> {
        let headers = request.headers().clone();
        let bytes =
            Bytes::from_request(request, site).await.map_err(|rejection| {
                match rejection.into_response().status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge { limit: LARGEST_BODY },
                    _ => Error::invalid("body", "it did not come to its end"),
                }
            })?;
        Ok(Self { headers, bytes })
    }
}
