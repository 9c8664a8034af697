//! What Keystone's JSON schemas ask of the properties of a body, and how it complains.
//!
//! Keystone answers with the whole text of the complaint, which ends with a dump of the schema; the
//! dump is left out here.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::glance::python;

/// What the value of a property must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A text of so many characters, null allowed or not.
    Text {
        null: bool,
        least: usize,
        most: usize,
    },
    /// An id: letters, digits and dashes.
    Id {
        null: bool,
    },
    /// A name: at least one character that is no space.
    Name {
        most: usize,
    },
    Flag,
    /// A number no less than this, null allowed or not.
    Integer {
        null: bool,
        least: i64,
    },
    OneOf(&'static [&'static str]),
    /// Different texts without comma and slash.
    Tags,
    Object,
    List,
}

/// Text of any length.
pub(crate) const TEXT: Kind = Kind::Text { null: false, least: 0, most: usize::MAX };
/// Text of any length or null.
pub(crate) const NULLABLE: Kind = Kind::Text { null: true, least: 0, most: usize::MAX };

/// Properties by name.
pub(crate) type Properties = &'static [(&'static str, Kind)];

/// Checks what the client sent for a new thing.
pub(crate) fn check_new(
    given: &Map<String, Value>,
    properties: Properties,
    required: &[&str],
) -> Result<(), Refusal> {
    check(given, properties)?;
    match required.iter().find(|name| !given.contains_key(**name)) {
        Some(name) => Err(Refusal::missing(name)),
        None => Ok(()),
    }
}

/// Checks what the client sent for a change.
pub(crate) fn check_change(
    given: &Map<String, Value>,
    properties: Properties,
) -> Result<(), Refusal> {
    check(given, properties)?;
    if given.is_empty() {
        return Err(Refusal::bad("{} does not have enough properties"));
    }
    Ok(())
}

/// Checks the properties that are there.
pub(crate) fn check(given: &Map<String, Value>, properties: Properties) -> Result<(), Refusal> {
    for (name, kind) in properties {
        if let Some(value) = given.get(*name) {
            kind.check(value).map_err(|(within, problem)| {
                Refusal::bad(format!("Invalid input for field '{name}{within}': {problem}"))
            })?;
        }
    }
    Ok(())
}

/// Where within the value, and what is wrong there.
type Problem = (String, String);

impl Kind {
    pub(crate) fn check(&self, value: &Value) -> Result<(), Problem> {
        let here = |problem: String| Err((String::new(), problem));
        match self {
            Self::Text { null: true, .. }
            | Self::Id { null: true }
            | Self::Integer { null: true, .. }
                if value.is_null() =>
            {
                Ok(())
            }
            Self::Text { null, least, most } => match value {
                Value::String(text) => length(text, *least, *most),
                other => here(wrong_type(other, &["string", "null"][..=usize::from(*null)])),
            },
            Self::Id { null } => match value {
                Value::String(text) => {
                    length(text, 1, 64)?;
                    let plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
                    if text.chars().all(plain) {
                        return Ok(());
                    }
                    here(format!("{} does not match '^[a-zA-Z0-9-]+$'", python(value)))
                }
                other => here(wrong_type(other, &["string", "null"][..=usize::from(*null)])),
            },
            Self::Name { most } => match value {
                Value::String(text) => {
                    length(text, 1, *most)?;
                    if text.chars().any(|it| !it.is_whitespace()) {
                        return Ok(());
                    }
                    here(format!("{} does not match '[\\\\S]+'", python(value)))
                }
                other => here(wrong_type(other, &["string"])),
            },
            Self::Flag if value.is_boolean() => Ok(()),
            Self::Flag => here(wrong_type(value, &["boolean"])),
            Self::Integer { null, least } => match value.as_i64() {
                Some(number) if number >= *least => Ok(()),
                Some(number) => here(format!("{number} is less than the minimum of {least}")),
                None => here(wrong_type(value, &["integer", "null"][..=usize::from(*null)])),
            },
            Self::OneOf(values) => match value {
                Value::String(text) if values.contains(&text.as_str()) => Ok(()),
                Value::String(_) => {
                    let all: Vec<String> = values.iter().map(|it| format!("'{it}'")).collect();
                    here(format!("{} is not one of [{}]", python(value), all.join(", ")))
                }
                other => here(wrong_type(other, &["string"])),
            },
            Self::Tags => tags(value),
            Self::Object if value.is_object() => Ok(()),
            Self::Object => here(wrong_type(value, &["object"])),
            Self::List if value.is_array() => Ok(()),
            Self::List => here(wrong_type(value, &["array"])),
        }
    }
}

fn length(text: &str, least: usize, most: usize) -> Result<(), Problem> {
    let count = text.chars().count();
    let problem = match count {
        _ if count < least => "short",
        _ if count > most => "long",
        _ => return Ok(()),
    };
    Err((String::new(), format!("{} is too {problem}", python(&Value::from(text)))))
}

fn tags(value: &Value) -> Result<(), Problem> {
    let Value::Array(list) = value else {
        return Err((String::new(), wrong_type(value, &["array"])));
    };
    for (at, tag) in list.iter().enumerate() {
        tag_problem(tag).map_err(|problem| (format!("/{at}"), problem))?;
    }
    let problem = if list.len() > 80 {
        "is too long"
    } else if list.iter().enumerate().any(|(at, tag)| list[..at].contains(tag)) {
        "has non-unique elements"
    } else {
        return Ok(());
    };
    Err((String::new(), format!("{} {problem}", python(value))))
}

/// What is wrong with a tag.
pub(crate) fn tag_problem(tag: &Value) -> Result<(), String> {
    let Value::String(text) = tag else { return Err(wrong_type(tag, &["string"])) };
    length(text, 1, 255).map_err(|(_, problem)| problem)?;
    if text.contains([',', '/']) {
        return Err(format!("{} does not match '^[^,/]*$'", python(tag)));
    }
    Ok(())
}

fn wrong_type(value: &Value, wanted: &[&str]) -> String {
    let wanted: Vec<String> = wanted.iter().map(|name| format!("'{name}'")).collect();
    format!("{} is not of type {}", python(value), wanted.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(kind: Kind, value: &Value) -> Option<String> {
        kind.check(value).err().map(|(within, problem)| format!("{within} {problem}"))
    }

    #[test]
    fn complaints_are_those_of_the_schema_library() {
        let name = Kind::Name { most: 3 };
        assert_eq!(problem(name, &json!("abc")), None);
        assert_eq!(problem(name, &json!("abcd")).as_deref(), Some(" 'abcd' is too long"));
        assert_eq!(problem(name, &json!("")).as_deref(), Some(" '' is too short"));
        assert_eq!(problem(name, &json!(1)).as_deref(), Some(" 1 is not of type 'string'"));
        assert_eq!(problem(NULLABLE, &json!(null)), None);
        let flag = problem(Kind::Flag, &json!("yes"));
        assert_eq!(flag.as_deref(), Some(" 'yes' is not of type 'boolean'"));
        let tags = problem(Kind::Tags, &json!(["a", "b,c"]));
        assert_eq!(tags.as_deref(), Some("/1 'b,c' does not match '^[^,/]*$'"));
        let twice = problem(Kind::Tags, &json!(["a", "a"]));
        assert_eq!(twice.as_deref(), Some(" ['a', 'a'] has non-unique elements"));
    }
}
