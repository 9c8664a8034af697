//! The page as a site: the desk, what stands around every request, the routers of both listeners.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use lotse_core::time::Timestamp;
use url::Url;

use crate::answer::Answer;
use crate::api::{self, refusal};
use crate::client::{self, Client};
use crate::desk::Desk;
use crate::document;
use crate::doorkeeper::{self, Entrance};
use crate::kept::Present;
use crate::metrics::Metrics;
use crate::pages::look::Look;
use crate::pages::{self, Frame, Language, Mode};
use crate::proxies::Network;
use crate::readers::{self, Readers};
use crate::session::{self, SignIn};
use crate::snapshot::{JSON, Snapshot};
use crate::subscribe::pages::{self as pages_of_subscribers, Door, Subscriptions};
use crate::writer::is_loopback_host;
use crate::{badge, feeds, private, report, statuspage};

/// The largest body that is taken, in bytes.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// How a site behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether who is on the same machine may write without a token.
    pub local_writes: bool,
    /// Origins (`https://host`) whose pages may use the API with their users' credentials; `*` stands
    /// for all of them, which then read only.
    pub origins: Vec<String>,
    /// Where readers reach the page, for links in feeds; without it, the address they used.
    pub public_url: Option<Url>,
    /// Whether and how readers subscribe.
    pub subscriptions: Option<Subscriptions>,
    /// Proxies whose word about readers is believed.
    pub trusted_proxies: Vec<Network>,
    /// The web client that is served beside the API.
    pub client: Option<Arc<Client>>,
    /// Who may write with tokens of the identity provider.
    pub sign_in: Option<SignIn>,
    /// How readers sign in who see more than everybody.
    pub readers: Option<Readers>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            local_writes: true,
            origins: Vec::new(),
            public_url: None,
            subscriptions: None,
            trusted_proxies: Vec::new(),
            client: None,
            sign_in: None,
            readers: None,
        }
    }
}

/// Everything that handlers share.
pub struct Site {
    desk: Arc<Desk>,
    options: Options,
    metrics: Arc<Metrics>,
    document: Arc<Answer>,
    own_document: Arc<Answer>,
    look: Arc<Look>,
    /// Whose page it is, and what its addresses begin with; everybody's at the root.
    audience: Option<String>,
    root: String,
    /// The pages of audiences by their root, made when they are asked for first.
    facets: Mutex<HashMap<String, Router>>,
    /// Where readers subscribe, if they can.
    door: Option<Arc<Door>>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Site {
    /// A site on this desk with this look.
    pub fn new(desk: Arc<Desk>, look: Look, options: Options) -> Arc<Self> {
        let has_local_writes = options.local_writes;
        let own = document::own_document(options.sign_in.is_some(), has_local_writes).to_string();
        let own_document = Arc::new(Answer::new(JSON, own));
        let compatible = document::document(has_local_writes).to_string();
        let document = Arc::new(Answer::new(JSON, compatible));
        let door = options.subscriptions.map(|how| Arc::new(Door::new(&desk, how)));
        Arc::new(Self {
            desk,
            options,
            metrics: Arc::new(Metrics::new()),
            document,
            own_document,
            look: Arc::new(look),
            audience: None,
            root: String::new(),
            door,
            facets: Mutex::default(),
        })
    }

    /// The desk.
    pub const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Says under which address readers reach the page, so that they are sent back there when they
    /// sign in.
    pub fn reached_at(&self, public: &Url) {
        if let Some(readers) = &self.options.readers {
            readers.reached_at(public);
        }
    }

    /// What its readers see.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        // An audience that is gone sees what everybody sees.
        let own = self.audience.as_deref().and_then(|name| self.desk.seen_by(name));
        own.unwrap_or_else(|| self.desk.snapshot())
    }

    /// What the addresses of its pages begin with, before the first slash.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The page of an audience, for reading, with all addresses in it below `root`. Whoever serves it
    /// decides who belongs to the audience; kept until the process ends.
    pub fn page_of(self: &Arc<Self>, audience: &str, root: &str) -> Router {
        let key = format!("{audience} {root}");
        let mut facets = self.facets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(router) = facets.get(&key) {
            return router.clone();
        }
        let facet = Arc::new(Self {
            desk: self.desk.clone(),
            options: self.options.clone(),
            metrics: self.metrics.clone(),
            document: self.document.clone(),
            own_document: self.own_document.clone(),
            look: self.look.clone(),
            audience: Some(audience.to_owned()),
            root: root.to_owned(),
            // Subscribers hear of what everybody sees.
            door: None,
            facets: Mutex::default(),
        });
        let pages = pages::routes().merge(feeds::routes()).merge(badge::routes());
        let router = facet.around(pages.merge(statuspage::routes()).merge(report::routes()));
        facets.insert(key, router.clone());
        router
    }

    /// How it behaves.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Where readers subscribe, if they can.
    pub(crate) const fn door(&self) -> Option<&Arc<Door>> {
        self.door.as_ref()
    }

    pub(crate) fn look(&self) -> &Look {
        &self.look
    }

    pub(crate) fn frame<'a>(
        &'a self,
        language: Language,
        path: &'a str,
        title: &'a str,
        now: Timestamp,
    ) -> Frame<'a> {
        Frame {
            site: self.look.title(),
            root: &self.root,
            has_logo: self.look.logo().is_some(),
            style: self.look.version(),
            subscribe: self.door.as_ref().map(|_| pages_of_subscribers::word(language)),
            reader: self.options.readers.as_ref().map(|_| readers::word(language)),
            ..Frame::new(language, path, title, now)
        }
    }

    /// What a page is called among the answers that are kept; it says of which minute it is. An
    /// audience can see the very picture that everybody sees, but the links lead to its own pages.
    pub(crate) fn present(
        &self,
        path: &str,
        language: Language,
        mode: Mode,
        now: Timestamp,
    ) -> Present {
        let name = format!("{} {path} {}", self.root, language.code());
        let present = Present::new(name, now).until_next_minute();
        if mode == Mode::Bundle { present.once() } else { present }
    }

    pub(crate) fn document(&self) -> &Answer {
        &self.document
    }

    pub(crate) fn own_document(&self) -> &Answer {
        &self.own_document
    }

    /// The compatible API on its own, with the web client beside it if there is one.
    pub fn api(self: &Arc<Self>) -> Router {
        self.framed(api::routes().fallback(client::show), Entrance::Api)
    }

    /// The page, with the API beside it: clients in a browser want one origin.
    pub fn page(self: &Arc<Self>) -> Router {
        let pages = pages::routes().merge(feeds::routes()).merge(badge::routes());
        let pages = match self.door {
            Some(_) => pages.merge(pages_of_subscribers::routes()),
            None => pages,
        };
        let pages = match self.options.readers {
            Some(_) => pages.merge(readers::routes()),
            None => pages,
        };
        let data = api::own_routes()
            .merge(statuspage::routes())
            .merge(report::routes())
            .merge(private::routes());
        self.around(api::routes().merge(pages).merge(data))
    }

    /// What `status_page_api_…` has counted, for a listener of its own.
    pub fn measured(self: &Arc<Self>) -> Router {
        Router::new().route("/metrics", axum::routing::get(scrape)).with_state(self.clone())
    }

    /// Shows what `status_page_api_…` has counted in this registry.
    pub fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        self.metrics.register(registry);
    }

    fn around(self: &Arc<Self>, routes: Router<Arc<Self>>) -> Router {
        self.framed(routes.fallback(refusal::not_found), Entrance::Page)
    }

    fn framed(self: &Arc<Self>, routes: Router<Arc<Self>>, entrance: Entrance) -> Router {
        let routes = match self.options.sign_in {
            Some(_) => routes
                .route_layer(middleware::from_fn_with_state(self.clone(), session::recognise))
                .merge(session::routes()),
            None => routes,
        };
        let routes = routes
            .method_not_allowed_fallback(refusal::method_not_allowed)
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .route_layer(middleware::from_fn_with_state(self.clone(), measure));
        // Who is let in to the page of an audience was decided before.
        let required = self.options.readers.as_ref().is_some_and(Readers::is_required);
        let routes = if required && self.audience.is_none() {
            let state = (self.clone(), entrance);
            routes.layer(middleware::from_fn_with_state(state, doorkeeper::keep))
        } else {
            routes
        };
        routes
            .layer(middleware::from_fn_with_state(self.clone(), across_origins))
            .with_state(self.clone())
    }

    /// Whether a page of this very origin, or of one that the operator named, sent this.
    pub(crate) fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
        };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_here = origin.split_once("://").is_some_and(|(_, name)| Some(name) == host);
        is_here || self.options.origins.iter().any(|known| known == origin)
    }

    /// Whether a page of the origin that sent this may use the API: there is none (a program), it is
    /// our own, or the operator named it.
    pub(crate) fn trusts_origin_of(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = origin.split_once("://").map(|(_, host)| host);
        let is_own = host.is_some() && host == own && own.is_some_and(is_loopback_host);
        is_own || self.options.origins.iter().any(|known| known == origin)
    }
}

/// Cross-origin requests (Fetch standard, section 3.2). Credentials go with a named origin only.
async fn across_origins(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let named = |origin: &&HeaderValue| {
        site.options.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())
    };
    let origin = request.headers().get(header::ORIGIN).filter(named).cloned();
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (&origin, asks) {
        (Some(_), true) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            let allow = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH, DELETE"),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
                (header::ACCESS_CONTROL_MAX_AGE, "600"),
            ];
            for (name, value) in allow {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    } else if site.options.origins.iter().any(|known| known == "*") {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

async fn measure(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let received = length(request.headers());
    let began = tokio::time::Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let sent = axum::body::HttpBody::size_hint(response.body()).exact().unwrap_or(0);
    let seen = crate::metrics::Seen { method, route, status: response.status(), received, sent };
    site.metrics.observe(&seen, began.elapsed());
    response
}

fn length(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

async fn scrape(State(site): State<Arc<Site>>) -> Response {
    let mut response = Response::new(Body::from(site.metrics.text()));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
