//! The pages of subscribers: subscribe, say yes, change, leave. HTML that needs no script.
//!
//! A link of a message does nothing by itself, because programs follow links in mails: it leads to a
//! page with a button. The one exception is a POST of a mail program (RFC 8058).

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use lotse_web::auth::limit::{Limit, name_of};
use lotse_web::listen::Peer;

use super::model::{Digest, Filter, Settings, Shape, State as Stand, Subscriber, Way};
use super::office::Office;
use super::words::Words;
use crate::api::extract::Segment;
use crate::desk::Desk;
use crate::error::Error;
use crate::form::Form;
use crate::level::{LIMITED, Level, SLIGHT};
use crate::pages::{Frame, Language, ToldPage, missing, rendered, shown};
use crate::proxies;
use crate::site::Site;

/// So many components or regions may be chosen.
const MOST_CHOSEN: usize = 500;

/// Whether and how readers subscribe.
#[derive(Clone, Copy, Debug)]
pub struct Subscriptions {
    /// By mail.
    pub mail: bool,
    /// By webhook.
    pub webhooks: bool,
    /// How often one address (of the network) may ask in a minute.
    pub per_minute: u32,
}

/// Where readers subscribe.
#[derive(Debug)]
pub(crate) struct Door {
    office: Office,
    how: Subscriptions,
    limit: Limit,
}

impl Door {
    pub(crate) fn new(desk: &Desk, how: Subscriptions) -> Self {
        let office = Office::new(desk.store().clone(), desk.clock().clone());
        Self { office, how, limit: Limit::per_minute(how.per_minute) }
    }
}

/// What the link to the first of the pages is called.
pub(crate) const fn word(language: Language) -> &'static str {
    Words::of(language).subscribe
}

/// The pages; they are there when the site has a door.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/{lang}/subscribe", get(form).post(subscribe))
        .route("/{lang}/subscription/{token}", get(manage).post(change))
        .route("/{lang}/subscription/{token}/confirm", post(confirm))
        .route("/{lang}/subscription/{token}/end", post(leave))
        .route("/unsubscribe/{token}", get(to_manage).post(one_click))
}

/// Something to choose.
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

/// The form of wishes.
struct Wishes {
    components: Vec<Choice>,
    regions: Vec<Choice>,
    least: Vec<Choice>,
    maintenance: bool,
    digests: Vec<Choice>,
    shapes: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "subscribe.html")]
struct SubscribePage<'a> {
    frame: Frame<'a>,
    words: &'static Words,
    how: Subscriptions,
    by_webhook: bool,
    address: String,
    wrong: bool,
    wishes: Wishes,
}

#[derive(Template)]
#[template(path = "subscription.html")]
struct SubscriptionPage<'a> {
    frame: Frame<'a>,
    words: &'static Words,
    target: String,
    token: &'a str,
    saved: bool,
    is_active: bool,
    signing: Option<String>,
    wishes: Wishes,
}

impl Wishes {
    fn of(site: &Site, words: &Words, language: Language, settings: &Settings) -> Self {
        let snapshot = site.desk().snapshot();
        let book = snapshot.book();
        let Settings { filter, digest, shape, .. } = settings;
        let component = |one: &Arc<crate::model::Component>| Choice {
            value: one.id.to_string(),
            name: match one.label("region") {
                Some(region) => format!("{} ({region})", one.title()),
                None => one.title(),
            },
            chosen: filter.components.contains(&one.id),
        };
        let mut regions: Vec<_> =
            book.components.values().filter_map(|one| one.label("region")).collect();
        regions.sort_unstable();
        regions.dedup();
        let region = |region: &str| Choice {
            value: region.to_owned(),
            name: region.to_owned(),
            chosen: filter.regions.iter().any(|known| known == region),
        };
        let level = |least: u8, name: &str| Choice {
            value: least.to_string(),
            name: name.to_owned(),
            chosen: filter.least == least,
        };
        let levels = language.words();
        let digest = |one: Digest| Choice {
            value: one.word().to_owned(),
            name: words.digest(one).to_owned(),
            chosen: one == *digest,
        };
        let shape = |one: Shape| Choice {
            value: one.word().to_owned(),
            name: match one {
                Shape::Standard => words.standard.to_owned(),
                Shape::Mattermost => "Mattermost".to_owned(),
                Shape::Slack => "Slack".to_owned(),
                Shape::Teams => "Microsoft Teams".to_owned(),
            },
            chosen: one == *shape,
        };
        Self {
            components: book.in_order().into_iter().map(component).collect(),
            regions: regions.into_iter().map(region).collect(),
            least: vec![
                level(0, words.every_severity),
                level(SLIGHT + 1, levels.level(Level::Limited)),
                level(LIMITED + 1, levels.level(Level::Broken)),
            ],
            maintenance: filter.maintenance,
            digests: Digest::ALL.into_iter().map(digest).collect(),
            shapes: Shape::ALL.into_iter().map(shape).collect(),
        }
    }
}

impl Form {
    fn settings(&self, language: Language) -> Settings {
        let regions = self.all("region").take(MOST_CHOSEN);
        let components = self.all("component").filter_map(|id| id.parse().ok());
        let word = |name| self.get(name).unwrap_or_default();
        let digest = Digest::ALL.into_iter().find(|one| one.word() == word("digest"));
        let shape = Shape::ALL.into_iter().find(|one| one.word() == word("shape"));
        Settings {
            filter: Filter {
                components: components.take(MOST_CHOSEN).collect(),
                regions: regions.map(|region| lotse_web::text::shown(region, 200)).collect(),
                least: word("least").parse().unwrap_or(0).min(100),
                maintenance: self.get("maintenance").is_some(),
            },
            digest: digest.unwrap_or_default(),
            shape: shape.unwrap_or_default(),
            language: language.code().to_owned(),
        }
    }
}

/// Somebody at the door: the language in the address, and the token where there is one. Without
/// language or door there is no such page.
struct Visit {
    site: Arc<Site>,
    door: Arc<Door>,
    language: Language,
    token: String,
}

impl FromRequestParts<Arc<Site>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, site).await;
        let Path(mut path) = path.map_err(IntoResponse::into_response)?;
        let language = path.get("lang").and_then(|code| Language::of_code(code));
        match (language, site.door()) {
            (Some(language), Some(door)) => Ok(Self {
                site: site.clone(),
                door: door.clone(),
                language,
                token: path.remove("token").unwrap_or_default(),
            }),
            (language, _) => {
                let preferred = || Language::preferred(&parts.headers);
                Err(missing(site, language.unwrap_or_else(preferred)))
            }
        }
    }
}

/// A page about somebody is kept nowhere.
fn answered(template: &impl Template, status: StatusCode) -> Response {
    let mut response = shown(&rendered(template), &HeaderMap::new());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn frame<'a>(site: &'a Site, language: Language, path: &'a str, title: &'a str) -> Frame<'a> {
    site.frame(language, path, title, site.desk().clock().now())
}

fn told(
    site: &Site,
    language: Language,
    title: &'static str,
    text: &'static str,
    status: StatusCode,
) -> Response {
    let frame = frame(site, language, "subscribe", title);
    answered(&ToldPage { frame, title, text }, status)
}

/// What went wrong, as a page: nobody has the token, or the state is gone.
fn trouble(site: &Site, language: Language, error: Error) -> Response {
    match error {
        Error::NotFound { .. } => missing(site, language),
        other => other.into_response(),
    }
}

/// What somebody has typed so far.
struct Typed<'a> {
    settings: Settings,
    address: &'a str,
    by_webhook: bool,
}

fn subscribe_page(
    site: &Site,
    door: &Door,
    language: Language,
    typed: &Typed<'_>,
    status: StatusCode,
) -> Response {
    let words = Words::of(language);
    let page = SubscribePage {
        frame: frame(site, language, "subscribe", words.subscribe),
        words,
        how: door.how,
        by_webhook: typed.by_webhook,
        address: lotse_web::text::shown(typed.address, 300),
        wrong: status == StatusCode::UNPROCESSABLE_ENTITY,
        wishes: Wishes::of(site, words, language, &typed.settings),
    };
    answered(&page, status)
}

async fn form(Visit { site, door, language, .. }: Visit) -> Response {
    let typed = Typed { settings: Settings::default(), address: "", by_webhook: !door.how.mail };
    subscribe_page(&site, &door, language, &typed, StatusCode::OK)
}

/// Whether a page of somebody else had a browser send this.
fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

async fn subscribe(
    Visit { site, door, language, .. }: Visit,
    peer: Option<axum::Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let words = Words::of(language);
    if is_foreign(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let trusted = &site.options().trusted_proxies;
    let name = peer.map_or_else(String::new, |axum::Extension(ConnectInfo(peer))| {
        name_of(proxies::reader(trusted, peer.remote.ip(), &headers))
    });
    if !door.limit.take(&name, site.desk().clock().now()).allowed {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = told(&site, language, words.subscribe, words.too_often, status);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        return response;
    }
    let form = Form::read(&body);
    let settings = form.settings(language);
    let by_webhook = form.get("way") == Some("webhook");
    let field = if by_webhook { "webhook" } else { "mail" };
    let address = form.get(field).unwrap_or_default();
    let is_offered = if by_webhook { door.how.webhooks } else { door.how.mail };
    let way = if by_webhook { Way::webhook(address) } else { Way::mail(address) };
    let Some(way) = way.ok().filter(|_| is_offered) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let typed = Typed { settings, address, by_webhook };
        return subscribe_page(&site, &door, language, &typed, status);
    };
    match door.office.request(way, settings).await {
        Ok(()) => told(&site, language, words.asked, words.asked_text, StatusCode::OK),
        Err(error) => trouble(&site, language, error),
    }
}

async fn manage(Visit { site, door, language, token }: Visit) -> Response {
    match door.office.of_token(&token).await {
        Ok(one) => subscription_page(&site, language, &one, &token, false),
        Err(error) => trouble(&site, language, error),
    }
}

fn subscription_page(
    site: &Site,
    language: Language,
    one: &Subscriber,
    token: &str,
    saved: bool,
) -> Response {
    let words = Words::of(language);
    let is_active = one.state == Stand::Active;
    let title = if is_active { words.manage } else { words.confirm };
    let path = format!("subscription/{token}");
    let is_webhook = matches!(one.way, Way::Webhook(_));
    let page = SubscriptionPage {
        frame: frame(site, language, &path, title),
        words,
        target: one.way.shown(),
        token,
        saved,
        is_active,
        signing: (is_webhook && is_active).then(|| one.signing_secret()),
        wishes: Wishes::of(site, words, language, &one.settings),
    };
    answered(&page, StatusCode::OK)
}

async fn confirm(Visit { site, door, language, token }: Visit) -> Response {
    match door.office.confirm(&token).await {
        Ok(one) => subscription_page(&site, language, &one, &token, true),
        Err(error) => trouble(&site, language, error),
    }
}

async fn change(Visit { site, door, language, token }: Visit, body: Bytes) -> Response {
    let settings = Form::read(&body).settings(language);
    match door.office.change(&token, settings).await {
        Ok(one) => subscription_page(&site, language, &one, &token, true),
        Err(error) => trouble(&site, language, error),
    }
}

async fn leave(Visit { site, door, language, token }: Visit) -> Response {
    let words = Words::of(language);
    match door.office.leave(&token).await {
        Ok(()) => told(&site, language, words.left, words.left_text, StatusCode::OK),
        Err(error) => trouble(&site, language, error),
    }
}

/// A person who follows the link of a mail program.
async fn to_manage(
    State(site): State<Arc<Site>>,
    Segment(token): Segment,
    headers: HeaderMap,
) -> Response {
    let preferred = Language::preferred(&headers);
    let Some(door) = site.door() else { return missing(&site, preferred) };
    match door.office.of_token(&token).await {
        Ok(one) => {
            let language = one.settings.language().code();
            Redirect::to(&format!("/{language}/subscription/{token}")).into_response()
        }
        Err(error) => trouble(&site, preferred, error),
    }
}

/// A mail program ends it for its user (RFC 8058): one POST, no questions. Who has left already is
/// told the same.
async fn one_click(
    State(site): State<Arc<Site>>,
    Segment(token): Segment,
    body: Bytes,
) -> Response {
    let Some(door) = site.door() else { return StatusCode::NOT_FOUND.into_response() };
    if Form::read(&body).get("List-Unsubscribe") != Some("One-Click") {
        return Error::invalid("List-Unsubscribe", "One-Click is wanted (RFC 8058)")
            .into_response();
    }
    match door.office.leave(&token).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}
