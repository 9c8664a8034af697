//! What happens to every request before and after its service sees it: faults, latency, the log.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tower::ServiceExt;

use super::wire::Control;
use crate::faults::Effect;
use crate::requests::RequestRecord;
use crate::service::{Exchange, Service};
use crate::world::SharedWorld;

/// The connection is to be reset instead of answered.
#[derive(Debug, thiserror::Error)]
#[error("a fault rule resets the connection")]
pub(crate) struct Severed;

/// The body of an answer ends before its end.
#[derive(Debug, thiserror::Error)]
#[error("a fault rule cuts the answer off")]
struct CutOff;

#[derive(Debug)]
struct Mounted {
    service: Box<dyn Service>,
    routes: Router,
}

/// The front of the cloud.
#[derive(Debug)]
pub(crate) struct Front {
    world: SharedWorld,
    mounted: Vec<Mounted>,
    admin: Router,
}

/// The effects of the fault rules that hit a request.
#[derive(Debug, Default)]
struct Struck {
    delay: Duration,
    main: Option<Effect>,
    names: Vec<String>,
}

impl Front {
    pub(crate) fn new(world: &SharedWorld, services: Vec<Box<dyn Service>>) -> Self {
        let mounted = services
            .into_iter()
            .map(|service| Mounted { routes: service.routes(world.clone()), service })
            .collect();
        Self { world: world.clone(), mounted, admin: crate::admin::routes(world.clone()) }
    }

    /// Answers one request, or says that the connection is to be severed.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        control: &Control,
    ) -> Result<Response, Severed> {
        let request = request.map(Body::new);
        let path = request.uri().path();
        if path == "/_sim" || path.starts_with("/_sim/") {
            return Ok(infallible(self.admin.clone().oneshot(request).await));
        }
        let found = self.mounted.iter().find_map(|mounted| {
            let rest = path.strip_prefix(mounted.service.mount())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (mounted, rest.to_owned()))
        });
        match found {
            Some((mounted, rest)) => self.exchange(mounted, rest, request, control).await,
            None => Ok(nowhere(&self.world.base, &self.world.catalog)),
        }
    }

    /// Answers a request to a service, with faults, latency and log.
    async fn exchange(
        &self,
        mounted: &Mounted,
        rest: String,
        request: Request<Body>,
        control: &Control,
    ) -> Result<Response, Severed> {
        let number = self.world.requests.arrive();
        let path = if rest.is_empty() { "/".to_owned() } else { rest };
        let exchange = Exchange {
            method: request.method().to_string(),
            accept: request
                .headers()
                .get(ACCEPT)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            request_id: format!("req-{}", self.world.ids.uuid()),
            base: self.world.base.clone(),
            path,
        };
        let query = request.uri().query().unwrap_or_default().to_owned();
        let kind = mounted.service.kind();
        let struck = self.strike(kind, &exchange);
        let pause = self.world.options.latency + struck.delay;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let answer = self.answer(mounted, &exchange, request, struck.main.as_ref(), &query).await;
        self.world.requests.record(RequestRecord {
            number,
            service: kind.to_owned(),
            method: exchange.method,
            path: exchange.path,
            query,
            status: answer.as_ref().ok().map(|answer| answer.status().as_u16()),
            request_id: exchange.request_id,
            faults: struck.names,
        });
        answer.inspect_err(|_| control.reset())
    }

    fn strike(&self, kind: &str, exchange: &Exchange) -> Struck {
        let mut struck = Struck::default();
        for effect in self.world.faults.strike(kind, &exchange.method, &exchange.path) {
            struck.names.push(effect.name().to_owned());
            match effect {
                Effect::Delay { milliseconds } => {
                    struck.delay += Duration::from_millis(milliseconds);
                }
                other => struck.main = struck.main.or(Some(other)),
            }
        }
        struck
    }

    async fn answer(
        &self,
        mounted: &Mounted,
        exchange: &Exchange,
        mut request: Request<Body>,
        effect: Option<&Effect>,
        query: &str,
    ) -> Result<Response, Severed> {
        match effect {
            Some(Effect::ResetBefore) => return Err(Severed),
            Some(Effect::Status { status, body }) => {
                return Ok(refuse(mounted.service.as_ref(), exchange, *status, body.as_deref()));
            }
            Some(Effect::TooManyRequests { retry_after }) => {
                let mut answer = refuse(mounted.service.as_ref(), exchange, 429, None);
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after));
                return Ok(answer);
            }
            Some(Effect::ExpireToken) => {
                let token = request.headers().get("x-auth-token");
                if let Some(token) = token.and_then(|token| token.to_str().ok()) {
                    self.world.identity().tokens.remove(token);
                }
            }
            _ => {}
        }
        let mut path = exchange.path.as_str();
        if mounted.service.ignores_last_slash() && path.len() > 1 {
            path = path.strip_suffix('/').unwrap_or(path);
        }
        *request.uri_mut() = within_service(path, query);
        request.extensions_mut().insert(RequestId(exchange.request_id.clone()));
        let answer = infallible(mounted.routes.clone().oneshot(request).await);
        let mut answer = mounted.service.finish(exchange, answer);
        match effect {
            Some(Effect::ResetAfter) => Err(Severed),
            Some(Effect::Truncate) => Ok(truncate(answer).await),
            Some(Effect::SlowBody { bytes, milliseconds }) => {
                Ok(drip(answer, *bytes, Duration::from_millis(*milliseconds)))
            }
            Some(Effect::ContentType { media_type }) => {
                if let Ok(value) = HeaderValue::from_str(media_type) {
                    answer.headers_mut().insert(CONTENT_TYPE, value);
                }
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }
}

/// The id of a request, for handlers that record it.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl Effect {
    const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::TooManyRequests { .. } => "too-many-requests",
            Self::ResetBefore => "reset-before",
            Self::ResetAfter => "reset-after",
            Self::Delay { .. } => "delay",
            Self::Truncate => "truncate",
            Self::SlowBody { .. } => "slow-body",
            Self::ExpireToken => "expire-token",
            Self::ContentType { .. } => "content-type",
        }
    }
}

fn infallible(answer: Result<Response, std::convert::Infallible>) -> Response {
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

/// The address as the service's routes see it.
fn within_service(path: &str, query: &str) -> Uri {
    let text = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    text.parse().unwrap_or_else(|_| Uri::from_static("/"))
}

/// An error answer that no handler made.
fn refuse(service: &dyn Service, exchange: &Exchange, status: u16, body: Option<&str>) -> Response {
    let answer = service.refuse(status, "A fault rule of the simulated cloud made this answer.");
    let mut answer = service.finish(exchange, answer);
    if let Some(body) = body {
        answer.headers_mut().remove(CONTENT_LENGTH);
        *answer.body_mut() = Body::from(body.to_owned());
    }
    answer
}

/// Half of the body under the headers of the whole.
async fn truncate(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let pieces: [Result<Bytes, CutOff>; 2] = [Ok(half), Err(CutOff)];
    // The pause between the pieces lets the first one leave before the connection ends.
    let stream = futures::stream::iter(pieces).then(|piece| async {
        tokio::task::yield_now().await;
        piece
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

/// The body in pieces of at most `bytes`, with a pause before each.
fn drip(answer: Response, bytes: u64, pause: Duration) -> Response {
    let most = usize::try_from(bytes.max(1)).unwrap_or(usize::MAX);
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let start = (body.into_data_stream(), Bytes::new());
    let pieces = futures::stream::unfold(start, move |(mut body, mut left)| async move {
        while left.is_empty() {
            match body.next().await? {
                Ok(bytes) => left = bytes,
                Err(error) => return Some((Err(error), (body, left))),
            }
        }
        tokio::time::sleep(pause).await;
        let piece = left.split_to(left.len().min(most));
        Some((Ok(piece), (body, left)))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// The answer to paths of no service: what there is.
fn nowhere(base: &str, catalog: &[crate::service::CatalogEntry]) -> Response {
    let services: Vec<_> = catalog
        .iter()
        .map(
            |entry| serde_json::json!({"type": entry.kind, "url": format!("{base}{}", entry.path)}),
        )
        .collect();
    let body = serde_json::json!({"simulation": "lotse", "services": services});
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = http::StatusCode::NOT_FOUND;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
