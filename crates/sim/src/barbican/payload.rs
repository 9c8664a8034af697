//! Payloads: which media types there are, what is checked of a new secret, how bytes go in and out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::fits;
use super::model::Payload;
use super::refusal::Refused;
use crate::keystone::model::Password;

/// Longer secrets are refused (`max_allowed_secret_in_bytes`).
pub(crate) const LONGEST: usize = 20_000;

const TEXT: &str = "text/plain";
const BINARY: &[&str] = &["application/octet-stream", "application/pkcs8"];

/// A media type as Barbican keeps it, if it is one that it knows.
pub(crate) fn media_type(given: &str) -> Option<&'static str> {
    let mut parts = given.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    if let Some(parameter) = parts.next() {
        let (_, charset) = parameter.split_once('=')?;
        if !charset.trim().eq_ignore_ascii_case("utf-8") {
            return None;
        }
    }
    [TEXT].iter().chain(BINARY).copied().find(|known| *known == kind)
}

/// Base64 as Python reads it: what is no digit of it is passed over.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let digits: String =
        text.chars().filter(|it| it.is_ascii_alphanumeric() || "+/=".contains(*it)).collect();
    STANDARD.decode(digits).ok()
}

/// A payload of these bytes.
pub(crate) fn sealed(content_type: &str, bytes: &[u8]) -> Payload {
    let content = Password(STANDARD.encode(bytes));
    Payload { content_type: content_type.to_owned(), content }
}

/// The bytes of a payload.
pub(crate) fn opened(payload: &Payload) -> Vec<u8> {
    STANDARD.decode(&payload.content.0).unwrap_or_default()
}

/// A time as ISO 8601 has it; without a zone it is UTC.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let forms = [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z")];
    forms.iter().find_map(|form| form.parse().ok())
}

const SCHEMA: &str = "Secret";

fn rules() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": ["string", "null"], "maxLength": 255},
            "algorithm": {"type": "string", "maxLength": 255},
            "mode": {"type": "string", "maxLength": 255},
            "bit_length": {"type": "integer", "minimum": 1, "maximum": 32767},
            "expiration": {"type": "string", "maxLength": 255},
            "payload": {"type": "string"},
            "secret_type": {"type": "string", "maxLength": 80, "enum": [
                "symmetric", "passphrase", "private", "public", "certificate", "opaque",
            ]},
            "payload_content_type": {"type": ["string", "null"], "maxLength": 255},
            "payload_content_encoding": {"type": "string", "maxLength": 255, "enum": ["base64"]},
            "transport_key_needed": {"type": "string", "enum": ["true", "false"]},
            "transport_key_id": {"type": "string"},
        },
    })
}

/// What was given for a new secret, after its checks.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) fields: Map<String, Value>,
    pub(crate) expiration: Option<Timestamp>,
    pub(crate) payload: Option<Payload>,
}

/// Checks the body that describes a new secret.
pub(crate) fn check(body: &Value, now: Timestamp) -> Result<Given, Refused> {
    let fields = fits(SCHEMA, &rules(), body)?;
    let wrong = |reason: &str, property: &str| Refused::schema(SCHEMA, reason, property);
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    let expiration = match text("expiration").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            Some(time(text).ok_or_else(|| wrong("Invalid date for 'expiration'", "expiration"))?)
        }
    };
    if expiration.is_some_and(|expiration| expiration <= now) {
        return Err(wrong("'expiration' is before current time", "expiration"));
    }
    let kind = text("payload_content_type");
    let Some(payload) = text("payload") else {
        if fields.contains_key("payload_content_type") {
            let reason = "payload must be provided when payload_content_type is specified";
            return Err(wrong(reason, "payload"));
        }
        return Ok(Given { fields, expiration, payload: None });
    };
    let kind = content_type(kind, text("payload_content_encoding"))?;
    if payload.len() > LONGEST {
        return Err(Refused::too_long());
    }
    if payload.is_empty() {
        return Err(wrong("If 'payload' specified, must be non empty", "payload"));
    }
    let bytes = if kind == TEXT {
        payload.as_bytes().to_vec()
    } else {
        let reason = "Invalid payload for payload_content_encoding";
        decoded(payload).ok_or_else(|| wrong(reason, "payload"))?
    };
    let payload = Some(sealed(kind, &bytes));
    Ok(Given { fields, expiration, payload })
}

/// Checks that the media type is known and goes with the encoding.
fn content_type(kind: Option<&str>, encoding: Option<&str>) -> Result<&'static str, Refused> {
    let wrong = |reason: &str, property: &str| Refused::schema(SCHEMA, reason, property);
    let Some(kind) = kind else {
        let reason = "If 'payload' is supplied, 'payload_content_type' must also be supplied.";
        return Err(wrong(reason, "payload_content_type"));
    };
    let known = media_type(kind).ok_or_else(|| {
        let reason = "payload_content_type is not one of ['text/plain', \
                      'text/plain;charset=utf-8', 'text/plain; charset=utf-8', \
                      'application/octet-stream', 'application/pkcs8']";
        wrong(reason, "payload_content_type")
    })?;
    let (fitting, encodings) = match known {
        TEXT => (encoding.is_none(), "None"),
        _ => (encoding.is_some(), "['base64', 'binary']"),
    };
    if !fitting {
        let reason = format!("payload_content_encoding is not one of {encodings}");
        return Err(wrong(&reason, "payload_content_encoding"));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_known_with_and_without_the_one_charset() {
        assert_eq!(media_type("text/plain"), Some("text/plain"));
        assert_eq!(media_type("Text/Plain; charset=UTF-8"), Some("text/plain"));
        assert_eq!(media_type("text/plain; charset=latin1"), None);
        assert_eq!(media_type("text/plain; utf-8"), None);
        assert_eq!(media_type("application/pkcs8"), Some("application/pkcs8"));
        assert_eq!(media_type("image/png"), None);
    }

    #[test]
    fn what_is_sealed_is_opened_again_and_not_shown() {
        let payload = sealed("application/octet-stream", b"\x00\xffsecret");
        assert_eq!(opened(&payload), b"\x00\xffsecret");
        let shown = format!("{payload:?}");
        assert!(!shown.contains(&payload.content.0), "{shown}");
    }

    #[test]
    fn times_without_a_zone_are_utc() {
        let wanted = "2120-01-01T00:00:00Z".parse().ok();
        for text in ["2120-01-01", "2120-01-01T00:00:00", "2120-01-01T02:00:00+02:00"] {
            assert_eq!(time(text), wanted, "{text}");
        }
        assert_eq!(time("tomorrow"), None);
        assert_eq!(time(""), None);
    }
}
