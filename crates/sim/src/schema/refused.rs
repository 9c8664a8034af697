//! What a schema refuses, in the words that Nova and Cinder share.

use serde_json::{Map, Value, json};

use super::{Complaint, check, python};
use crate::fault_body::Fault;
use crate::http::query::Query;

/// Checks a body by a schema.
pub(crate) fn fits(schema: &Value, body: &Value) -> Result<(), Fault> {
    check(schema, body).map_err(|complaint| {
        let name = complaint.path.last().cloned();
        fault(complaint, "field/attribute", name)
    })
}

/// Checks a query by a schema that sees it as an object of lists.
pub(crate) fn query_fits(schema: &Value, query: &Query) -> Result<(), Fault> {
    let mut seen = Map::new();
    for (name, value) in &query.0 {
        let entry = seen.entry(name.clone()).or_insert_with(|| json!([]));
        if let Value::Array(values) = entry {
            values.push(json!(value));
        }
    }
    check(schema, &Value::Object(seen)).map_err(|complaint| {
        let name = complaint.path.first().cloned();
        fault(complaint, "query parameters", name)
    })
}

fn fault(complaint: Complaint, place: &str, name: Option<String>) -> Fault {
    let Some(name) = name.filter(|_| !complaint.complete) else {
        return Fault::bad(complaint.message);
    };
    let value = match &complaint.value {
        Value::String(text) => text.clone(),
        other => python::repr(other),
    };
    Fault::bad(format!("Invalid input for {place} {name}. Value: {value}. {}", complaint.message))
}
