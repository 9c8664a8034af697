//! Our own API for templates, recurring maintenance, audiences, what providers have, and
//! post-mortems. Documents are written as a whole under their names; reading them takes a writer,
//! but for what providers have, which everybody sees on the page.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use lotse_core::id::IncidentId;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::extract::{Given, Query, Segment};
use super::own::notice;
use super::{Answered, component_id, created, incident_id, perform_with};
use crate::book::Book;
use crate::command::{Command, ComponentFields, Notice};
use crate::decide::MOST_GROUPS;
use crate::error::Error;
use crate::extra::{Audience, Extra, ExtraKey, Schedule, Template, Upstream};
use crate::private;
use crate::site::Site;
use crate::snapshot::data;
use crate::writer::{SHAPE, Writer};

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/v1/incidents/{id}/postmortem", put(postmortem_put).delete(postmortem_remove))
        .route("/api/v1/components/{id}/audiences", put(component_show))
        .route("/api/v1/sla/{month}", axum::routing::post(month_close))
        .route("/api/v1/templates", get(template_list))
        .route("/api/v1/templates/{name}", put(template_put).delete(template_remove))
        .route("/api/v1/schedules", get(schedule_list))
        .route("/api/v1/schedules/{name}", put(schedule_put).delete(schedule_remove))
        .route("/api/v1/audiences", get(audience_list))
        .route("/api/v1/audiences/{name}", put(audience_put).delete(audience_remove))
        .route("/api/v1/upstream", get(upstream_list).post(upstream_add))
        .route("/api/v1/upstream/{id}", put(upstream_put).delete(upstream_remove))
}

/// The document with its name from the address.
fn named<T: for<'a> Deserialize<'a>>(given: &Given, name: &str) -> Result<T, Error> {
    let mut document = given.value()?;
    if let Value::Object(object) = &mut document {
        let said = object.insert("name".to_owned(), json!(name));
        if said.is_some_and(|said| said != name) {
            return Err(Error::invalid("name", "it is another one than in the address"));
        }
    }
    serde_json::from_value(document).map_err(|error| Error::invalid("body", error.to_string()))
}

/// Documents of the whole page, for those who write it.
fn listed<T: Serialize>(
    site: &Site,
    writer: &Writer,
    headers: &HeaderMap,
    of: impl Fn(&Book) -> Vec<T>,
) -> Answered {
    writer.may(&SHAPE)?;
    Ok(data(&json!(of(site.desk().whole().book()))).respond(headers))
}

async fn written(site: &Site, writer: &Writer, extra: Extra) -> Answered {
    perform_with(site, writer, Command::PutExtra(Box::new(extra)), Notice::Everybody).await
}

async fn removed(site: &Site, writer: &Writer, key: ExtraKey) -> Answered {
    perform_with(site, writer, Command::RemoveExtra(key), Notice::Everybody).await
}

// Templates.

async fn template_list(
    State(site): State<Arc<Site>>,
    writer: Writer,
    headers: HeaderMap,
) -> Answered {
    let all = |book: &Book| book.templates.values().map(|one| one.as_ref().clone()).collect();
    listed(&site, &writer, &headers, all)
}

async fn template_put(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    written(&site, &writer, Extra::Template(named::<Template>(&given, &name)?)).await
}

async fn template_remove(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
) -> Answered {
    removed(&site, &writer, ExtraKey::Template(name)).await
}

// Recurring maintenance.

async fn schedule_list(
    State(site): State<Arc<Site>>,
    writer: Writer,
    headers: HeaderMap,
) -> Answered {
    let all = |book: &Book| book.schedules.values().map(|one| one.as_ref().clone()).collect();
    listed(&site, &writer, &headers, all)
}

async fn schedule_put(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    written(&site, &writer, Extra::Schedule(named::<Schedule>(&given, &name)?)).await
}

async fn schedule_remove(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
) -> Answered {
    removed(&site, &writer, ExtraKey::Schedule(name)).await
}

// Audiences.

/// What is said of an audience.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AudienceBody {
    #[serde(rename = "name")]
    _name: String,
    title: String,
    /// Whether a new secret link is wanted; the one before ends then.
    #[serde(default)]
    link: bool,
    /// Whose people see the page after signing in; as before when nothing is said.
    #[serde(default)]
    groups: Option<Vec<String>>,
}

/// Secrets are not told again, nor are their sums.
async fn audience_list(
    State(site): State<Arc<Site>>,
    writer: Writer,
    headers: HeaderMap,
) -> Answered {
    let shown = |one: &Arc<Audience>| {
        let has_link = one.secret.is_some();
        json!({ "name": one.name, "title": one.title, "link": has_link, "groups": one.groups })
    };
    listed(&site, &writer, &headers, |book| book.audiences.values().map(shown).collect())
}

async fn audience_put(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let body: AudienceBody = named(&given, &name)?;
    let fresh = if body.link { Some(private::fresh()?) } else { None };
    let before = site.desk().whole().book().audiences.get(&name).cloned();
    let before = before.as_deref().cloned().unwrap_or_default();
    let secret = fresh.as_deref().map(private::sum).or(before.secret);
    let groups = match body.groups {
        Some(groups) if groups.len() > MOST_GROUPS => {
            let reason = format!("an audience has {MOST_GROUPS} groups at most");
            return Err(Error::invalid("groups", reason));
        }
        Some(groups) => groups.into_iter().collect(),
        None => before.groups,
    };
    let audience = Audience { name, title: body.title, secret, groups };
    let done = written(&site, &writer, Extra::Audience(audience)).await?;
    let link = fresh.map(|secret| created(&json!({ "link": format!("/p/{secret}/en/") })));
    Ok(link.unwrap_or(done))
}

async fn audience_remove(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
) -> Answered {
    removed(&site, &writer, ExtraKey::Audience(name)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    audiences: BTreeSet<String>,
}

/// Says who sees a component; nobody in the list is everybody.
async fn component_show(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let Shown { audiences } = given.document()?;
    let fields = ComponentFields { audiences: Some(audiences), ..ComponentFields::default() };
    let command = Command::ChangeComponent(component_id(&id)?, fields);
    perform_with(&site, &writer, command, Notice::Nobody).await
}

// What providers have.

/// What is said of something at a provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamBody {
    provider: String,
    title: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    url: Option<url::Url>,
    began: Timestamp,
    #[serde(default)]
    ended: Option<Timestamp>,
    #[serde(default)]
    components: Vec<lotse_core::id::ComponentId>,
}

impl UpstreamBody {
    fn with(self, id: IncidentId) -> Extra {
        let Self { provider, title, text, url, began, ended, components } = self;
        Extra::Upstream(Upstream { id, provider, title, text, url, began, ended, components })
    }
}

async fn upstream_list(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let snapshot = site.snapshot();
    let all: Vec<_> =
        snapshot.book().upstream.values().map(AsRef::as_ref).collect::<Vec<&Upstream>>();
    data(&json!(all)).respond(&headers)
}

async fn upstream_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    let id = IncidentId::generate();
    let done = written(&site, &writer, given.document::<UpstreamBody>()?.with(id)).await?;
    Ok(if done.status() == StatusCode::NO_CONTENT { created(&json!({ "id": id })) } else { done })
}

async fn upstream_put(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let id = incident_id(&id)?;
    if !site.desk().whole().book().upstream.contains_key(&id) {
        return Err(Error::not_found("upstream", id));
    }
    written(&site, &writer, given.document::<UpstreamBody>()?.with(id)).await
}

async fn upstream_remove(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
) -> Answered {
    removed(&site, &writer, ExtraKey::Upstream(incident_id(&id)?)).await
}

// Reports.

/// How planned work is counted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    policy: crate::sla::Policy,
}

/// Closes a month: the event `status.sla.closed` tells billing.
async fn month_close(
    State(site): State<Arc<Site>>,
    Segment(month): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let Closing { policy } = given.document()?;
    perform_with(&site, &writer, Command::CloseMonth(month, policy), Notice::Everybody).await
}

// Post-mortems.

async fn postmortem_put(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let body = given.body()?;
    let text = body.postmortem()?;
    let command = Command::SetPostmortem(incident_id(&id)?, Some(text));
    perform_with(&site, &writer, command, body.notice()?).await
}

async fn postmortem_remove(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    query: Query,
    writer: Writer,
) -> Answered {
    let command = Command::SetPostmortem(incident_id(&id)?, None);
    let done = perform_with(&site, &writer, command, notice(&query)?).await?;
    Ok(done.into_response())
}
