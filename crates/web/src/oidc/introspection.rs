//! Opaque access tokens: what they are worth is asked of the provider (RFC 7662).
//!
//! Whoever sends a token makes us ask, strangers too. So only few questions are under way at a time, a
//! token that cannot be one is not asked about, and what the provider said of a token is believed for
//! half a minute, or until the token ends. Of a token, only its SHA-256 is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::provider::{Provider, Vouched};
use super::{OidcError, claims, id_token};

/// So many questions are under way at a time.
const AT_ONCE: usize = 4;
/// How long an answer is believed.
const BELIEVED: SignedDuration = SignedDuration::from_secs(30);
/// Of so many tokens the answers are kept.
const MOST: usize = 1000;
/// An opaque token has so many bytes at most.
const LONGEST: usize = 4096;

/// The questions about the access tokens of one client, and what was answered lately.
#[derive(Debug)]
pub(crate) struct Questions {
    places: Semaphore,
    known: Mutex<HashMap<[u8; 32], Kept>>,
    /// Whether the operator was told that nothing can be asked.
    told: AtomicBool,
}

/// An answer, and how long it is believed.
#[derive(Clone, Debug)]
struct Kept {
    verdict: Verdict,
    until: Timestamp,
}

/// Who is behind a token and until when, or why it does not count.
type Verdict = Result<(Vouched, Timestamp), String>;

impl Questions {
    pub(crate) fn new() -> Self {
        Self {
            places: Semaphore::new(AT_ONCE),
            known: Mutex::default(),
            told: AtomicBool::new(false),
        }
    }

    /// Who is behind an opaque access token that was given to this client, and when the token ends.
    pub(crate) async fn vouch(
        &self,
        provider: &Provider,
        access_token: &str,
        client_id: &str,
    ) -> Result<(Vouched, Timestamp), OidcError> {
        if !may_be_token(access_token) {
            return Err(OidcError::Forged { reason: "it is no token".to_owned() });
        }
        let sum: [u8; 32] = Sha256::digest(access_token).into();
        let verdict = match self.answered(&sum, provider.now()) {
            Some(verdict) => verdict,
            None => self.asked(provider, access_token, client_id, sum).await?,
        };
        verdict.map_err(|reason| OidcError::NotForUs { reason })
    }

    async fn asked(
        &self,
        provider: &Provider,
        access_token: &str,
        client_id: &str,
        sum: [u8; 32],
    ) -> Result<Verdict, OidcError> {
        let _place = self.place(provider).await?;
        // Who waited for a place may have waited for this very answer.
        if let Some(verdict) = self.answered(&sum, provider.now()) {
            return Ok(verdict);
        }
        let answer = provider.introspect(access_token).await;
        let answer = answer.inspect_err(|error| self.tell(error))?;
        let verdict = match judged(provider, &answer, client_id) {
            Ok((subject, until)) => {
                let vouched = Vouched { subject, claims: answer };
                with_roles(provider, access_token, vouched).await?.map(|vouched| (vouched, until))
            }
            Err(reason) => Err(reason),
        };
        self.keep(sum, verdict.clone(), provider.now());
        Ok(verdict)
    }

    /// A place among those who ask.
    async fn place(&self, provider: &Provider) -> Result<SemaphorePermit<'_>, OidcError> {
        let patience = Duration::from_secs(provider.config().timeout_seconds.into());
        match tokio::time::timeout(patience, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            // Nobody closes it; too many ask.
            Ok(Err(_)) | Err(_) => Err(OidcError::Slow { what: "the access tokens before this" }),
        }
    }

    fn answered(&self, sum: &[u8; 32], now: Timestamp) -> Option<Verdict> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(sum).filter(|kept| now < kept.until).map(|kept| kept.verdict.clone())
    }

    fn keep(&self, sum: [u8; 32], verdict: Verdict, now: Timestamp) {
        let until = now.saturating_add(BELIEVED).unwrap_or(Timestamp::MAX);
        let until = verdict.as_ref().map_or(until, |(_, end)| until.min(*end));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, kept| now < kept.until);
        if known.len() >= MOST {
            // Room is made by what strangers sent, then by what ends first.
            let least = known.iter().min_by_key(|(_, kept)| (kept.verdict.is_ok(), kept.until));
            let least = least.map(|(sum, _)| *sum);
            least.and_then(|sum| known.remove(&sum));
        }
        known.insert(sum, Kept { verdict, until });
    }

    /// Tells the operator, once, what to configure.
    fn tell(&self, error: &OidcError) {
        if matches!(error, OidcError::Unasked { .. }) && !self.told.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "people with opaque access tokens are refused");
        }
    }
}

/// The form of RFC 6750, section 2.1.
fn may_be_token(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let body = text.trim_end_matches('=');
    !body.is_empty() && text.len() <= LONGEST && body.bytes().all(is_sign)
}

fn judged(
    provider: &Provider,
    answer: &Map<String, Value>,
    client_id: &str,
) -> Result<(String, Timestamp), String> {
    let config = provider.config();
    let names = (config.issuer.as_str(), client_id);
    id_token::introspected(answer, names, config.leeway_seconds, provider.now())
        .map_err(|error| error.to_string())
}

/// The person with what userinfo adds; a reason when the provider does not take the token there.
async fn with_roles(
    provider: &Provider,
    access_token: &str,
    mut vouched: Vouched,
) -> Result<Result<Vouched, String>, OidcError> {
    if claims::find(&vouched.claims, &provider.config().roles_claim).is_some() {
        return Ok(Ok(vouched));
    }
    match provider.add_userinfo(access_token, &mut vouched).await {
        Ok(()) => Ok(Ok(vouched)),
        Err(error @ OidcError::Status { status: 400..=499, .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_not_asked_about() {
        for good in ["a", "Zm9v.bar~+/-_==", &"x".repeat(LONGEST)] {
            assert!(may_be_token(good), "{good}");
        }
        for bad in ["", "=", "a b", "a=b", "ä", "a\n", "\"", &"x".repeat(LONGEST + 1)] {
            assert!(!may_be_token(bad), "{bad}");
        }
    }

    #[test]
    fn answers_are_few_and_those_about_people_are_kept_longest() {
        let (questions, now) = (Questions::new(), Timestamp::from_second(1_000_000).unwrap());
        let sum = |number: usize| {
            let mut sum = [0; 32];
            sum[..8].copy_from_slice(&number.to_be_bytes());
            sum
        };
        let later = |seconds: i64| now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        let vouched = Vouched { subject: "ada".to_owned(), claims: Map::new() };
        questions.keep(sum(0), Ok((vouched.clone(), later(10))), now);
        questions.keep(sum(1), Ok((vouched, later(900))), now);
        for number in 2..2 * MOST {
            questions.keep(sum(number), Err("inactive".to_owned()), now);
        }
        assert_eq!(questions.known.lock().unwrap().len(), MOST);
        for (number, until) in [(0, 10), (1, 30), (2 * MOST - 1, 30)] {
            assert!(questions.answered(&sum(number), later(until - 1)).is_some(), "{number}");
            assert!(questions.answered(&sum(number), later(until)).is_none(), "{number}");
        }
    }
}
