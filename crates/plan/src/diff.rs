//! What differs between two objects, field by field.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::Change;

/// What stands in a plan instead of a secret value.
pub const SECRET: &str = "(secret)";

/// The differing fields, in the order of `after`, then those only in `before`.
///
/// Objects within objects become dotted fields, lists are compared whole, and `null` is the same as
/// absent.
pub fn fields(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Change> {
    Differ::default().fields(before, after)
}

/// A comparison with rules.
#[derive(Clone, Debug, Default)]
pub struct Differ {
    secret: BTreeSet<String>,
    only_declared: bool,
}

impl Differ {
    /// The values of this field (dotted) and of fields below it show as `(secret)`.
    #[must_use]
    pub fn secret(mut self, field: impl Into<String>) -> Self {
        self.secret.insert(field.into());
        self
    }

    /// Fields that `after` does not mention are somebody else's and stay as they are.
    #[must_use]
    pub const fn only_declared(mut self) -> Self {
        self.only_declared = true;
        self
    }

    /// The differing fields; see [`fields`].
    pub fn fields(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Change> {
        let mut changes = Vec::new();
        self.walk("", before, after, false, &mut changes);
        changes
    }

    fn walk(
        &self,
        prefix: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        secret: bool,
        changes: &mut Vec<Change>,
    ) {
        let only_before =
            before.keys().filter(|&key| !self.only_declared && !after.contains_key(key));
        for key in after.keys().chain(only_before) {
            let field = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            let secret = secret || self.secret.contains(&field);
            let was = before.get(key).unwrap_or(&Value::Null);
            let will = after.get(key).unwrap_or(&Value::Null);
            match (was, will) {
                (was, will) if was == will => {}
                (Value::Object(was), Value::Object(will)) => {
                    self.walk(&field, was, will, secret, changes);
                }
                // An object that comes or goes shows its fields too.
                (Value::Null, Value::Object(will)) if !will.is_empty() => {
                    self.walk(&field, &Map::new(), will, secret, changes);
                }
                (Value::Object(was), Value::Null) if !was.is_empty() => {
                    self.walk(&field, was, &Map::new(), secret, changes);
                }
                (was, will) => changes.push(Change {
                    field,
                    before: shown(was, secret),
                    after: shown(will, secret),
                }),
            }
        }
    }
}

/// That a secret comes or goes may be seen, what it is may not.
fn shown(value: &Value, secret: bool) -> Value {
    if secret && !value.is_null() { Value::from(SECRET) } else { value.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn nested_fields_are_dotted_and_lists_are_whole() {
        let before =
            map(json!({"min_disk": 1, "tags": ["a"], "properties": {"os": "debian", "v": "1"}}));
        let after = map(
            json!({"properties": {"v": "2", "os": "debian"}, "tags": ["a", "b"], "min_disk": 1}),
        );
        assert_eq!(
            fields(&before, &after),
            [
                Change::new("properties.v", "1", "2"),
                Change::new("tags", json!(["a"]), json!(["a", "b"])),
            ]
        );
    }

    #[test]
    fn absent_and_null_are_the_same() {
        assert_eq!(fields(&map(json!({"a": null})), &map(json!({"b": null}))), []);
        let gone = fields(&map(json!({"a": 1, "b": {"c": 2}})), &map(json!({})));
        assert_eq!(gone, [Change::new("a", 1, Value::Null), Change::new("b.c", 2, Value::Null)]);
    }

    #[test]
    fn undeclared_fields_stay_when_only_the_declared_ones_count() {
        let before = map(json!({"mine": 1, "theirs": 2, "p": {"mine": 1, "theirs": 2}}));
        let after = map(json!({"mine": 3, "p": {"mine": 1}}));
        let changes = Differ::default().only_declared().fields(&before, &after);
        assert_eq!(changes, [Change::new("mine", 1, 3)]);
    }

    #[test]
    fn secrets_never_show_their_values_at_any_depth() {
        let before = map(json!({"password": "value-old", "auth": {"token": "value-o2"}}));
        let after =
            map(json!({"password": "value-new", "auth": {"token": "value-n2"}, "key": "value-k"}));
        let differ = Differ::default().secret("password").secret("auth").secret("key");
        let changes = differ.fields(&before, &after);
        let text = serde_json::to_string(&changes).unwrap();
        assert!(!text.contains("value-"), "{text}");
        assert_eq!(changes.len(), 3);
        assert_eq!(changes[2], Change::new("key", Value::Null, SECRET));
    }
}
