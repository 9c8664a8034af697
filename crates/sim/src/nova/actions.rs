//! Actions on servers, and how the name of an action is found in a body.

use serde_json::Value;

use crate::fault_body::Fault;

/// The name of the action that a body asks for: its first key.
pub(crate) fn name_of(body: &Value) -> Result<&str, Fault> {
    let malformed = || Fault::bad("Malformed request body");
    let fields = body.as_object().ok_or_else(malformed)?;
    fields.keys().next().map(String::as_str).ok_or_else(malformed)
}
