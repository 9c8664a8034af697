//! What a request may say of a resource: Neutron's attribute maps, and the checks of bodies by them.
//!
//! Every resource has a table of [`Attribute`]s. A body is checked by it in Neutron's order: whose it
//! is, unknown names, what may not be said here, what must be said, values. What comes out has all
//! attributes that have a default.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::keystone::caller::Caller;

/// An attribute of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// `P` may be posted, `U` may be updated, `F` may be filtered by, `S` may be sorted by, `E` has a
    /// policy rule of its own, `A` is set by administrators only, `N` by those who own the network.
    pub(crate) flags: &'static str,
    pub(crate) default: Otherwise,
    pub(crate) check: Check,
}

/// What an attribute is when the body does not say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Otherwise {
    Required,
    /// It stays unsaid.
    Unset,
    Null,
    Empty,
    True,
    False,
    Zero,
    Text(&'static str),
    EmptyList,
}

/// What values an attribute may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    Any,
    /// No longer than this.
    Text(usize),
    Bool,
    Int,
    /// An integer that is not negative.
    Natural,
    Uuid,
    UuidOrNull,
    IpOrNull,
    Mac,
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these numbers.
    Numbers(&'static [i64]),
    List,
    /// What this says is wrong with it.
    By(fn(&Value) -> Result<(), Refusal>),
}

/// Shorthand for a table.
pub(crate) const fn attribute(
    name: &'static str,
    flags: &'static str,
    default: Otherwise,
    check: Check,
) -> Attribute {
    Attribute { name, flags, default, check }
}

/// Attributes that every resource has.
const COMMON: &[Attribute] = &[
    attribute("tenant_id", "PFS", Otherwise::Unset, Check::Text(255)),
    attribute("project_id", "PFS", Otherwise::Unset, Check::Text(255)),
    attribute("id", "FS", Otherwise::Unset, Check::Any),
    attribute("created_at", "", Otherwise::Unset, Check::Any),
    attribute("updated_at", "", Otherwise::Unset, Check::Any),
    attribute("revision_number", "F", Otherwise::Unset, Check::Any),
    attribute("tags", "", Otherwise::Unset, Check::Any),
];

impl Attribute {
    pub(crate) fn is(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

/// The attribute of this name.
pub(crate) fn find(table: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    table.iter().chain(COMMON).find(|attribute| attribute.name == name)
}

/// A value as Python writes it into messages.
pub(crate) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => python_inner(other),
    }
}

/// A value as Python writes it within a list or an object.
pub(crate) fn python_inner(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(python_inner).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("'{name}': {}", python_inner(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Number(number) => number.to_string(),
        other => python(other),
    }
}

/// A truth value as Neutron reads it.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(value) => Some(i64::from(*value)),
        _ => None,
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split(':').collect();
    bytes.len() == 6
        && bytes.iter().all(|it| it.len() == 2 && u8::from_str_radix(it, 16).is_ok())
        && text != "00:00:00:00:00:00"
}

impl Check {
    /// Brings a value into its form if it has one, or refuses.
    pub(crate) fn convert(self, value: &mut Value) -> Result<(), Refusal> {
        let text = python(value);
        match self {
            Self::Bool => match boolean(value) {
                Some(truth) => *value = json!(truth),
                None => {
                    return Err(Refusal::input(&format!(
                        "'{text}' cannot be converted to boolean"
                    )));
                }
            },
            Self::Int | Self::Natural | Self::Numbers(_) => match integer(value) {
                Some(number) => *value = json!(number),
                None => return Err(Refusal::input(&format!("'{text}' is not an integer"))),
            },
            _ => {}
        }
        Ok(())
    }

    /// Brings a value into its form, or says what is wrong with it.
    fn apply(self, name: &str, value: &mut Value) -> Result<(), Refusal> {
        let text = python(value);
        let wrong = |reason: String| Err(Refusal::value(name, &reason));
        self.convert(value)?;
        if matches!(self, Self::UuidOrNull | Self::IpOrNull) && value.is_null() {
            return Ok(());
        }
        let said = value.as_str();
        match self {
            Self::Text(_) if said.is_none() => wrong(format!("'{text}' is not a valid string")),
            Self::Text(most) if text.chars().count() > most => {
                wrong(format!("'{text}' exceeds maximum length of {most}"))
            }
            Self::Natural if value.as_i64().is_some_and(|it| it < 0) => {
                wrong(format!("'{}' should be non-negative", python(value)))
            }
            Self::Numbers(numbers) if !value.as_i64().is_some_and(|it| numbers.contains(&it)) => {
                wrong(format!("{} is not in valid_values", python(value)))
            }
            Self::Words(words) if !said.is_some_and(|it| words.contains(&it)) => {
                wrong(format!("{text} is not in valid_values"))
            }
            Self::Uuid | Self::UuidOrNull if !said.is_some_and(is_uuid) => {
                wrong(format!("'{text}' is not a valid UUID"))
            }
            Self::IpOrNull if said.is_none_or(|it| it.parse::<IpAddr>().is_err()) => {
                wrong(format!("'{text}' is not a valid IP address"))
            }
            Self::Mac if !said.is_some_and(is_mac) => {
                wrong(format!("'{text}' is not a valid MAC address"))
            }
            Self::By(check) => check(value),
            Self::List if !value.is_array() => wrong(format!("'{text}' is not a list")),
            _ => Ok(()),
        }
    }
}

/// What a body asks for: one resource, or several at once.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) items: Vec<Map<String, Value>>,
    pub(crate) bulk: bool,
}

/// Names of a kind of resource, in singular and plural.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
}

/// Reads and checks a body.
pub(crate) fn prepare(
    body: &[u8],
    kind: Kind,
    table: &'static [Attribute],
    create: bool,
    caller: &Caller,
) -> Result<Wanted, Refusal> {
    let absent = || Refusal::bad(format!("Unable to find '{}' in request body", kind.one));
    if body.is_empty() {
        return Err(absent());
    }
    let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(body) else {
        return Err(Refusal::bad("Body contains invalid data"));
    };
    if let Some(list) = body.remove(kind.many) {
        if !create {
            return Err(Refusal::bad("Bulk operation not supported"));
        }
        let Value::Array(list) = list else {
            return Err(Refusal::bad("Body contains invalid data"));
        };
        if list.is_empty() {
            return Err(Refusal::bad("Resources required"));
        }
        let items = list.into_iter().map(|mut item| {
            let inner = item.as_object_mut().and_then(|item| item.remove(kind.one));
            one(inner.unwrap_or(item), kind, table, create, caller)
        });
        return Ok(Wanted { items: items.collect::<Result<_, _>>()?, bulk: true });
    }
    let item = body.remove(kind.one).ok_or_else(absent)?;
    Ok(Wanted { items: vec![one(item, kind, table, create, caller)?], bulk: false })
}

/// Checks one resource of a body.
fn one(
    item: Value,
    kind: Kind,
    table: &'static [Attribute],
    create: bool,
    caller: &Caller,
) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(mut item) = item else {
        return Err(match item {
            Value::Null => Refusal::bad(format!("Unable to find '{}' in request body", kind.one)),
            _ => Refusal::bad(format!("Object '{}' contains invalid data", kind.one)),
        });
    };
    owner(&mut item, create, caller)?;
    let unknown: Vec<&str> =
        item.keys().map(String::as_str).filter(|name| find(table, name).is_none()).collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))));
    }
    for attribute in table.iter().chain(COMMON) {
        let said = item.contains_key(attribute.name);
        if said && !attribute.is(if create { 'P' } else { 'U' }) {
            return Err(Refusal::bad(if create {
                format!("Attribute '{}' not allowed in POST", attribute.name)
            } else {
                format!("Cannot update read-only attribute {}", attribute.name)
            }));
        }
        if create && !said {
            fill(&mut item, attribute)?;
        }
    }
    for attribute in table {
        if let Some(value) = item.get_mut(attribute.name) {
            let is_default = attribute.default == Otherwise::Null && value.is_null();
            if !is_default {
                attribute.check.apply(attribute.name, value)?;
            }
        }
    }
    Ok(item)
}

fn fill(item: &mut Map<String, Value>, attribute: &Attribute) -> Result<(), Refusal> {
    let value = match attribute.default {
        Otherwise::Required => {
            return Err(Refusal::bad(format!(
                "Failed to parse request. Required attribute '{}' not specified",
                attribute.name
            )));
        }
        Otherwise::Unset => return Ok(()),
        Otherwise::Null => Value::Null,
        Otherwise::Empty => json!(""),
        Otherwise::True => json!(true),
        Otherwise::False => json!(false),
        Otherwise::Zero => json!(0),
        Otherwise::Text(text) => json!(text),
        Otherwise::EmptyList => json!([]),
    };
    item.insert(attribute.name.to_owned(), value);
    Ok(())
}

/// Whose the resource is: the caller's own unless an administrator says otherwise.
fn owner(item: &mut Map<String, Value>, create: bool, caller: &Caller) -> Result<(), Refusal> {
    let said = item.get("project_id").or_else(|| item.get("tenant_id")).cloned();
    if let Some(said) = &said {
        let own = said.as_str().is_some() && said.as_str() == caller.project();
        if !own && !caller.is_admin() {
            return Err(Refusal::bad(
                "Specifying 'project_id' or 'tenant_id' other than the authenticated project in \
                 request requires admin or advsvc privileges",
            ));
        }
    }
    let project = match (said, create) {
        (Some(said), _) => said,
        (None, true) => json!(caller.project().unwrap_or_default()),
        (None, false) => return Ok(()),
    };
    item.insert("project_id".to_owned(), project.clone());
    item.insert("tenant_id".to_owned(), project);
    Ok(())
}

/// Whether a value is the one the attribute has anyway, so that its policy rule is not asked.
pub(crate) fn is_default(attribute: &Attribute, value: &Value) -> bool {
    match attribute.default {
        Otherwise::Required | Otherwise::Unset => false,
        Otherwise::Null => value.is_null(),
        Otherwise::Empty => value == "",
        Otherwise::True => *value == json!(true),
        Otherwise::False => *value == json!(false),
        Otherwise::Zero => *value == json!(0),
        Otherwise::Text(text) => *value == json!(text),
        Otherwise::EmptyList => *value == json!([]),
    }
}

/// The rule of the policy that a change is checked by, as refusals name it: the action, and every
/// attribute (and part of an attribute) that has a rule of its own.
pub(crate) fn rule(
    action: &str,
    table: &[Attribute],
    item: &Map<String, Value>,
    create: bool,
) -> String {
    let mut rule = format!("rule:{action}");
    for attribute in table.iter().filter(|attribute| attribute.is('E')) {
        let Some(value) = item.get(attribute.name) else { continue };
        if create && is_default(attribute, value) {
            continue;
        }
        let own = format!("rule:{action}:{}", attribute.name);
        let parts: Vec<&String> = match value {
            Value::Array(list) => {
                list.iter().filter_map(Value::as_object).flat_map(Map::keys).collect()
            }
            Value::Object(fields) if attribute.name == "external_gateway_info" => {
                fields.keys().collect()
            }
            _ => Vec::new(),
        };
        let own = if parts.is_empty() {
            own
        } else {
            let parts: Vec<String> = parts.iter().map(|part| format!("{own}:{part}")).collect();
            format!("({own} and ({}))", parts.join(" and "))
        };
        rule = format!("({rule} and {own})");
    }
    rule
}
