//! Listings in pages.
//!
//! Glance links to the next page with `next`, Nova, Cinder and Neutron with a list `<name>_links`,
//! Keystone and Octavia with `links.next` or the like. The links are made by services that may not
//! know under which host or path clients reach them, and a wrong one must not lead our token
//! elsewhere: so only the query of a link is believed, and it is put to the path we asked first.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::Stream;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cloud::Cloud;
use crate::error::{Call, Error};

/// More pages than this are taken for endless.
const MOST_PAGES: usize = 10_000;

/// A listing that is read page by page.
#[derive(Debug)]
pub struct Pages<T> {
    cloud: Cloud,
    service: String,
    path: String,
    key: String,
    query: Option<Vec<(String, String)>>,
    marker: Option<&'static str>,
    microversion: Option<String>,
    seen: HashSet<Vec<(String, String)>>,
    first: Option<Arc<Call>>,
    _items: PhantomData<fn() -> T>,
}

impl Cloud {
    /// The things a listing has under `key`, for example `images` of `/v2/images`.
    pub fn pages<T: DeserializeOwned>(
        &self,
        service: &str,
        path: &str,
        query: &[(&str, &str)],
        key: &str,
    ) -> Pages<T> {
        Pages {
            cloud: self.clone(),
            service: service.to_owned(),
            path: path.to_owned(),
            key: key.to_owned(),
            query: Some(
                query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ),
            marker: None,
            microversion: None,
            seen: HashSet::new(),
            first: None,
            _items: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Pages<T> {
    /// For services without links: a full page (as long as the `limit` of the query) is followed by
    /// the one after its last item, named by this field.
    #[must_use]
    pub const fn by_marker(mut self, field: &'static str) -> Self {
        self.marker = Some(field);
        self
    }

    /// Demands this microversion.
    #[must_use]
    pub fn microversion(mut self, version: &str) -> Self {
        self.microversion = Some(version.to_owned());
        self
    }

    /// The next page; `None` after the last.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let mut request = self.cloud.get(&self.service, &self.path);
        if let Some(version) = &self.microversion {
            request = request.microversion(version);
        }
        request.query.clone_from(&query);
        let response = request.send().await?;
        let call =
            Arc::clone(self.first.get_or_insert_with(|| Arc::clone(&response.answer().call)));
        let endless =
            |reason: &str| Error::Paging { call: Arc::clone(&call), reason: reason.to_owned() };
        let not_understood = |reason: String| Error::Answer {
            call: Arc::clone(&response.answer().call),
            reason,
            request_id: response.request_id(),
        };
        let Page { items, next } = page(response.body(), &self.key).map_err(not_understood)?;
        self.seen.insert(query.clone());
        let following = match next {
            Some(next) => Some(next),
            None => self.marker.and_then(|field| after(&items, &query, field)),
        };
        if let Some(following) = following {
            if self.seen.contains(&following) {
                return Err(endless("a link leads back to a page that was read"));
            }
            if self.seen.len() >= MOST_PAGES {
                return Err(endless("there are more than 10000"));
            }
            self.query = Some(following);
        }
        let typed: Result<Vec<T>, _> = items.into_iter().map(serde_json::from_value).collect();
        typed
            .map(Some)
            .map_err(|error| not_understood(format!("an item of \"{}\": {error}", self.key)))
    }

    /// All items of all pages.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            if all.is_empty() {
                all = page;
            } else {
                all.extend(page);
            }
        }
        Ok(all)
    }

    /// The items one by one, pages being read as they are needed.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, Error>> + Send
    where
        T: Send + 'static,
    {
        use futures::{StreamExt as _, TryStreamExt as _};
        futures::stream::try_unfold(self, |mut pages| async move {
            Ok::<_, Error>(pages.next_page().await?.map(|page| (page, pages)))
        })
        .map_ok(|page| futures::stream::iter(page).map(Ok))
        .try_flatten()
    }
}

/// A page as it was read.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The items.
    pub items: Vec<Value>,
    /// The query of the link to the next page.
    pub next: Option<Vec<(String, String)>>,
}

/// Reads a page: the items under `key`, and the link to the next page wherever it stands.
pub fn page(body: &[u8], key: &str) -> Result<Page, String> {
    let document: Value = serde_json::from_slice(body).map_err(|_| "it is not JSON".to_owned())?;
    let Value::Object(mut fields) = document else {
        return Err("it is not a JSON object".to_owned());
    };
    let items = match fields.remove(key) {
        Some(Value::Array(items)) => items,
        Some(_) => return Err(format!("\"{key}\" is not a list")),
        None => return Err(format!("it has no \"{key}\"")),
    };
    Ok(Page { items, next: link(&fields, key).and_then(query_of) })
}

fn link<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let of_list = |links: &'a Value| {
        let links = links.as_array()?;
        let next =
            links.iter().find(|link| link.get("rel").and_then(Value::as_str) == Some("next"));
        next?.get("href")?.as_str()
    };
    fields
        .get(&format!("{key}_links"))
        .and_then(of_list)
        .or_else(|| fields.get("next").and_then(Value::as_str))
        .or_else(|| {
            let links = fields.get("links")?;
            of_list(links).or_else(|| links.get("next")?.as_str())
        })
        .filter(|link| !link.is_empty())
}

fn query_of(link: &str) -> Option<Vec<(String, String)>> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    (!pairs.is_empty()).then_some(pairs)
}

/// The query of the page after a full one.
fn after(
    items: &[Value],
    query: &[(String, String)],
    field: &str,
) -> Option<Vec<(String, String)>> {
    let limit = query.iter().find(|(name, _)| name == "limit")?.1.parse::<usize>().ok()?;
    if items.is_empty() || items.len() < limit {
        return None;
    }
    let marker = items.last()?.get(field)?.as_str()?.to_owned();
    let mut following: Vec<_> =
        query.iter().filter(|(name, _)| name != "marker").cloned().collect();
    following.push(("marker".to_owned(), marker));
    Some(following)
}
