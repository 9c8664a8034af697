//! The way of a browser to the identity provider and back, for the console and for others.
//!
//! What is kept meanwhile is a ticket: the hash of the secret in the browser's cookie, good once and
//! for one kind of sign-in, with the place to come back to.

use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_store::Store;
use serde::Deserialize;
use url::Url;

use super::provider::Vouched;
use super::{Flow, OidcError, Provider};
use crate::credential::Credential;
use crate::error::Error;
use crate::text::shown;

/// How long a sign-in may take, in seconds.
pub(crate) const SIGN_IN_SECONDS: i64 = 600;
/// The longest address to come back to.
const LONGEST_TARGET: usize = 2000;

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

/// What the browser brings back.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// Who says that it sent the browser (RFC 9207).
    iss: Option<String>,
}

/// Why somebody did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JourneyError {
    /// It is not the end of a sign-in of this browser.
    #[error("this sign-in cannot be finished: {0}; start again")]
    Stale(&'static str),
    /// The provider, or its token.
    #[error(transparent)]
    Provider(#[from] OidcError),
    /// We ourselves.
    #[error(transparent)]
    Own(#[from] Error),
}

impl Explain for JourneyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Stale(_) => ErrorKind::InvalidInput,
            Self::Provider(error) => error.kind(),
            Self::Own(error) => error.kind(),
        }
    }
}

/// One kind of sign-in at a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journey<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a SharedClock,
    /// Keeps tickets of different sign-ins apart.
    pub(crate) kind: &'static str,
    /// Where the provider sends browsers back.
    pub(crate) back: &'a Url,
}

impl Journey<'_> {
    /// Where the browser is sent, and the secret that it keeps meanwhile.
    pub(crate) async fn begin(self, to: Option<&str>) -> Result<(Url, Flow), JourneyError> {
        let flow = Flow(Credential::generate()?);
        let url = self.within(self.provider.authorization_url(&flow, self.back)).await?;
        let until = self.clock.now().saturating_add(SignedDuration::from_secs(SIGN_IN_SECONDS));
        let until = until.unwrap_or(Timestamp::MAX);
        let kept = self.store.ticket_issue(&flow.0.hash(), self.kind, &target(to), until).await;
        kept.map_err(Error::from)?;
        Ok((url, flow))
    }

    /// Who has come back, and where they wanted to go. `flow` is what their browser kept.
    pub(crate) async fn end(
        self,
        flow: Option<Flow>,
        returned: &Returned,
    ) -> Result<(Vouched, String), JourneyError> {
        let flow = flow.ok_or(JourneyError::Stale("this browser has not begun a sign-in"))?;
        if !returned.state.as_deref().is_some_and(|state| flow.state().matches(state)) {
            return Err(JourneyError::Stale("the answer belongs to another sign-in"));
        }
        let taken = self.store.ticket_take(&flow.0.hash(), self.kind, self.clock.now()).await;
        let to = taken
            .map_err(Error::from)?
            .ok_or(JourneyError::Stale("the sign-in took too long, or was finished already"))?;
        if returned.iss.as_ref().is_some_and(|issuer| *issuer != self.provider.config().issuer) {
            return Err(JourneyError::Stale("the answer is of another identity provider"));
        }
        if let Some(error) = &returned.error {
            let about = returned.error_description.as_deref().unwrap_or_default();
            let reason = shown(format!("{error} {about}").trim(), 200);
            return Err(OidcError::Refused { reason }.into());
        }
        let code = returned.code.as_deref();
        let code = code.ok_or(JourneyError::Stale("the answer has no code"))?;
        let vouched = self.within(self.provider.finish(code, &flow, self.back)).await?;
        Ok((vouched, target(Some(&to))))
    }

    /// The work with the provider, ended when it takes twice as long as one answer may.
    async fn within<T>(
        self,
        work: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<T, OidcError> {
        let limit = Duration::from_secs(2 * u64::from(self.provider.config().timeout_seconds));
        let slow = || OidcError::Slow { what: "the sign-in" };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(slow()))
    }
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
