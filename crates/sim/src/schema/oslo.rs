//! Values as the services read them where their schemas allow several forms (`oslo.utils.strutils`).

use serde_json::Value;

/// A text as a yes or no.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// A JSON value as a yes or no.
pub(crate) fn truth(value: &Value) -> bool {
    value.as_bool().or_else(|| value.as_str().and_then(flag)).unwrap_or(false)
}

/// A number, also when it is written as text.
pub(crate) fn count(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
