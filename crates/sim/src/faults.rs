//! Making the cloud fail on command.
//!
//! A [`Fault`] says which requests it concerns (service, method, path), which of them it hits (the
//! nth, every nth, some by chance, all), how often at most, and what then happens. Rules are looked
//! at in the order they were added; all delays of matching rules add up, of other effects the first
//! wins.
//!
//! ```json
//! {"service": "image", "method": "POST", "path": "/v2/images", "nth": 1, "effect": {"kind": "reset-after"}}
//! ```
//!
//! A file of rules is a list of them, in YAML or JSON ([`Fault::read`]).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use lotse_core::declared::{DeclaredError, SourceFile, load};
use schemars::JsonSchema;

use crate::error::SimError;
use crate::ids::mix;

/// What happens to a request that a fault hits.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// The request has no effect and is answered with this status.
    Status {
        /// HTTP status, 200 to 599; with 2xx the service promises what it does not do.
        status: u16,
        /// Body of the answer; the service's own error body when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// The request has no effect and is answered with 429.
    TooManyRequests {
        /// Value of `Retry-After` in seconds.
        retry_after: u64,
    },
    /// The connection is reset; the request had no effect.
    ResetBefore,
    /// The connection is reset; the request had its full effect.
    ResetAfter,
    /// The answer comes later.
    Delay {
        /// By how many milliseconds.
        milliseconds: u64,
    },
    /// The request has its full effect; half of the answer's body arrives, then the connection ends.
    Truncate,
    /// The request has its full effect; the answer's body comes in small pieces with pauses between.
    SlowBody {
        /// How many bytes a piece has.
        bytes: u64,
        /// The pause before each piece in milliseconds.
        milliseconds: u64,
    },
    /// The token of the request ends before the request is looked at.
    ExpireToken,
    /// The answer claims another content type.
    ContentType {
        /// The media type.
        media_type: String,
    },
}

impl Effect {
    /// Whether it happens besides other effects; of those that do not, the first wins.
    const fn adds_up(&self) -> bool {
        matches!(self, Self::Delay { .. })
    }

    /// All that makes no sense, each with the place in the rule as a JSON pointer.
    fn nonsense(&self) -> Vec<(&'static str, String)> {
        let found = match self {
            Self::Status { status, .. } if !(200..600).contains(status) => {
                ("/effect/status", format!("status must be from 200 to 599, not {status}"))
            }
            Self::SlowBody { bytes: 0, .. } => {
                ("/effect/bytes", "bytes must be at least 1".to_owned())
            }
            Self::ContentType { media_type }
                if http::HeaderValue::from_str(media_type).is_err() =>
            {
                ("/effect/media_type", "media_type must be a media type".to_owned())
            }
            _ => return Vec::new(),
        };
        vec![found]
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Type of the service, for example `image`; any when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// HTTP method; any when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path within the service; `*` stands for anything but `/`, `**` for anything. Any when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Hit only the nth matching request, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Hit every nth matching request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Hit matching requests by chance, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Seed of the chance.
    #[serde(default)]
    pub seed: u64,
    /// Hit no more than so many requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// A rule that hits every request.
    pub const fn new(effect: Effect) -> Self {
        Self {
            service: None,
            method: None,
            path: None,
            nth: None,
            every: None,
            probability: None,
            seed: 0,
            count: None,
            effect,
        }
    }

    /// A rule that answers every request with this status.
    pub const fn status(status: u16) -> Self {
        Self::new(Effect::Status { status, body: None })
    }

    /// Only these requests; `*` in the path stands for anything but `/`, `**` for anything.
    #[must_use]
    pub fn on(mut self, service: &str, method: &str, path: &str) -> Self {
        self.service = Some(service.to_owned());
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// Only the nth matching request, from 1.
    #[must_use]
    pub const fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Only every nth matching request.
    #[must_use]
    pub const fn every(mut self, every: u64) -> Self {
        self.every = Some(every);
        self
    }

    /// Only some matching requests, by chance (0 to 1) drawn from the seed.
    #[must_use]
    pub const fn with_probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = Some(probability);
        self.seed = seed;
        self
    }

    /// At most so many times.
    #[must_use]
    pub const fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// What is wrong with the rule, if it could never do what it says.
    ///
    /// # Errors
    ///
    /// A sentence that names the field and what it may be.
    pub fn check(&self) -> Result<(), String> {
        match self.nonsense().into_iter().next() {
            Some((_, problem)) => Err(problem),
            None => Ok(()),
        }
    }

    /// All that makes no sense, each with the place in the rule as a JSON pointer.
    fn nonsense(&self) -> Vec<(&'static str, String)> {
        let mut found = self.effect.nonsense();
        if let Some(service) = &self.service {
            let known: Vec<_> = crate::service::all().iter().map(|one| one.kind()).collect();
            if !known.contains(&service.as_str()) {
                let known = known.join(", ");
                found.push(("/service", format!("service `{service}` is none of {known}")));
            }
        }
        if let Some(path) = self.path.as_ref().filter(|path| !path.starts_with(['/', '*'])) {
            found.push(("/path", format!("path must begin with / or *, and `{path}` does not")));
        }
        if let Some(probability) = self.probability.filter(|it| !(0.0..=1.0).contains(it)) {
            let problem = format!("probability must be from 0 to 1, not {probability}");
            found.push(("/probability", problem));
        }
        let counts = [("/nth", self.nth), ("/every", self.every), ("/count", self.count)];
        for (place, _) in counts.into_iter().filter(|(_, count)| *count == Some(0)) {
            found.push((place, format!("{} must be at least 1", &place[1..])));
        }
        found
    }

    /// Reads a file with a list of rules, in YAML or JSON.
    ///
    /// # Errors
    ///
    /// [`SimError::Faults`]: the file cannot be read, is no list of rules, or has rules that could
    /// never do what they say; all complaints at once, each with line and column.
    pub fn read(path: &Path) -> Result<Vec<Self>, SimError> {
        let file = SourceFile::read(path).map_err(|source| SimError::Faults { source })?;
        let rules = load::<Vec<Self>>(&file).map_err(|source| SimError::Faults { source })?;
        let complaints = rules.iter().enumerate().flat_map(|(at, rule)| {
            let place = move |(field, problem)| (format!("/{at}{field}"), problem);
            rule.nonsense().into_iter().map(place)
        });
        let mut diagnostics: Vec<_> =
            complaints.map(|(place, problem)| rules.complain(&place, problem)).collect();
        diagnostics.sort_by_key(|complaint| complaint.span);
        if diagnostics.is_empty() {
            Ok(rules.value)
        } else {
            Err(SimError::Faults { source: DeclaredError::Invalid { diagnostics } })
        }
    }

    fn concerns(&self, service: &str, method: &str, path: &str) -> bool {
        self.service.as_deref().is_none_or(|wanted| wanted == service)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|pattern| glob(pattern.as_bytes(), path.as_bytes()))
    }
}

/// A rule in force and what it did so far.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ActiveFault {
    /// Number of the rule.
    pub id: u64,
    /// The rule.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many requests matched.
    pub matched: u64,
    /// To how many the effect happened.
    pub hit: u64,
}

impl ActiveFault {
    /// Counts a matching request and says whether it is hit; `taken` when an earlier rule has said
    /// already what happens to it.
    fn strike(&mut self, taken: bool) -> bool {
        self.matched += 1;
        let fault = &self.fault;
        if taken && !fault.effect.adds_up() {
            return false;
        }
        let exhausted = fault.count.is_some_and(|count| self.hit >= count);
        let chosen = fault.nth.is_none_or(|nth| nth == self.matched)
            && fault.every.is_none_or(|every| every > 0 && self.matched.is_multiple_of(every))
            && fault.probability.is_none_or(|p| chance(fault.seed, self.matched) < p);
        let hit = chosen && !exhausted;
        self.hit += u64::from(hit);
        hit
    }
}

/// A number in 0..1 that depends on the seed and the count alone.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn chance(seed: u64, count: u64) -> f64 {
    let bits = mix(mix(seed).wrapping_add(count)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Whether the path matches: `*` stands for anything but `/`, `**` for anything.
fn glob(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|at| glob(rest, &path[at..])),
        [b'*', rest @ ..] => {
            let end = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=end).any(|at| glob(rest, &path[at..]))
        }
        [first, rest @ ..] => path.first() == Some(first) && glob(rest, &path[1..]),
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Rules>,
    /// Whether there is any rule: without one, requests need not wait for each other here.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    rules: Vec<ActiveFault>,
}

impl Faults {
    /// Puts a rule in force and returns its number.
    pub fn add(&self, fault: Fault) -> u64 {
        let mut rules = self.lock();
        rules.last_id += 1;
        let id = rules.last_id;
        rules.rules.push(ActiveFault { id, fault, matched: 0, hit: 0 });
        self.any.store(true, Ordering::SeqCst);
        id
    }

    /// Ends a rule; `false` when there is none with this number.
    pub fn remove(&self, id: u64) -> bool {
        let mut rules = self.lock();
        let before = rules.rules.len();
        rules.rules.retain(|rule| rule.id != id);
        self.any.store(!rules.rules.is_empty(), Ordering::SeqCst);
        rules.rules.len() < before
    }

    /// Ends all rules.
    pub fn clear(&self) {
        let mut rules = self.lock();
        rules.rules.clear();
        self.any.store(false, Ordering::SeqCst);
    }

    /// The rules in force and what they did so far.
    pub fn list(&self) -> Vec<ActiveFault> {
        self.lock().rules.clone()
    }

    /// The effects on this request, in the order of the rules: any number of delays, one other.
    pub(crate) fn strike(&self, service: &str, method: &str, path: &str) -> Vec<Effect> {
        if !self.any.load(Ordering::SeqCst) {
            return Vec::new();
        }
        let mut struck = Vec::new();
        let mut taken = false;
        let mut rules = self.lock();
        let concerned = |rule: &&mut ActiveFault| rule.fault.concerns(service, method, path);
        for rule in rules.rules.iter_mut().filter(concerned) {
            if rule.strike(taken) {
                taken |= !rule.fault.effect.adds_up();
                struck.push(rule.fault.effect.clone());
            }
        }
        struck
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stays_within_a_segment_and_two_stars_do_not() {
        let matches = |pattern: &str, path: &str| glob(pattern.as_bytes(), path.as_bytes());
        assert!(matches("/v2/images/*", "/v2/images/abc"));
        assert!(matches("/v2/images/*/import", "/v2/images/abc/import"));
        assert!(!matches("/v2/images/*", "/v2/images/abc/import"));
        assert!(matches("/v2/**", "/v2/images/abc/import"));
        assert!(!matches("/v2/images", "/v2/images/"));
    }

    proptest! {
        /// The same as the regular expression that says the same.
        #[test]
        fn a_pattern_matches_what_the_regular_expression_matches(
            pattern in "[/ab*]{0,8}",
            path in "[/ab]{0,8}",
        ) {
            let expression = pattern.replace("**", "[^c]#").replace('*', "[^/]*").replace('#', "*");
            let model = regex::Regex::new(&format!("^{expression}$")).expect("an expression");
            prop_assert_eq!(glob(pattern.as_bytes(), path.as_bytes()), model.is_match(&path));
        }
    }

    #[test]
    fn a_rule_hits_the_chosen_request_and_no_other() {
        let faults = Faults::default();
        faults.add(Fault::status(503).on("image", "post", "/v2/images").nth(2));
        let hits: Vec<bool> =
            (0..4).map(|_| !faults.strike("image", "POST", "/v2/images").is_empty()).collect();
        assert_eq!(hits, [false, true, false, false]);
        assert!(faults.strike("identity", "POST", "/v2/images").is_empty());
        assert_eq!(faults.list()[0].matched, 4);
    }

    #[test]
    fn chance_is_repeatable_and_near_the_asked_share() {
        let draw = |seed| -> Vec<bool> { (0..2000).map(|n| chance(seed, n) < 0.25).collect() };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let share = draw(7).iter().filter(|&&hit| hit).count();
        assert!((400..600).contains(&share), "{share} of 2000");
    }
}
