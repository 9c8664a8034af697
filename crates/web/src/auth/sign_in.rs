//! Signing in and out: the routes that make and end sessions.
//!
//! | route | what it does |
//! | --- | --- |
//! | `GET /sign-in` | a page that offers the ways in |
//! | `GET /sign-in/start` | sends the browser to the identity provider |
//! | `GET /sign-in/callback` | the browser comes back with a code |
//! | `POST /sign-in/link` | uses the link that the daemon printed when it started |
//! | `POST /sign-out` | ends the session everywhere |

use std::sync::Arc;

use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use lotse_core::error::chain;
use lotse_core::time::SignedDuration;
use lotse_store::audit::DeedOutcome;
use serde::Deserialize;
use url::Url;

use super::Gate;
use super::guard::Caller;
use crate::access::{Access, Role};
use crate::api::Words;
use crate::credential::Credential;
use crate::error::Error;
use crate::extension::Route;
use crate::oidc::journey::{Journey, JourneyError, Returned};
use crate::oidc::{Flow, Provider, claims};
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::shown;

/// The kind of ticket that a printed link is.
const LINK: &str = "link";
/// The kind of ticket that a sign-in under way is.
const SIGN_IN: &str = "sign-in";
/// Who signs in with the link: nobody's name is known on a laptop.
const LOCAL: &str = "local";
/// How long the link is good.
const LINK_LASTS: SignedDuration = SignedDuration::from_hours(1);

pub(crate) fn routes(shell: &Arc<Shell>) -> Vec<Route> {
    vec![
        Route::get("/sign-in", Access::Open, shell.clone(), crate::pages::sign_in::show),
        Route::get("/sign-in/start", Access::Open, shell.clone(), start),
        Route::get("/sign-in/callback", Access::Open, shell.clone(), callback),
        Route::post("/sign-in/link", Access::Open, shell.clone(), link),
        Route::post("/sign-out", Access::SignedIn, shell.clone(), sign_out),
    ]
}

impl Gate {
    /// A link that signs in whoever opens it, once; `None` where an identity provider does that.
    pub(crate) async fn make_link(&self) -> Result<Option<Url>, Error> {
        if self.provider.is_some() {
            return Ok(None);
        }
        let credential = Credential::generate()?;
        let until = self.clock.now().saturating_add(LINK_LASTS);
        let until = until.unwrap_or(lotse_core::time::Timestamp::MAX);
        self.store.ticket_issue(&credential.hash(), LINK, "", until).await?;
        let mut url = self.public.clone();
        url.set_path("/sign-in");
        url.query_pairs_mut().append_pair("key", &credential.encode());
        Ok(Some(url))
    }

    fn callback_url(&self) -> Url {
        let mut url = self.public.clone();
        url.set_path("/sign-in/callback");
        url
    }
}

/// A redirect that sets cookies.
fn go(to: &str, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    let mut response = Redirect::to(to).into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Debug, Deserialize)]
struct StartQuery {
    to: Option<String>,
}

async fn start(
    State(shell): State<Arc<Shell>>,
    Words(query): Words<StartQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let gate = &shell.gate;
    let provider = provider(gate)?;
    gate.count_sign_in(&request)?;
    let begun = journey(gate, provider, &gate.callback_url()).begin(query.to.as_deref()).await;
    let (url, flow) = begun.map_err(|error| not_arrived(&error))?;
    Ok(go(url.as_str(), [gate.cookies.set_sign_in(&flow.0)]))
}

fn provider(gate: &Gate) -> Result<&Provider, Problem> {
    gate.provider.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no identity provider").detail(
            "access.oidc is not configured; the daemon prints a link to sign in when it starts",
        )
    })
}

fn journey<'a>(gate: &'a Gate, provider: &'a Provider, back: &'a Url) -> Journey<'a> {
    Journey { provider, store: &gate.store, clock: &gate.clock, kind: SIGN_IN, back }
}

/// The page of a sign-in that came to nothing.
fn not_arrived(error: &JourneyError) -> Problem {
    match error {
        JourneyError::Stale(detail) => {
            Problem::new(StatusCode::BAD_REQUEST, "this sign-in cannot be finished")
                .detail(format!("{detail}; start again"))
        }
        JourneyError::Provider(error) => {
            tracing::warn!(error = chain(error), "a sign-in failed");
            Problem::of(error)
        }
        JourneyError::Own(error) => failed(error),
    }
}

async fn callback(
    State(shell): State<Arc<Shell>>,
    Words(returned): Words<Returned>,
    request: Request,
) -> Result<Response, Problem> {
    let gate = &shell.gate;
    let provider = provider(gate)?;
    gate.count_sign_in(&request)?;
    let headers = request.headers();
    let back = gate.callback_url();
    let flow = gate.cookies.sign_in(headers).map(Flow);
    let arrived = journey(gate, provider, &back).end(flow, &returned).await;
    let (vouched, to) = arrived.map_err(|error| not_arrived(&error))?;
    let config = provider.config();
    let found = claims::find(&vouched.claims, &config.roles_claim);
    let words = found.map(claims::words).unwrap_or_default();
    let roles = claims::roles(&words, &config.grants);
    let name = claims::name(&vouched.claims, &config.name_claim, &vouched.subject);
    let subject = format!("user:{}", vouched.subject);
    if roles.is_empty() {
        let claim = &config.roles_claim;
        let detail = serde_json::json!({ "name": name, "claim": claim });
        let noted =
            gate.note(&subject, "session.begin", &subject, DeedOutcome::Denied, detail).await;
        noted.map_err(|error| failed(&error))?;
        return Err(without_role(&name, claim, &words));
    }
    let session = gate.begin_session(headers, &subject, &name, &roles).await;
    let session = session.map_err(|error| failed(&error))?;
    Ok(go(&to, [gate.cookies.set_session(&session), gate.cookies.clear_sign_in()]))
}

fn failed(error: &Error) -> Problem {
    match error {
        Error::Store(error) => Problem::of_store(error),
        other => Problem::of(other),
    }
}

fn without_role(name: &str, claim: &str, words: &[&str]) -> Problem {
    let words: Vec<_> = words.iter().take(20).map(|word| shown(word, 60)).collect();
    let found =
        if words.is_empty() { "is empty or missing".to_owned() } else { format!("is {words:?}") };
    Problem::new(StatusCode::FORBIDDEN, "you have no role here").detail(format!(
        "the identity provider knows you as {name:?}, but your claim {claim:?} {found}, and \
         access.oidc.grants gives no role for that"
    ))
}

#[derive(Deserialize)]
struct LinkForm {
    key: String,
}

async fn link(
    State(shell): State<Arc<Shell>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    use axum::extract::FromRequest as _;
    let gate = &shell.gate;
    gate.count_sign_in(&request)?;
    let stale = || {
        Problem::new(StatusCode::FORBIDDEN, "this link cannot be used").detail(
            "it was used already or its hour is over; the daemon prints a new one when it starts",
        )
    };
    let Form(form) = Form::<LinkForm>::from_request(request, &()).await.map_err(|_| stale())?;
    let key = Credential::parse(form.key.trim()).ok_or_else(stale)?;
    let ticket = gate.store.ticket_take(&key.hash(), LINK, gate.clock.now()).await;
    let ticket = ticket.map_err(|error| Problem::of_store(&error))?;
    if ticket.is_none() || gate.provider.is_some() {
        return Err(stale());
    }
    let session = gate.begin_session(&headers, LOCAL, LOCAL, &[Role::Admin]).await;
    let session = session.map_err(|error| failed(&error))?;
    Ok(go("/", [gate.cookies.set_session(&session)]))
}

async fn sign_out(
    State(shell): State<Arc<Shell>>,
    _caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gate = &shell.gate;
    gate.end_session(&headers).await.map_err(|error| failed(&error))?;
    Ok(go("/sign-in?out=1", [gate.cookies.clear_session()]))
}
