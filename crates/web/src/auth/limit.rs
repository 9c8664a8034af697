//! How often somebody may ask: a bucket per name that fills evenly.
//!
//! Buckets live in the process; several instances allow as many times as much. The number of names
//! is bounded: full buckets are forgotten first, because forgetting them changes nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lotse_core::time::Timestamp;

use crate::problem::Problem;

/// So many names are remembered.
const NAMES: usize = 10_000;
const WINDOW_SECONDS: f64 = 60.0;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

/// A limit of requests per minute and name.
#[derive(Debug)]
pub struct Limit {
    per_minute: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// What became of one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// Whether it may go on.
    pub allowed: bool,
    /// How many there may be in a minute.
    limit: u32,
    /// How many may follow now.
    remaining: u32,
    /// Seconds until one more may follow (if none may), or until all may.
    wait: u64,
}

impl Limit {
    /// So many a minute, all of them at once if need be.
    pub fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::default() }
    }

    /// Takes one from the bucket of this name.
    pub fn take(&self, name: &str, now: Timestamp) -> Allowance {
        let full = f64::from(self.per_minute);
        let rate = full / WINDOW_SECONDS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let level = |bucket: &Bucket| {
            let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            (bucket.left + passed * rate).min(full)
        };
        if buckets.len() >= NAMES && !buckets.contains_key(name) {
            buckets.retain(|_, bucket| level(bucket) < full);
            if buckets.len() >= NAMES {
                // All of them at work: a flood of names. Who comes next is let in uncounted names.
                buckets.clear();
            }
        }
        let left = buckets.get(name).map_or(full, level);
        let allowed = left >= 1.0;
        let left = if allowed { left - 1.0 } else { left };
        buckets.insert(name.to_owned(), Bucket { left, at: now });
        let missing = if left >= 1.0 { full - left } else { 1.0 - left };
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the limit, an u32")]
        #[expect(clippy::cast_sign_loss, reason = "never negative")]
        let (remaining, wait) = (left as u32, (missing / rate).ceil() as u64);
        Allowance { allowed, limit: self.per_minute, remaining, wait: wait.max(1) }
    }
}

impl Allowance {
    /// Says it in the fields of draft-ietf-httpapi-ratelimit-headers.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let policy = format!("\"default\";q={};w=60", self.limit);
        let state = format!("\"default\";r={};t={}", self.remaining, self.wait);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    /// The answer to one request too many.
    pub(crate) fn problem(self) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests")
            .detail(format!("at most {} a minute; try again in {} s", self.limit, self.wait))
            .header(header::RETRY_AFTER, &self.wait.to_string())
    }
}

/// The name of an address. A household has a whole /64 of IPv6, so that is what counts.
pub fn name_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_bucket_empties_at_once_and_fills_evenly() {
        let limit = Limit::per_minute(6);
        for remaining in (0..6).rev() {
            let allowance = limit.take("a", second(0));
            assert_eq!((allowance.allowed, allowance.remaining), (true, remaining));
        }
        let refused = limit.take("a", second(0));
        assert_eq!((refused.allowed, refused.wait), (false, 10));
        assert!(limit.take("b", second(0)).allowed, "names do not share");
        assert!(!limit.take("a", second(9)).allowed);
        assert!(limit.take("a", second(10)).allowed);
        assert_eq!(limit.take("a", second(10_000)).remaining, 5, "never more than full");
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_away_and_gives_nothing() {
        let limit = Limit::per_minute(1);
        assert!(limit.take("a", second(100)).allowed);
        assert!(!limit.take("a", second(50)).allowed);
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let limit = Limit::per_minute(2);
        for name in 0..3 * NAMES {
            assert!(limit.take(&name.to_string(), second(0)).allowed);
        }
        assert!(limit.buckets.lock().unwrap().len() <= NAMES);
    }

    #[test]
    fn neighbours_in_one_network_of_ipv6_share() {
        let name = |text: &str| name_of(text.parse().unwrap());
        assert_eq!(name("2001:db8::1"), name("2001:db8::ffff:1"));
        assert_ne!(name("2001:db8::1"), name("2001:db8:0:1::1"));
        assert_eq!(name("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn the_fields_say_what_is_left() {
        let mut headers = HeaderMap::new();
        Limit::per_minute(60).take("a", second(0)).write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=60;w=60");
        assert_eq!(headers["ratelimit"], "\"default\";r=59;t=1");
    }
}
