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
use std::time::Duration;

use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use lotse_core::error::chain;
use lotse_core::time::SignedDuration;
use lotse_store::audit::DeedOutcome;
use serde::Deserialize;
use url::Url;

use super::Gate;
use super::cookie::SIGN_IN_SECONDS;
use super::guard::Caller;
use crate::access::{Access, Role};
use crate::api::Words;
use crate::credential::Credential;
use crate::error::Error;
use crate::extension::Route;
use crate::oidc::{Flow, OidcError, Provider, claims};
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
/// The longest address to come back to.
const LONGEST_TARGET: usize = 2000;

pub(crate) fn routes(shell: &Arc<Shell>) -> Vec<Route> {
    vec![
        Route::get("/sign-in", Access::Open, shell.clone(), crate::pages::sign_in::show),
        Route::get("/sign-in/start", Access::Open, shell.clone(), start),
        Route::get("/sign-in/callback", Access::Open, shell.clone(), callback),
        Route::post("/sign-in/link", Access::Open, shell.clone(), link),
        Route::post("/sign-out", Access::SignedIn, shell.clone(), sign_out),
    ]
}

/// Where somebody wants to go after the sign-in: a place of ours, or the first page.
pub(crate) fn target(to: Option<&str>) -> String {
    let ours = |to: &&str| {
        to.starts_with('/')
            && !to.starts_with("//")
            && !to.contains(['\\', '\t', '\n', '\r'])
            && !to.contains(char::is_control)
            && to.len() <= LONGEST_TARGET
            && !to.starts_with("/sign-")
    };
    to.filter(ours).unwrap_or("/").to_owned()
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
    let flow = Flow(Credential::generate().map_err(|error| Problem::of(&error))?);
    let url = within(provider, provider.authorization_url(&flow, &gate.callback_url())).await;
    let url = url.map_err(|error| not_signed_in(&error))?;
    let until = gate.clock.now().saturating_add(SignedDuration::from_secs(SIGN_IN_SECONDS));
    let until = until.unwrap_or(lotse_core::time::Timestamp::MAX);
    let to = target(query.to.as_deref());
    let kept = gate.store.ticket_issue(&flow.0.hash(), SIGN_IN, &to, until).await;
    kept.map_err(|error| Problem::of_store(&error))?;
    Ok(go(url.as_str(), [gate.cookies.set_sign_in(&flow.0)]))
}

fn provider(gate: &Gate) -> Result<&Provider, Problem> {
    gate.provider.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no identity provider").detail(
            "access.oidc is not configured; the daemon prints a link to sign in when it starts",
        )
    })
}

/// The work with the provider, ended when it takes twice as long as one answer may.
async fn within<T>(
    provider: &Provider,
    work: impl Future<Output = Result<T, OidcError>>,
) -> Result<T, OidcError> {
    let limit = Duration::from_secs(2 * u64::from(provider.config().timeout_seconds));
    let slow = || OidcError::Slow { what: "the sign-in" };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(slow()))
}

/// The page of a sign-in that the provider or its token spoiled.
fn not_signed_in(error: &OidcError) -> Problem {
    tracing::warn!(error = chain(error), "a sign-in failed");
    Problem::of(error)
}

#[derive(Debug, Default, Deserialize)]
struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// Who says that it sent the browser (RFC 9207).
    iss: Option<String>,
}

async fn callback(
    State(shell): State<Arc<Shell>>,
    Words(query): Words<CallbackQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let gate = &shell.gate;
    let provider = provider(gate)?;
    gate.count_sign_in(&request)?;
    let headers = request.headers();
    let (flow, to) = resume(gate, headers, &query).await?;
    if query.iss.as_ref().is_some_and(|issuer| *issuer != provider.config().issuer) {
        return Err(stale("the answer is of another identity provider"));
    }
    if let Some(error) = &query.error {
        let about = query.error_description.as_deref().unwrap_or_default();
        let reason = shown(format!("{error} {about}").trim(), 200);
        return Err(not_signed_in(&OidcError::Refused { reason }));
    }
    let code = query.code.as_deref().ok_or_else(|| stale("the answer has no code"))?;
    let back = gate.callback_url();
    let work = provider.finish(code, &flow, &back);
    let vouched = within(provider, work).await.map_err(|error| not_signed_in(&error))?;
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

/// The sign-in that this browser began, used up.
async fn resume(
    gate: &Gate,
    headers: &HeaderMap,
    query: &CallbackQuery,
) -> Result<(Flow, String), Problem> {
    let flow = gate.cookies.sign_in(headers).map(Flow);
    let flow = flow.ok_or_else(|| stale("this browser has not begun a sign-in"))?;
    if !query.state.as_deref().is_some_and(|state| flow.state().matches(state)) {
        return Err(stale("the answer belongs to another sign-in"));
    }
    let ticket = gate.store.ticket_take(&flow.0.hash(), SIGN_IN, gate.clock.now()).await;
    let ticket = ticket.map_err(|error| Problem::of_store(&error))?;
    let to = ticket.ok_or_else(|| stale("the sign-in took too long, or was finished already"))?;
    Ok((flow, target(Some(&to))))
}

fn stale(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "this sign-in cannot be finished")
        .detail(format!("{detail}; start again"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_ours_are_come_back_to() {
        for good in ["/", "/audit?actor=ada&before=7", "/tasks#images"] {
            assert_eq!(target(Some(good)), good);
        }
        let long = format!("/{}", "a".repeat(LONGEST_TARGET));
        for bad in [
            "",
            "tasks",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb: c",
            "/\t/evil.example",
            "/sign-in/start",
            "/sign-out",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(target(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(target(None), "/");
    }
}
