//! Sessions: from the sign-in to the sign-out, or to the end of patience.

use std::sync::Arc;

use axum::http::HeaderMap;
use lotse_core::error::chain;
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::session::SessionRecord;

use super::Gate;
use crate::access::{Identity, Role, SessionCredential, Who};
use crate::credential::Credential;
use crate::error::Error;
use crate::problem::Problem;

/// How exactly it is known when a session or token was last used. One write a minute is enough.
pub(super) const EXACTNESS: SignedDuration = SignedDuration::from_secs(60);

impl Gate {
    /// The person of the session in the cookie; `None` without one, or when it has ended.
    pub(super) async fn session(&self, headers: &HeaderMap) -> Result<Option<Identity>, Problem> {
        let Some(credential) = self.cookies.session(headers) else { return Ok(None) };
        let hash = credential.hash();
        let found =
            self.store.session_find(&hash).await.map_err(|error| Problem::of_store(&error))?;
        let now = self.clock.now();
        let Some(record) = found.filter(|record| self.lasts(record, now)) else { return Ok(None) };
        if now.duration_since(record.seen) >= EXACTNESS
            && let Err(error) = self.store.session_seen(&hash, now).await
        {
            tracing::warn!(error = chain(&error), "the use of a session was not noted");
        }
        let roles = record.roles.iter().filter_map(|word| Role::of_word(word)).collect();
        let who = Who::Person {
            subject: record.subject,
            name: record.name,
            until: record.until,
            credential: SessionCredential(Arc::new(credential)),
        };
        Ok(Some(Identity { who, roles, scopes: Vec::new() }))
    }

    fn lasts(&self, record: &SessionRecord, now: Timestamp) -> bool {
        let idle = SignedDuration::from_mins(self.config.idle_minutes.into());
        record.until > now && now.duration_since(record.seen) < idle
    }

    /// Begins a session and returns its secret. The one before it in the same browser ends.
    pub(crate) async fn begin_session(
        &self,
        headers: &HeaderMap,
        subject: &str,
        name: &str,
        roles: &[Role],
    ) -> Result<Credential, Error> {
        if let Some(old) = self.cookies.session(headers) {
            self.store.session_end(&old.hash()).await?;
        }
        let credential = Credential::generate()?;
        let now = self.clock.now();
        let length = SignedDuration::from_hours(self.config.session_hours.into());
        let words: Vec<String> = roles.iter().map(|role| role.word().to_owned()).collect();
        let record = SessionRecord {
            hash: credential.hash(),
            subject: subject.to_owned(),
            name: name.to_owned(),
            roles: words.clone(),
            created: now,
            seen: now,
            until: now.saturating_add(length).unwrap_or(Timestamp::MAX),
        };
        self.store.session_begin(&record).await?;
        let detail = serde_json::json!({ "roles": words, "name": name });
        self.note(subject, "session.begin", subject, DeedOutcome::Done, detail).await?;
        Ok(credential)
    }

    /// Ends the session of this browser everywhere.
    pub(crate) async fn end_session(&self, headers: &HeaderMap) -> Result<(), Error> {
        let Some(credential) = self.cookies.session(headers) else { return Ok(()) };
        let hash = credential.hash();
        let record = self.store.session_find(&hash).await?;
        if self.store.session_end(&hash).await?
            && let Some(record) = record
        {
            let (actor, detail) = (&record.subject, serde_json::Value::Null);
            self.note(actor, "session.end", actor, DeedOutcome::Done, detail).await?;
        }
        Ok(())
    }

    /// Writes a deed to the audit log.
    pub(crate) async fn note(
        &self,
        actor: &str,
        action: &str,
        object: &str,
        outcome: DeedOutcome,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        let deed = self.deed(actor, action, object, outcome, detail);
        Ok(self.store.record(deed).await?)
    }

    /// A deed of now.
    pub(crate) fn deed(
        &self,
        actor: &str,
        action: &str,
        object: &str,
        outcome: DeedOutcome,
        detail: serde_json::Value,
    ) -> Deed {
        Deed {
            at: self.clock.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            outcome,
            request_ids: Vec::new(),
            detail,
        }
    }
}
