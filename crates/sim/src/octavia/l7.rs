//! Policies and rules of layer 7: which requests of a listener go elsewhere.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use regex::Regex;
use serde_json::{Value, json};

use super::access::{Deed, Request};
use super::body::{self, Purpose, Says};
use super::change::{Context, at_rest, check_quota, find, parent_at_rest};
use super::early::Early;
use super::model::{Balancers, Kind, Part, Provisioning};
use super::provider::{Change, Provider};
use super::refusal::Refusal;
use super::{listeners, locked, parts};
use crate::http::query::Query;
use crate::world::SharedWorld;

/// A policy has no more rules than this.
const MOST_RULES: usize = 50;

pub(crate) fn routes() -> Router<SharedWorld> {
    const KIND: u8 = parts::L7_POLICY;
    Router::new()
        .route("/l7policies", get(parts::list_all::<KIND>).post(create))
        .route("/l7policies/{id}", get(parts::show_one::<KIND>).put(update).delete(remove))
        .route("/l7policies/{policy}/rules", get(list_rules).post(create_rule))
        .route(
            "/l7policies/{policy}/rules/{id}",
            get(show_rule).put(update_rule).delete(remove_rule),
        )
}

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn bad_arguments(problem: &str) -> Refusal {
    Refusal::bad(format!("Invalid L7 Policy arguments: {problem}"))
}

/// Makes what a policy does consistent with where it leads.
fn sanitize(says: &mut Says) -> Result<(), Refusal> {
    let pool = text(says, "redirect_pool_id").is_some();
    let missing = |what: &str| Err(bad_arguments(&format!("{what} must not be None")));
    match text(says, "action") {
        Some("REDIRECT_TO_URL") if text(says, "redirect_url").is_none() => {
            return missing("redirect_url");
        }
        Some("REDIRECT_TO_POOL") if !pool => return missing("redirect_pool_id or redirect_pool"),
        Some("REDIRECT_PREFIX") if text(says, "redirect_prefix").is_none() => {
            return missing("redirect_prefix");
        }
        _ => {}
    }
    let elsewhere = ["redirect_url", "redirect_prefix"].iter().any(|it| text(says, it).is_some());
    let action = text(says, "action").map(str::to_owned);
    if pool && elsewhere && action.is_none() {
        return Err(bad_arguments(
            "Cannot specify redirect_pool_id and redirect_url or redirect_prefix at the same time",
        ));
    }
    let leads = |says: &Says, name: &str| text(says, name).is_some();
    let action = match action {
        Some(action) => action,
        None if pool => "REDIRECT_TO_POOL".to_owned(),
        None if leads(says, "redirect_url") => "REDIRECT_TO_URL".to_owned(),
        None if leads(says, "redirect_prefix") => "REDIRECT_PREFIX".to_owned(),
        None if says.is_empty() => return Err(bad_arguments("Invalid update options")),
        None => return Ok(()),
    };
    let kept = match action.as_str() {
        "REDIRECT_TO_URL" => "redirect_url",
        "REDIRECT_TO_POOL" => "redirect_pool_id",
        "REDIRECT_PREFIX" => "redirect_prefix",
        _ => "",
    };
    for name in ["redirect_url", "redirect_pool_id", "redirect_prefix"] {
        if name != kept {
            says.insert(name.to_owned(), Value::Null);
        }
    }
    let moves = matches!(kept, "redirect_url" | "redirect_prefix");
    if !moves {
        says.insert("redirect_http_code".to_owned(), Value::Null);
    } else if says.get("redirect_http_code").is_none_or(Value::is_null) {
        says.insert("redirect_http_code".to_owned(), json!(302));
    }
    says.insert("action".to_owned(), json!(action));
    Ok(())
}

/// Refuses a pool that does not exist or does not fit the listener.
fn check_pool(state: &Balancers, listener: &Part, says: &Says) -> Result<(), Refusal> {
    let Some(id) = text(says, "redirect_pool_id") else { return Ok(()) };
    let pool = find(state, Kind::Pool, id)?;
    let protocol = |part: &Part| part.text("protocol").unwrap_or_default().to_owned();
    listeners::check_protocols(&protocol(listener), &protocol(&pool))?;
    if pool.balancer == listener.balancer { Ok(()) } else { Err(Refusal::missing("Pool", id)) }
}

/// Moves a policy to a place among its listener's.
fn place(state: &mut Balancers, policy: &Part, position: Option<i64>) {
    let policies = state.policies_of(&policy.parent).into_iter().map(|it| it.id.clone());
    let mut ids: Vec<String> = policies.filter(|id| *id != policy.id).collect();
    let wanted = position.and_then(|it| usize::try_from(it - 1).ok()).unwrap_or(usize::MAX);
    ids.insert(wanted.min(ids.len()), policy.id.clone());
    state.place(&ids);
}

/// Adds a policy to a listener, if it is as it must be.
pub(crate) fn make_policy(
    context: &Context<'_>,
    state: &mut Balancers,
    listener: &Part,
    mut says: Says,
) -> Result<Part, Refusal> {
    sanitize(&mut says)?;
    check_pool(state, listener, &says)?;
    let above = (listener.id.as_str(), listener.balancer.as_str());
    let policy = context.part(Kind::L7Policy, above, &listener.project_id, says);
    Provider::of(state, &listener.balancer).check(state, &policy)?;
    let position = policy.number("position");
    state.put(policy.clone());
    place(state, &policy, position);
    find(state, Kind::L7Policy, &policy.id)
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut says = body::read(&body, Kind::L7Policy, Purpose::Create)?;
    for only_within in ["redirect_pool", "rules"] {
        says.remove(only_within);
    }
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let id = text(&says, "listener_id").unwrap_or_default();
    let listener = find(&state, Kind::Listener, id)?;
    request.allow(Deed::Write, Some(&listener.project_id))?;
    if listener.text("protocol") == Some("PROMETHEUS") {
        return Err(listeners::no_children());
    }
    check_pool(&state, &listener, &says)?;
    check_quota(&state, Kind::L7Policy, &listener.project_id, 1)?;
    sanitize(&mut says.clone())?;
    at_rest(&state, &listener.balancer)?;
    let policy = make_policy(&context, &mut state, &listener, says)?;
    context.hold(&mut state, [&listener.balancer, &listener.id]);
    context.start(&mut state, &policy, Change::Create);
    Ok((StatusCode::CREATED, axum::Json(parts::changed(&state, &policy))).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut says = body::read(&body, Kind::L7Policy, Purpose::Update)?;
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let mut policy = find(&state, Kind::L7Policy, &id)?;
    request.allow(Deed::Write, Some(&policy.project_id))?;
    sanitize(&mut says)?;
    let listener = find(&state, Kind::Listener, &policy.parent)?;
    check_pool(&state, &listener, &says)?;
    at_rest(&state, &policy.balancer)?;
    let position = says.remove("position").and_then(|value| value.as_i64());
    let switched = context.apply(&mut policy, &says);
    state.put(policy.clone());
    if position.is_some() {
        place(&mut state, &policy, position);
    }
    context.hold(&mut state, [&listener.balancer, &listener.id]);
    let policy = find(&state, Kind::L7Policy, &id)?;
    context.start(&mut state, &policy, Change::Update(switched));
    Ok(axum::Json(parts::changed(&state, &policy)).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let policy = find(&state, Kind::L7Policy, &id)?;
    request.allow(Deed::Write, Some(&policy.project_id))?;
    at_rest(&state, &policy.balancer)?;
    context.hold(&mut state, [&policy.balancer, &policy.parent]);
    state.mark(&id, Provisioning::PendingDelete, None, context.now);
    context.start(&mut state, &policy, Change::Delete);
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn bad_rule(problem: &str) -> Refusal {
    Refusal::bad(format!("Error parsing L7Rule: {problem}"))
}

fn matches(form: &str, text: &str) -> bool {
    Regex::new(form).is_ok_and(|form| form.is_match(text))
}

/// What a header's name, a header's value and a cookie may consist of.
const NAME: &str = r"^[a-zA-Z0-9!#$%&'*+\-.^_`|~]+$";
const VALUE: &str = r##"^[a-zA-Z0-9!"#$%&'()*+,\-./:;<=>?@\[\]^_`{|}~\\]+$"##;
const QUOTED: &str = r##"^"[a-zA-Z0-9 \t!"#$%&'()*+,\-./:;<=>?@\[\]^_`{|}~\\]*"$"##;
const COOKIE: &str = r"^[a-zA-Z0-9!#$%&'()*+\-./:<=>?@\[\]^_`{|}~]+$";

/// Refuses a rule that nothing could ever be compared by.
fn check_rule(says: &Says) -> Result<(), Refusal> {
    let invalid = |problem: &str| Err(bad_rule(&format!("Invalid L7 Rule: {problem}")));
    let characters = |what: &str| Err(bad_rule(&format!("Invalid characters in {what}")));
    let Some(value) = text(says, "value") else { return invalid("L7 rule type requires a value") };
    let kind = text(says, "type").unwrap_or_default();
    let comparison = text(says, "compare_type").unwrap_or_default();
    if kind.starts_with("SSL_") {
        return check_ssl_rule(kind, comparison, text(says, "key"), value);
    }
    if matches!(kind, "HEADER" | "COOKIE") {
        match text(says, "key") {
            None => return invalid("L7 rule type requires a key"),
            Some(key) if !matches(NAME, key) => return characters("key"),
            Some(_) => {}
        }
    }
    if kind == "FILE_TYPE" && !matches!(comparison, "REGEX" | "EQUAL_TO") {
        return invalid("invalid comparison type for rule type");
    }
    if comparison == "REGEX" {
        // What is wrong with it, Python says in its own words.
        return match Regex::new(value) {
            Ok(_) => Ok(()),
            Err(_) => Err(bad_rule("Unable to parse regular expression: it is not one")),
        };
    }
    match kind {
        "COOKIE" if !matches(COOKIE, value) => characters("cookie value"),
        "COOKIE" => Ok(()),
        _ if matches(VALUE, value) || matches(QUOTED, value) => Ok(()),
        "HEADER" => characters("header value"),
        _ => characters("comparison value"),
    }
}

fn check_ssl_rule(
    kind: &str,
    comparison: &str,
    key: Option<&str>,
    value: &str,
) -> Result<(), Refusal> {
    let field = kind == "SSL_DN_FIELD";
    let number = kind == "SSL_VERIFY_RESULT";
    let problem = if field && key.is_none() {
        format!("L7rule type {kind} needs to specify a key and a value.")
    } else if field && !key.is_some_and(|key| matches(r"^[a-zA-Z][A-Za-z0-9-]*$", key)) {
        "Invalid L7rule distinguished name field.".to_owned()
    } else if field {
        return Ok(());
    } else if key.is_some() {
        format!("L7rule type {kind} does not use the \"key\" field.")
    } else if number && !value.bytes().all(|it| it.is_ascii_digit()) {
        format!("L7rule type {kind} needs a int value, which is >= 0")
    } else if !number && !value.eq_ignore_ascii_case("true") {
        format!("L7rule value {value} is not a boolean True string.")
    } else if comparison == "EQUAL_TO" {
        return Ok(());
    } else {
        format!("L7rule type {kind} only supports the EQUAL_TO compare type.")
    };
    Err(bad_rule(&format!("Invalid L7 Rule: {problem}")))
}

/// A rule as it is to be, if it is as it must be.
pub(crate) fn make_rule(context: &Context<'_>, policy: &Part, says: Says) -> Result<Part, Refusal> {
    check_rule(&says)?;
    let above = (policy.id.as_str(), policy.balancer.as_str());
    Ok(context.part(Kind::L7Rule, above, &policy.project_id, says))
}

/// The policy of a path, which the web framework itself misses.
fn policy_of(state: &Balancers, id: &str) -> Result<Part, Response> {
    let policy = state.get(Kind::L7Policy, id).cloned();
    policy.ok_or_else(|| Early::parent("L7Policy", id).into_response())
}

async fn list_rules(
    State(world): State<SharedWorld>,
    request: Request,
    Path(policy): Path<String>,
    query: Query,
) -> Result<Response, Response> {
    let state = locked(&world);
    let policy = policy_of(&state, &policy)?;
    let answer = || {
        request.allow(Deed::Read, Some(&policy.project_id))?;
        let url = parts::url(&world, &format!("l7policies/{}/rules", policy.id));
        let rules = state.children(&policy.id, Kind::L7Rule);
        parts::answer(&state, Kind::L7Rule, &url, &query, rules)
    };
    answer().map(|body| axum::Json(body).into_response()).map_err(Refusal::into_response)
}

async fn show_rule(
    State(world): State<SharedWorld>,
    request: Request,
    Path((policy, id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Response> {
    let state = locked(&world);
    policy_of(&state, &policy)?;
    let answer = || {
        let rule = find(&state, Kind::L7Rule, &id)?;
        request.allow(Deed::Read, Some(&rule.project_id))?;
        Ok(parts::shown(&state, &rule, &query).into_response())
    };
    answer().map_err(Refusal::into_response)
}

/// Holds back a policy and what is above it.
fn hold_policy(context: &Context<'_>, state: &mut Balancers, policy: &Part) {
    context.hold(state, [&policy.balancer, &policy.parent, &policy.id]);
}

async fn create_rule(
    State(world): State<SharedWorld>,
    request: Request,
    Path(policy): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let policy = policy_of(&state, &policy)?;
    let mut answer = || {
        let says = body::read(&body, Kind::L7Rule, Purpose::Create)?;
        request.allow(Deed::Write, Some(&policy.project_id))?;
        let rule = make_rule(&context, &policy, says)?;
        if state.children(&policy.id, Kind::L7Rule).count() >= MOST_RULES {
            let text = format!("Too many rules on L7 policy {}", policy.id);
            return Err(Refusal::conflict(text));
        }
        check_quota(&state, Kind::L7Rule, &policy.project_id, 1)?;
        parent_at_rest(&state, "L7Policy", &policy)?;
        Provider::of(&state, &policy.balancer).check(&state, &rule)?;
        hold_policy(&context, &mut state, &policy);
        state.put(rule.clone());
        context.start(&mut state, &rule, Change::Create);
        Ok((StatusCode::CREATED, axum::Json(parts::changed(&state, &rule))).into_response())
    };
    answer().map_err(Refusal::into_response)
}

async fn update_rule(
    State(world): State<SharedWorld>,
    request: Request,
    Path((policy, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Response> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let policy = policy_of(&state, &policy)?;
    let mut answer = || {
        let mut says = body::read(&body, Kind::L7Rule, Purpose::Update)?;
        let mut rule = find(&state, Kind::L7Rule, &id)?;
        request.allow(Deed::Write, Some(&policy.project_id))?;
        if let Some(said @ Value::Null) = says.get_mut("invert") {
            *said = json!(false);
        }
        let mut both = rule.says.clone();
        both.extend(says.clone());
        check_rule(&both)?;
        parent_at_rest(&state, "L7Policy", &policy)?;
        let switched = context.apply(&mut rule, &says);
        hold_policy(&context, &mut state, &policy);
        state.put(rule.clone());
        context.start(&mut state, &rule, Change::Update(switched));
        Ok(axum::Json(parts::changed(&state, &rule)).into_response())
    };
    answer().map_err(Refusal::into_response)
}

async fn remove_rule(
    State(world): State<SharedWorld>,
    request: Request,
    Path((policy, id)): Path<(String, String)>,
) -> Result<Response, Response> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let policy = policy_of(&state, &policy)?;
    let mut answer = || {
        let rule = find(&state, Kind::L7Rule, &id)?;
        request.allow(Deed::Write, Some(&policy.project_id))?;
        parent_at_rest(&state, "L7Policy", &policy)?;
        hold_policy(&context, &mut state, &policy);
        state.mark(&id, Provisioning::PendingDelete, None, context.now);
        context.start(&mut state, &rule, Change::Delete);
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answer().map_err(Refusal::into_response)
}
