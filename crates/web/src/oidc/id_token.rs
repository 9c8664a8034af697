//! The claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7). Pure: data and a clock in,
//! a verdict out.

use lotse_core::time::Timestamp;
use serde_json::{Map, Value};

use super::OidcError;
use crate::credential::Credential;

/// What the token must agree with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a Credential,
    pub(crate) leeway_seconds: u32,
}

/// The longest subject there may be (section 2).
const LONGEST_SUBJECT: usize = 255;

/// Checks the claims and returns the subject.
pub(crate) fn check(
    claims: &Map<String, Value>,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<String, OidcError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(not_for_us(format!("its issuer is {}", shown(claims.get("iss")))));
    }
    audience(claims, expected.client_id)?;
    time(claims, expected.leeway_seconds, now)?;
    if !text("nonce").is_some_and(|nonce| expected.nonce.matches(nonce)) {
        return Err(not_for_us("its nonce is of another sign-in".to_owned()));
    }
    subject(claims)
}

/// Checks the claims of an access token that was issued to this client (RFC 9068, section 4), and
/// returns the subject and when the token ends.
pub(crate) fn access(
    claims: &Map<String, Value>,
    (issuer, client_id): (&str, &str),
    leeway_seconds: u32,
    now: Timestamp,
) -> Result<(String, Timestamp), OidcError> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(not_for_us(format!("its issuer is {}", shown(claims.get("iss")))));
    }
    // Providers name the client as `azp` or `client_id`, and the APIs it may call as the audience;
    // those that name no client mean it with the audience.
    match claims.get("azp").or_else(|| claims.get("client_id")) {
        Some(party) if party == client_id => {}
        Some(party) => return Err(not_for_us(format!("it was issued to {}", shown(Some(party))))),
        None => audience(claims, client_id)?,
    }
    time(claims, leeway_seconds, now)?;
    let subject = subject(claims).map_err(|error| not_for_us(error.to_string()))?;
    Ok((subject, end(claims)))
}

/// Checks what the provider says of an access token (RFC 7662, section 2.2) that was issued to this
/// client, and returns the subject and when the token ends.
pub(crate) fn introspected(
    answer: &Map<String, Value>,
    (issuer, client_id): (&str, &str),
    leeway_seconds: u32,
    now: Timestamp,
) -> Result<(String, Timestamp), OidcError> {
    if answer.get("active") != Some(&Value::Bool(true)) {
        return Err(not_for_us("the provider says that it is not active".to_owned()));
    }
    if let Some(other) = answer.get("iss").filter(|other| *other != issuer) {
        return Err(not_for_us(format!("its issuer is {}", shown(Some(other)))));
    }
    let is_bearer =
        |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if let Some(other) = answer.get("token_type").filter(|kind| !is_bearer(kind)) {
        return Err(not_for_us(format!("its type is {}", shown(Some(other)))));
    }
    match answer.get("client_id") {
        Some(party) if party == client_id => {}
        Some(party) => return Err(not_for_us(format!("it was issued to {}", shown(Some(party))))),
        None => audience(answer, client_id)?,
    }
    bounds(answer, leeway_seconds, now)?;
    let subject = subject(answer).map_err(|error| not_for_us(error.to_string()))?;
    Ok((subject, end(answer)))
}

/// When a token ends that says it.
fn end(claims: &Map<String, Value>) -> Timestamp {
    let end = claims.get("exp").and_then(Value::as_f64).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest")]
    Timestamp::from_second(end as i64).unwrap_or(Timestamp::MAX)
}

fn subject(claims: &Map<String, Value>) -> Result<String, OidcError> {
    match claims.get("sub").and_then(Value::as_str) {
        Some(subject)
            if !subject.is_empty()
                && subject.len() <= LONGEST_SUBJECT
                && !subject.contains(char::is_control) =>
        {
            Ok(subject.to_owned())
        }
        other => Err(OidcError::Answer {
            what: "token",
            reason: format!("its subject is {}", shown(other.map(Value::from).as_ref())),
        }),
    }
}

fn audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), OidcError> {
    let audience = claims.get("aud");
    let others = match audience {
        Some(Value::String(one)) if one == client_id => 0,
        Some(Value::Array(all)) if all.iter().any(|one| one == client_id) => all.len() - 1,
        _ => return Err(not_for_us(format!("its audience is {}", shown(audience)))),
    };
    // A token for several must say that it was issued to us.
    match claims.get("azp") {
        None if others == 0 => Ok(()),
        Some(party) if party == client_id => Ok(()),
        party => Err(not_for_us(format!("it was issued to {}", shown(party)))),
    }
}

fn time(claims: &Map<String, Value>, leeway: u32, now: Timestamp) -> Result<(), OidcError> {
    bounds(claims, leeway, now)?;
    if claims.get("iat").and_then(Value::as_f64).is_none() {
        return Err(wrong_time("it does not say when it was made".to_owned()));
    }
    Ok(())
}

/// It must end and not have ended; what else it says of time must fit.
fn bounds(claims: &Map<String, Value>, leeway: u32, now: Timestamp) -> Result<(), OidcError> {
    let (now, leeway) = (now.as_duration().as_secs_f64(), f64::from(leeway));
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    let Some(end) = seconds("exp") else {
        return Err(wrong_time("it does not say when it ends".to_owned()));
    };
    if now >= end + leeway {
        return Err(wrong_time(format!("it ended {:.0} seconds ago", now - end)));
    }
    for (claim, deed) in [("iat", "was made"), ("nbf", "begins")] {
        if let Some(from) = seconds(claim).filter(|from| *from > now + leeway) {
            return Err(wrong_time(format!("it {deed} {:.0} seconds from now", from - now)));
        }
    }
    Ok(())
}

/// A foreign value, short and on one line.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), |value| crate::text::shown(&value.to_string(), 100))
}

fn not_for_us(reason: String) -> OidcError {
    OidcError::NotForUs { reason }
}

fn wrong_time(reason: String) -> OidcError {
    OidcError::WrongTime { reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_000_000;

    fn verdict(change: impl FnOnce(&mut Map<String, Value>)) -> Result<String, OidcError> {
        let nonce = Credential::generate().unwrap();
        let claims = json!({
            "iss": "https://id.example.org", "aud": "lotse", "sub": "ada", "iat": NOW, "exp": NOW + 60,
            "nonce": nonce.encode(),
        });
        let Value::Object(mut claims) = claims else { panic!() };
        change(&mut claims);
        let expected = Expected {
            issuer: "https://id.example.org",
            client_id: "lotse",
            nonce: &nonce,
            leeway_seconds: 30,
        };
        check(&claims, expected, Timestamp::from_second(NOW).unwrap())
    }

    fn with(name: &'static str, value: Value) -> Result<String, OidcError> {
        verdict(|claims| {
            claims.insert(name.to_owned(), value);
        })
    }

    #[test]
    fn a_token_for_us_of_this_time_gives_its_subject() {
        assert_eq!(verdict(|_| ()).unwrap(), "ada");
        assert_eq!(with("aud", json!(["lotse"])).unwrap(), "ada");
        let several = verdict(|claims| {
            claims.insert("aud".to_owned(), json!(["other", "lotse"]));
            claims.insert("azp".to_owned(), json!("lotse"));
        });
        assert_eq!(several.unwrap(), "ada");
    }

    #[test]
    fn a_token_for_somebody_else_is_refused() {
        for (name, value, word) in [
            ("iss", json!("https://id.example.org/"), "issuer"),
            ("iss", json!(null), "issuer"),
            ("aud", json!("other"), "audience"),
            ("aud", json!([]), "audience"),
            ("aud", json!(["other", "lotse"]), "issued to missing"),
            ("azp", json!("other"), "issued to \"other\""),
            ("nonce", json!("x"), "nonce"),
            ("nonce", json!(null), "nonce"),
        ] {
            let error = with(name, value.clone()).unwrap_err();
            assert!(matches!(error, OidcError::NotForUs { .. }), "{name}: {value}: {error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn the_leeway_forgives_so_much_and_no_more() {
        assert!(with("exp", json!(NOW - 29)).is_ok() && with("iat", json!(NOW + 30)).is_ok());
        for (name, value, word) in [
            ("exp", json!(NOW - 30), "ended 30 seconds ago"),
            ("exp", json!(null), "does not say when it ends"),
            ("exp", json!("soon"), "does not say when it ends"),
            ("iat", json!(NOW + 31), "was made 31 seconds from now"),
            ("iat", json!(null), "does not say when it was made"),
            ("nbf", json!(NOW + 500), "begins 500 seconds from now"),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(matches!(error, OidcError::WrongTime { .. }), "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn the_word_of_the_provider_on_a_token_counts_for_this_client_and_this_time_only() {
        let now = Timestamp::from_second(NOW).unwrap();
        let of = |name: &str, value: Value| {
            let answer = json!({ "active": true, "client_id": "web", "sub": "sub-1",
                "exp": NOW + 60, "iss": "https://id.example.org", "token_type": "bearer" });
            let Value::Object(mut answer) = answer else { unreachable!() };
            answer.insert(name.to_owned(), value.clone());
            if value.is_null() {
                answer.remove(name);
            }
            introspected(&answer, ("https://id.example.org", "web"), 30, now)
        };
        let until = Timestamp::from_second(NOW + 60).unwrap();
        for name in ["iss", "token_type", "iat", "nbf"] {
            assert_eq!(of(name, Value::Null).unwrap(), ("sub-1".to_owned(), until), "{name}");
        }
        for (name, value) in [
            ("active", json!(false)),
            ("active", json!("true")),
            ("active", Value::Null),
            ("client_id", json!("lotse")),
            ("client_id", json!(["web"])),
            ("client_id", Value::Null),
            ("sub", Value::Null),
            ("iss", json!("https://id.example.org/")),
            ("token_type", json!("DPoP")),
            ("exp", Value::Null),
            ("exp", json!("soon")),
            ("exp", json!(NOW - 30)),
            ("nbf", json!(NOW + 31)),
            ("iat", json!(NOW + 31)),
        ] {
            assert!(of(name, value.clone()).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn a_subject_that_cannot_be_one_is_refused_and_shown_short() {
        for subject in ["", "a\nb", &"x".repeat(1 << 20)] {
            let error = with("sub", json!(subject)).unwrap_err().to_string();
            assert!(error.len() < 300 && !error.contains('\n'), "{error}");
        }
    }
}
