//! `anyOf` and `oneOf`: which alternative did the author mean?
//!
//! "None of these fits" helps nobody. The alternative that the author most likely meant is found (by
//! its tag, by the keys that are there, by the type, by the fewest complaints) and its complaints are
//! shown. Two alternatives that both fit are no mistake: what serde does with them is defined.

use serde_json::Value as Json;

use super::super::tree::{Node, Value};
use super::{Check, Complaint, Context, help};

impl<'a> Check<'a> {
    pub(super) fn alternatives(
        &mut self,
        node: &Node,
        schemas: impl Iterator<Item = &'a Json> + Clone,
        at: Context<'_>,
    ) {
        let mut best: Option<(usize, Vec<Complaint>)> = None;
        for schema in schemas.clone() {
            let complaints = self.apart(node, schema, at);
            if complaints.is_empty() {
                return;
            }
            let distance = self.distance(node, schema, complaints.len());
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, complaints));
            }
        }
        let scalar = matches!(node.value, Value::Scalar(_));
        let kinds: Vec<&str> = schemas
            .filter_map(|schema| self.resolved(schema).get("type"))
            .filter_map(Json::as_str)
            .collect();
        // Nothing has even the right type: name all the types.
        let hopeless = best.as_ref().is_some_and(|(distance, _)| *distance >= WRONG_KIND);
        if hopeless && kinds.len() > 1 {
            let format = None;
            let (message, help) = help::wrong_kind(node, &kinds, format, at.key);
            return self.complain(at.place, message, help.filter(|_| scalar));
        }
        self.out.extend(best.into_iter().flat_map(|(_, complaints)| complaints));
    }

    /// How far an alternative is from what stands there.
    fn distance(&self, node: &Node, schema: &'a Json, complaints: usize) -> usize {
        let schema = self.resolved(schema);
        let format = schema.get("format").and_then(Json::as_str);
        let fits = match schema.get("type") {
            Some(Json::String(kind)) => help::has_kind(node, kind, format),
            Some(Json::Array(kinds)) => {
                kinds.iter().filter_map(Json::as_str).any(|kind| help::has_kind(node, kind, format))
            }
            _ => true,
        };
        if !fits {
            return WRONG_KIND + complaints;
        }
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
            return complaints;
        };
        let mut distance = complaints;
        for (name, property) in properties {
            let constant = self.resolved(property).get("const");
            match (node.get(name), constant) {
                // An internal tag that is this alternative's, or another's.
                (Some(value), Some(constant)) if help::equals(value, constant) => {
                    distance = distance.saturating_sub(100);
                }
                (Some(_), Some(_)) => distance += 100,
                // The one key of an external tag.
                (Some(_), None) if properties.len() == 1 => {
                    distance = distance.saturating_sub(100);
                }
                _ => {}
            }
        }
        distance
    }
}

/// Distance of an alternative of another type.
const WRONG_KIND: usize = 100_000;
