//! API tokens: made by a person (or a token) with some of their permissions, shown once.
//!
//! A token is `lotse_` and 43 characters, so that scanners for leaked secrets recognise it.

use axum::http::{HeaderValue, StatusCode, header};
use lotse_core::error::chain;
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_store::Store;
use lotse_store::audit::DeedOutcome;
use lotse_store::token::TokenRecord;
use uuid::Uuid;

use super::Gate;
use super::session::EXACTNESS;
use crate::access::{Identity, Permission, TOKEN_ALL, Who};
use crate::credential::Credential;
use crate::problem::Problem;
use crate::text::shown;

/// What every token begins with.
pub(crate) const PREFIX: &str = "lotse_";
/// The longest name of a token, in characters.
pub(crate) const LONGEST_NAME: usize = 100;
/// A token lasts at most so many days.
pub(crate) const LONGEST_DAYS: u32 = 366;

/// What a new token should be.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) days: u32,
}

/// Who is behind the API token in an `Authorization` header; also for listeners without the gate.
///
/// # Errors
/// 401 when the token is not known, was revoked or has ended; otherwise the state cannot be read.
pub async fn identify(
    store: &Store,
    now: Timestamp,
    authorization: &HeaderValue,
) -> Result<Identity, Problem> {
    let text = authorization.to_str().unwrap_or_default();
    let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unauthorized("only `Authorization: Bearer` with an API token is understood"));
    }
    let credential = secret.trim().strip_prefix(PREFIX).and_then(Credential::parse);
    let credential = credential.ok_or_else(|| unauthorized("this is no API token"))?;
    let found = store.token_find(&credential.hash()).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let record = found.ok_or_else(|| unauthorized("no such API token is known"))?;
    if record.revoked.is_some() {
        return Err(unauthorized("this API token was revoked"));
    }
    if record.until <= now {
        return Err(unauthorized("this API token has ended"));
    }
    let noted = record.used.is_some_and(|used| now.duration_since(used) < EXACTNESS);
    if !noted && let Err(error) = store.token_used(&record.id, now).await {
        tracing::warn!(error = chain(&error), "the use of a token was not noted");
    }
    let TokenRecord { id, name, owner, scopes, until, .. } = record;
    Ok(Identity { who: Who::Token { id, name, owner, until }, roles: Vec::new(), scopes })
}

impl Gate {
    /// Who is behind a bearer token.
    pub(super) async fn bearer(&self, authorization: &HeaderValue) -> Result<Identity, Problem> {
        identify(&self.store, self.clock.now(), authorization).await
    }

    /// The permissions that this somebody can give to a token: those they have themselves.
    pub(crate) fn grantable(&self, identity: &Identity) -> Vec<&'static Permission> {
        self.permissions.iter().copied().filter(|one| identity.may(one)).collect()
    }

    /// Makes a token and returns it with its secret, which nobody can ask for again.
    pub(crate) async fn make_token(
        &self,
        identity: &Identity,
        new: NewToken,
    ) -> Result<(TokenRecord, String), Problem> {
        let refused = |detail: String| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no such token can be made")
                .detail(detail)
        };
        let owner = identity.owner().unwrap_or_default().to_owned();
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(refused(format!("its name must have 1 to {LONGEST_NAME} characters")));
        }
        if name.contains(char::is_control) {
            return Err(refused("its name must not contain control characters".to_owned()));
        }
        if !(1..=LONGEST_DAYS).contains(&new.days) {
            return Err(refused(format!("it must last 1 to {LONGEST_DAYS} days")));
        }
        let grantable = self.grantable(identity);
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(refused("it needs at least one permission".to_owned()));
        }
        if let Some(scope) = scopes.iter().find(|scope| grantable.iter().all(|p| p.name != **scope))
        {
            return Err(Problem::new(StatusCode::FORBIDDEN, "no such token can be made")
                .detail(format!("you do not have the permission {:?}", shown(scope, 60))));
        }
        let credential = Credential::generate().map_err(|error| Problem::of(&error))?;
        let now = self.clock.now();
        let length = SignedDuration::from_hours(24 * i64::from(new.days));
        let record = TokenRecord {
            id: Uuid::now_v7().to_string(),
            name: name.to_owned(),
            owner,
            scopes,
            created: now,
            until: now.saturating_add(length).unwrap_or(Timestamp::MAX),
            used: None,
            revoked: None,
        };
        let detail = serde_json::json!({
            "name": record.name, "scopes": record.scopes, "until": record.until,
        });
        let deed =
            self.deed(&identity.actor(), "token.create", &record.id, DeedOutcome::Done, detail);
        let kept = async {
            let mut transaction = self.store.begin("make a token").await?;
            transaction.token_create(&record, &credential.hash()).await?;
            transaction.record(deed);
            transaction.commit().await
        };
        kept.await.map_err(|error| Problem::of_store(&error))?;
        Ok((record, format!("{PREFIX}{}", credential.encode())))
    }

    /// The token of this id, if they may see it.
    pub(crate) async fn token_of(
        &self,
        identity: &Identity,
        id: &str,
    ) -> Result<TokenRecord, Problem> {
        let missing = || Problem::new(StatusCode::NOT_FOUND, "no such token");
        let id = Uuid::parse_str(id).map_err(|_| missing())?.to_string();
        let found = self.store.token_show(&id).await.map_err(|error| Problem::of_store(&error))?;
        let theirs = |token: &TokenRecord| {
            identity.owner() == Some(&token.owner) || identity.may(&TOKEN_ALL)
        };
        found.filter(theirs).ok_or_else(missing)
    }

    /// Revokes a token; one that was revoked stays so.
    pub(crate) async fn revoke_token(
        &self,
        identity: &Identity,
        id: &str,
    ) -> Result<TokenRecord, Problem> {
        let token = self.token_of(identity, id).await?;
        let detail = serde_json::json!({ "name": token.name, "owner": token.owner });
        let deed =
            self.deed(&identity.actor(), "token.revoke", &token.id, DeedOutcome::Done, detail);
        let revoked = async {
            let mut transaction = self.store.begin("revoke a token").await?;
            if transaction.token_revoke(&token.id, self.clock.now()).await? {
                transaction.record(deed);
            }
            transaction.commit().await
        };
        revoked.await.map_err(|error| Problem::of_store(&error))?;
        self.token_of(identity, id).await
    }
}

/// The answer to a credential that is not good.
pub(crate) fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "not signed in")
        .detail(detail)
        .header(header::WWW_AUTHENTICATE, "Bearer realm=\"lotse\"")
}
