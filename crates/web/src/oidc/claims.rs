//! Name and roles of a person, found in what the provider says of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::access::Role;
use crate::text::shown;

/// A name on a page has so many characters at most.
const LONGEST_NAME: usize = 100;

/// The value at a path with dots between levels. A claim whose own name has dots is found, too.
pub(crate) fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// The words of a claim: a list of them, or one text with spaces between them.
pub(crate) fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The roles that these words grant, smallest first.
pub(crate) fn roles(words: &[&str], grants: &BTreeMap<String, Vec<Role>>) -> Vec<Role> {
    let granted: BTreeSet<Role> =
        words.iter().filter_map(|word| grants.get(*word)).flatten().copied().collect();
    granted.into_iter().collect()
}

/// The name for people; the subject when the claim is missing or empty.
pub(crate) fn name(claims: &Map<String, Value>, claim: &str, subject: &str) -> String {
    let candidates = [claim, "preferred_username", "email", "name"];
    let found = candidates
        .into_iter()
        .filter_map(|claim| find(claims, claim)?.as_str())
        .find(|name| !name.trim().is_empty());
    shown(found.unwrap_or(subject), LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("{value}") };
        object
    }

    #[test]
    fn a_claim_is_found_on_any_level_and_under_a_name_with_dots() {
        let claims = object(json!({
            "realm_access": {"roles": ["a"]}, "https://example.org/groups": ["b"], "groups": "c d",
        }));
        let of = |path: &str| find(&claims, path).map(words);
        assert_eq!(of("realm_access.roles").unwrap(), ["a"]);
        assert_eq!(of("https://example.org/groups").unwrap(), ["b"]);
        assert_eq!(of("groups").unwrap(), ["c", "d"]);
        for missing in ["", ".", "groups.x", "realm_access.", "realm_access.roles.0"] {
            assert_eq!(of(missing), None, "{missing}");
        }
    }

    #[test]
    fn only_words_that_are_granted_something_count() {
        let grants = BTreeMap::from([
            ("staff".to_owned(), vec![Role::Operator, Role::Viewer]),
            ("root".to_owned(), vec![Role::Admin]),
        ]);
        assert_eq!(roles(&["staff", "admin", "staff "], &grants), [Role::Viewer, Role::Operator]);
        assert_eq!(roles(&["root", "staff"], &grants).last(), Some(&Role::Admin));
        assert_eq!(roles(&["admin", "viewer"], &grants), [], "the provider's words are not ours");
    }

    #[test]
    fn a_hostile_name_is_made_harmless_and_a_missing_one_replaced() {
        let name_of = |value: Value| name(&object(json!({ "name": value })), "nick", "sub-1");
        assert_eq!(name_of(json!("Ada")), "Ada");
        assert_eq!(name_of(json!(" ")), "sub-1");
        assert_eq!(name_of(json!(["x"])), "sub-1");
        assert_eq!(name_of(json!("a\u{202e}\u{0}b")), "a\u{fffd}\u{fffd}b");
        assert!(name_of(json!("x".repeat(1 << 20))).chars().count() <= LONGEST_NAME + 1);
    }
}
