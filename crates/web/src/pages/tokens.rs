//! API tokens: make one, see it once, revoke it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use lotse_core::time::Timestamp;
use lotse_store::token::TokenRecord;
use serde::Deserialize;

use super::layout::{Layout, When};
use super::{page, page_with};
use crate::access::{Identity, TOKEN_ALL, TOKEN_WRITE};
use crate::api::{Fields, Words, paging};
use crate::auth::guard::Caller;
use crate::auth::token::NewToken;
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::shown;

/// Tokens on a page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    layout: Layout,
    /// The secret of the token that was just made, to be seen this once.
    secret: Option<String>,
    complaint: Option<String>,
    may_write: bool,
    sees_all: bool,
    permissions: Vec<PermissionView>,
    name: String,
    days: u32,
    rows: Vec<TokenView>,
    older: Option<String>,
}

struct PermissionView {
    name: &'static str,
    about: &'static str,
    chosen: bool,
}

struct TokenView {
    id: String,
    name: String,
    owner: String,
    scopes: String,
    created: When,
    until: When,
    used: Option<When>,
    state: &'static str,
    class: &'static str,
}

impl TokenView {
    fn new(token: &TokenRecord, now: Timestamp) -> Self {
        let (state, class) = match token {
            TokenRecord { revoked: Some(_), .. } => ("revoked", "open"),
            TokenRecord { until, .. } if *until <= now => ("ended", "open"),
            _ => ("good", "good"),
        };
        Self {
            id: token.id.clone(),
            name: shown(&token.name, 100),
            owner: shown(&token.owner, 120),
            scopes: token.scopes.join(", "),
            created: token.created.into(),
            until: token.until.into(),
            used: token.used.map(When::from),
            state,
            class,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct TokensQuery {
    before: Option<String>,
}

pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Words(query): Words<TokensQuery>,
) -> Result<Response, Problem> {
    let before = query.before.filter(|id| uuid::Uuid::parse_str(id).is_ok());
    Ok(page(&list(&shell, &identity, before.as_deref()).await?))
}

async fn list(
    shell: &Shell,
    identity: &Identity,
    before: Option<&str>,
) -> Result<TokensPage, Problem> {
    let sees_all = identity.may(&TOKEN_ALL);
    let owner = if sees_all { None } else { identity.owner() };
    let found = shell.gate.store.token_list(owner, before, PAGE + 1).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let (found, last) = paging::split(found, PAGE, |token| token.id.clone());
    let now = shell.gate.clock.now();
    let permissions = shell.gate.grantable(identity).into_iter().map(|permission| PermissionView {
        name: permission.name,
        about: permission.about,
        chosen: false,
    });
    Ok(TokensPage {
        layout: Layout::of(shell, identity, "/tokens", "API tokens"),
        secret: None,
        complaint: None,
        may_write: identity.may(&TOKEN_WRITE),
        sees_all,
        permissions: permissions.collect(),
        name: String::new(),
        days: 90,
        older: last.map(|id| format!("/tokens?before={id}")),
        rows: found.iter().map(|token| TokenView::new(token, now)).collect(),
    })
}

pub(super) async fn create(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    body: axum::body::Bytes,
) -> Result<Response, Problem> {
    // Boxes that are ticked come as the same name again and again, which serde's forms cannot read.
    let mut new = NewToken { name: String::new(), scopes: Vec::new(), days: 0 };
    for (name, value) in url::form_urlencoded::parse(&body) {
        match &*name {
            "name" => new.name = value.into_owned(),
            "scope" => new.scopes.push(value.into_owned()),
            "days" => new.days = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let made = shell.gate.make_token(&identity, new.clone()).await;
    let mut shown_page = list(&shell, &identity, None).await?;
    let status = match made {
        Ok((_, secret)) => {
            shown_page.secret = Some(secret);
            StatusCode::CREATED
        }
        Err(problem) if problem.status().is_client_error() => {
            let status = problem.status();
            shown_page.complaint = problem.words().1.map(str::to_owned);
            shown_page.name = shown(&new.name, 100);
            shown_page.days = if new.days == 0 { 90 } else { new.days };
            for permission in &mut shown_page.permissions {
                permission.chosen = new.scopes.iter().any(|scope| scope == permission.name);
            }
            status
        }
        Err(problem) => return Err(problem),
    };
    Ok(page_with(status, &shown_page))
}

/// The form behind the button of a token.
#[derive(Debug, Deserialize)]
pub(super) struct RevokeForm {
    id: String,
}

pub(super) async fn revoke(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Fields(form): Fields<RevokeForm>,
) -> Result<Response, Problem> {
    shell.gate.revoke_token(&identity, &form.id).await?;
    Ok(Redirect::to("/tokens").into_response())
}
