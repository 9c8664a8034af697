//! People who sign in at the identity provider to read what is not for everybody, somewhere beside the
//! console: the members' pages of a status page.
//!
//! ```text
//! start ─► provider ─► finish ─► session: who it is, and their groups ─► known
//! ```
//!
//! A visitor has groups, which are words of the provider, and no roles. Cookie, ticket and hash are
//! others than those of the console: a visitor's session never opens the console, and none of the
//! console is a visitor's. What groups see is decided by who asks; the audit log does not keep who
//! reads.

use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, HeaderValue};
use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_core::secret::SecretString;
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_store::Store;
use lotse_store::session::SessionRecord;
use url::Url;

use crate::auth::cookie::Cookies;
use crate::config::OidcConfig;
use crate::credential::Credential;
use crate::error::Error;
use crate::oidc::journey::{Journey, JourneyError, Returned, target};
use crate::oidc::{Provider, claims};

/// The kind of ticket that a visitor's sign-in is.
const SIGN_IN: &str = "visitor";
/// What the hash of a session is derived for.
const SESSION: &str = "visitor session";
/// How groups are kept among the words of a session, so that none is ever taken for a role.
const GROUP: &str = "group:";
/// So many groups of one person are kept.
const MOST_GROUPS: usize = 2000;
/// How long a session lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// Somebody who is signed in to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The same at every sign-in.
    pub subject: String,
    /// For people.
    pub name: String,
    /// What the provider's claim of groups or roles said at the sign-in.
    pub groups: Vec<String>,
    /// When the session ends.
    pub until: Timestamp,
}

/// Where a browser goes next, and what it keeps.
#[derive(Debug)]
pub struct Way {
    /// An address of the provider, or a place of ours.
    pub to: String,
    /// Cookies to set.
    pub cookies: Vec<HeaderValue>,
}

/// Why somebody is not signed in. What is said here may be shown to them.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct VisitorError {
    reason: String,
    kind: ErrorKind,
}

impl Explain for VisitorError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<JourneyError> for VisitorError {
    fn from(error: JourneyError) -> Self {
        tracing::warn!(error = chain(&error), "a sign-in of a visitor failed");
        Self { reason: error.to_string(), kind: error.kind() }
    }
}

impl From<Error> for VisitorError {
    fn from(error: Error) -> Self {
        tracing::warn!(error = chain(&error), "a session of a visitor cannot be used");
        Self { reason: error.to_string(), kind: error.kind() }
    }
}

impl From<lotse_store::Error> for VisitorError {
    fn from(error: lotse_store::Error) -> Self {
        Error::from(error).into()
    }
}

/// Where browsers come from.
#[derive(Debug)]
struct Place {
    back: Url,
    cookies: Cookies,
}

/// Knows visitors.
pub struct Visitors {
    provider: Provider,
    store: Arc<Store>,
    clock: SharedClock,
    /// The path of ours that the provider sends browsers back to.
    callback: &'static str,
    place: OnceLock<Place>,
}

impl fmt::Debug for Visitors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitors").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Visitors {
    /// Those who sign in at this provider and come back to the path `callback`. Nothing is asked of
    /// the provider yet.
    ///
    /// # Errors
    /// The provider's certificates cannot be used.
    pub fn new(
        config: OidcConfig,
        secret: Option<SecretString>,
        (store, clock): (Arc<Store>, SharedClock),
        callback: &'static str,
    ) -> Result<Self, Error> {
        let provider = Provider::new(config, secret, clock.clone())?;
        Ok(Self { provider, store, clock, callback, place: OnceLock::new() })
    }

    /// Says under which address browsers come; what was said first counts. Nobody can sign in
    /// before.
    pub fn reached_at(&self, public: &Url) {
        let mut back = public.clone();
        back.set_path(self.callback);
        back.set_query(None);
        let cookies = Cookies::named(public, ["visitor", "visitor-sign-in"]);
        self.place.get_or_init(|| Place { back, cookies });
    }

    fn place(&self) -> Result<&Place, VisitorError> {
        self.place.get().ok_or_else(|| VisitorError {
            reason: "nobody can sign in yet; try again".to_owned(),
            kind: ErrorKind::Unavailable,
        })
    }

    fn journey<'a>(&'a self, place: &'a Place) -> Journey<'a> {
        let Self { provider, store, clock, .. } = self;
        Journey { provider, store, clock, kind: SIGN_IN, back: &place.back }
    }

    /// Sends a browser to the provider; it comes back to `to`, if that is a place of ours.
    ///
    /// # Errors
    /// The provider or the state cannot be asked.
    pub async fn start(&self, to: Option<&str>) -> Result<Way, VisitorError> {
        let place = self.place()?;
        let (url, flow) = self.journey(place).begin(to).await?;
        let cookies = place.cookies.set_sign_in(&flow.0).into_iter().collect();
        Ok(Way { to: url.into(), cookies })
    }

    /// Lets in who comes back from the provider with this query, and begins a session. The one
    /// before it in the same browser ends.
    ///
    /// # Errors
    /// It is not the end of a sign-in of this browser, or the provider says no.
    pub async fn finish(&self, headers: &HeaderMap, query: &str) -> Result<Way, VisitorError> {
        let place = self.place()?;
        let flow = place.cookies.sign_in(headers).map(crate::oidc::Flow);
        let (vouched, to) = self.journey(place).end(flow, &returned(query)).await?;
        if let Some(old) = place.cookies.session(headers) {
            self.store.session_end(&old.derive(SESSION).hash()).await?;
        }
        let config = self.provider.config();
        let groups = claims::find(&vouched.claims, &config.roles_claim).map(claims::words);
        let groups = groups.unwrap_or_default().into_iter().take(MOST_GROUPS);
        let (credential, now) = (Credential::generate()?, self.clock.now());
        let record = SessionRecord {
            hash: credential.derive(SESSION).hash(),
            subject: format!("user:{}", vouched.subject),
            name: claims::name(&vouched.claims, &config.name_claim, &vouched.subject),
            roles: groups.map(|group| format!("{GROUP}{group}")).collect(),
            created: now,
            seen: now,
            until: now.saturating_add(LASTS).unwrap_or(Timestamp::MAX),
        };
        self.store.session_begin(&record).await?;
        let cookies = [place.cookies.set_session(&credential), place.cookies.clear_sign_in()];
        Ok(Way { to, cookies: cookies.into_iter().flatten().collect() })
    }

    /// Who sent these headers, if it is somebody who is signed in.
    ///
    /// # Errors
    /// The state cannot be asked.
    pub async fn known(&self, headers: &HeaderMap) -> Result<Option<Visitor>, VisitorError> {
        let Some(hash) = self.hash(headers) else { return Ok(None) };
        let found = self.store.session_find(&hash).await?;
        let lasts = |record: &SessionRecord| self.clock.now() < record.until;
        Ok(found.filter(lasts).map(|SessionRecord { subject, name, roles, until, .. }| {
            let group = |word: String| word.strip_prefix(GROUP).map(str::to_owned);
            let groups = roles.into_iter().filter_map(group).collect();
            Visitor { subject, name, groups, until }
        }))
    }

    /// Ends the session of this browser, and sends it to `to`.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn end(&self, headers: &HeaderMap, to: &str) -> Result<Way, VisitorError> {
        if let Some(hash) = self.hash(headers) {
            self.store.session_end(&hash).await?;
        }
        let cookies = self.place()?.cookies.clear_session().into_iter().collect();
        Ok(Way { to: target(Some(to)), cookies })
    }

    fn hash(&self, headers: &HeaderMap) -> Option<String> {
        let credential = self.place.get()?.cookies.session(headers)?;
        Some(credential.derive(SESSION).hash())
    }
}

/// What stands in the query of who comes back; what cannot be read is not there.
fn returned(query: &str) -> Returned {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let object = pairs.map(|(name, value)| (name.into_owned(), value.into())).collect();
    serde_json::from_value(serde_json::Value::Object(object)).unwrap_or_default()
}
