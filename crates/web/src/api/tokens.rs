//! API tokens in the API.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use lotse_store::token::TokenRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PathWord, Sent, Words, once, paging};
use crate::access::TOKEN_ALL;
use crate::auth::guard::Caller;
use crate::auth::token::NewToken;
use crate::problem::Problem;
use crate::shell::Shell;

/// A token.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenAnswer {
    id: String,
    /// What it is for.
    name: String,
    /// Who made it.
    owner: String,
    /// The permissions it carries.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created: String,
    /// When it ends.
    #[schema(format = DateTime)]
    until: String,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    used: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    revoked: Option<String>,
    /// The token itself, in the answer that made it and nowhere else. It is missing when that answer
    /// is repeated for the same `Idempotency-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<TokenRecord> for TokenAnswer {
    fn from(token: TokenRecord) -> Self {
        Self {
            id: token.id,
            name: token.name,
            owner: token.owner,
            scopes: token.scopes,
            created: token.created.to_string(),
            until: token.until.to_string(),
            used: token.used.map(|at| at.to_string()),
            revoked: token.revoked.map(|at| at.to_string()),
            secret: None,
        }
    }
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenList {
    tokens: Vec<TokenAnswer>,
    /// Give it as `after` to see the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists tokens, newest first: your own, or everybody's with the permission `token.all`.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    params(paging::PageQuery),
    responses((status = 200, body = TokenList, description = "A page of tokens."))
)]
pub(super) async fn list(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Words(query): Words<paging::PageQuery>,
) -> Result<Response, Problem> {
    let limit = paging::limit(query.limit)?;
    let before = paging::entry(query.after.as_deref())?;
    if before.as_ref().is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
        return Err(paging::unknown());
    }
    let owner = if identity.may(&TOKEN_ALL) { None } else { identity.owner() };
    let found = shell.gate.store.token_list(owner, before.as_deref(), limit + 1).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let (tokens, next) = paging::cut(found, limit, |token| token.id.clone());
    let tokens = tokens.into_iter().map(TokenAnswer::from).collect();
    Ok(Json(TokenList { tokens, next }).into_response())
}

/// What a new token should be.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct NewTokenBody {
    /// What it is for.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// The permissions it carries, some of yours.
    #[schema(min_items = 1)]
    scopes: Vec<String>,
    /// For how many days it is good.
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
}

/// Makes a token. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token",
    request_body = NewTokenBody,
    params(once::KeyParameter),
    responses((status = 201, body = TokenAnswer, description = "The token."))
)]
pub(super) async fn create(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    headers: HeaderMap,
    Sent(body): Sent<NewTokenBody>,
) -> Result<Response, Problem> {
    let request = once::Request::read(&identity, &headers, "POST /api/v1/tokens", &body)?;
    once::only(&shell, request, async {
        let new = NewToken { name: body.name, scopes: body.scopes, days: body.days };
        let (record, secret) = shell.gate.make_token(&identity, new).await?;
        let again = TokenAnswer::from(record);
        let first = TokenAnswer { secret: Some(secret), ..again.clone() };
        // What is kept for a repetition must not hold the secret.
        Ok(once::Answer::of(StatusCode::CREATED, &first).kept_as(&again))
    })
    .await
}

/// Shows a token.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "show_token",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = TokenAnswer, description = "The token."))
)]
pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    PathWord(id): PathWord,
) -> Result<Response, Problem> {
    let token = shell.gate.token_of(&identity, &id).await?;
    Ok(Json(TokenAnswer::from(token)).into_response())
}

/// Revokes a token. It stays listed for some time.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = TokenAnswer, description = "The token, revoked."))
)]
pub(super) async fn revoke(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    PathWord(id): PathWord,
) -> Result<Response, Problem> {
    let token = shell.gate.revoke_token(&identity, &id).await?;
    Ok(Json(TokenAnswer::from(token)).into_response())
}
