//! Reading bodies: JSON, fields, values, in the order and words of Octavia's web framework.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::attribute::{Check, Field, Otherwise};
use super::model::Kind;
use super::refusal::Refusal;
use crate::schema::python;

/// What a body says.
pub(crate) type Says = Map<String, Value>;

/// What a body is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Create,
    Update,
    /// To be created together with a load balancer.
    Within,
}

impl Purpose {
    fn allows(self, field: &Field) -> bool {
        let has = |flag: char| field.flags.contains(flag);
        match self {
            Self::Create => has('P') || has('M') || has('O'),
            Self::Update => has('U'),
            Self::Within => (has('P') || has('M') || has('O')) && !has('N'),
        }
    }
}

/// The JSON of a body, of which messages speak as `argument`.
pub(crate) fn json(body: &[u8], argument: &str) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Err(Refusal::bad(format!("Missing argument: \"{argument}\"")));
    }
    serde_json::from_slice(body).map_err(|_| Refusal::bad("Request is not in valid JSON format"))
}

/// Python's complaint about a value that has no fields.
fn no_keys(value: &Value) -> Refusal {
    let kind = match value {
        Value::Array(_) => "list",
        Value::String(_) => "str",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::Null | Value::Object(_) => "NoneType",
    };
    Refusal::server(format!("'{kind}' object has no attribute 'keys'"))
}

/// The object under a name, which is all that a body may hold; `missing` is the attribute that
/// Octavia looks for first and does not find when there is none.
pub(crate) fn unwrap(
    body: &Value,
    argument: &str,
    name: &str,
    missing: &str,
) -> Result<Value, Refusal> {
    let nothing =
        |kind: &str| Refusal::server(format!("'{kind}' object has no attribute '{missing}'"));
    let fields = match body {
        Value::Null => return Err(nothing("NoneType")),
        Value::Object(fields) => fields,
        other => return Err(no_keys(other)),
    };
    let unknown: Vec<&str> = fields.keys().map(String::as_str).filter(|it| *it != name).collect();
    refuse_unknown(argument, &unknown)?;
    match fields.get(name) {
        None => Err(nothing("UnsetType")),
        Some(Value::Null) => Err(nothing("NoneType")),
        Some(inner) => Ok(inner.clone()),
    }
}

fn refuse_unknown(path: &str, unknown: &[&str]) -> Result<(), Refusal> {
    if unknown.is_empty() {
        return Ok(());
    }
    let plural = if unknown.len() > 1 { "s" } else { "" };
    let names = unknown.join(", ");
    Err(Refusal::bad(format!("Unknown attribute{plural} for argument {path}: {names}")))
}

/// What went wrong with a value.
enum Wrong {
    /// A field may not have it: name, value, problem.
    Field(String, String, String),
    /// The whole body is at fault: problem.
    Body(String),
    Other(Refusal),
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal)
    }
}

/// A value as `str()` shows it.
pub(crate) fn display(value: &Value) -> String {
    value.as_str().map_or_else(|| python::repr(value), str::to_owned)
}

/// Reads and checks the body for one part.
pub(crate) fn read(body: &[u8], kind: Kind, purpose: Purpose) -> Result<Says, Refusal> {
    let argument = kind.argument(purpose == Purpose::Create);
    let whole = json(body, argument)?;
    let missing = match (kind, purpose) {
        (Kind::LoadBalancer, Purpose::Update) => "vip_qos_policy_id",
        (Kind::Listener | Kind::Pool, Purpose::Create) => "loadbalancer_id",
        (Kind::HealthMonitor, Purpose::Create) => "pool_id",
        (Kind::L7Policy, Purpose::Create) => "listener_id",
        _ => "project_id",
    };
    let inner = unwrap(&whole, argument, kind.one(), missing)?;
    let path = format!("{argument}.{}", kind.one());
    object(&inner, kind, purpose, &path).map_err(|wrong| blame(wrong, argument, &whole))
}

/// Reads and checks the body that names all members of a pool.
pub(crate) fn members(body: &[u8]) -> Result<Vec<Says>, Refusal> {
    let argument = "members_";
    let whole = json(body, argument)?;
    let inner = unwrap(&whole, argument, "members", "members")?;
    let Value::Array(list) = &inner else {
        let problem = format!("Value not a valid list: {}", display(&inner));
        return Err(Refusal::field(argument, display(&whole), &problem));
    };
    list.iter()
        .map(|member| {
            object(member, Kind::Member, Purpose::Create, "members_.members")
                .map_err(|wrong| blame(wrong, argument, &whole))
        })
        .collect()
}

fn blame(wrong: Wrong, argument: &str, whole: &Value) -> Refusal {
    match wrong {
        Wrong::Field(name, value, problem) => Refusal::field(&name, value, &problem),
        Wrong::Body(problem) => Refusal::field(argument, display(whole), &problem),
        Wrong::Other(refusal) => refusal,
    }
}

fn object(value: &Value, kind: Kind, purpose: Purpose, path: &str) -> Result<Says, Wrong> {
    let fields = value.as_object().ok_or_else(|| no_keys(value))?;
    let allowed = || kind.fields().iter().filter(|field| purpose.allows(field));
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|name| !allowed().any(|field| field.name == *name))
        .collect();
    refuse_unknown(path, &unknown)?;
    let mut says = Says::new();
    for field in allowed() {
        match fields.get(field.name) {
            // Pools within a load balancer may be named only; they are looked at later.
            None if field.flags.contains('M')
                && purpose != Purpose::Update
                && !(kind == Kind::Pool && purpose == Purpose::Within) =>
            {
                let problem = "Mandatory field missing.".to_owned();
                return Err(Wrong::Field(field.name.to_owned(), "None".to_owned(), problem));
            }
            None => {}
            Some(Value::Null) => {
                says.insert(field.name.to_owned(), Value::Null);
            }
            Some(value) => {
                let path = format!("{path}.{}", field.name);
                says.insert(field.name.to_owned(), check(field, value, &path)?);
            }
        }
    }
    if let Some(tenant) = says.remove("tenant_id") {
        says.entry("project_id").or_insert(tenant);
    }
    Ok(says)
}

/// Fills in what a body does not say and has a default.
pub(crate) fn fill(says: &mut Says, kind: Kind) {
    for field in kind.fields() {
        let nested =
            field.flags.contains('O') || matches!(field.check, Check::Parts(_) | Check::Part(_));
        if nested || says.contains_key(field.name) {
            continue;
        }
        let value = match field.default {
            Otherwise::Null => Value::Null,
            Otherwise::True => json!(true),
            Otherwise::False => json!(false),
            Otherwise::Number(number) => json!(number),
            Otherwise::Text(text) => json!(text),
            Otherwise::EmptyMap => json!({}),
        };
        says.insert(field.name.to_owned(), value);
    }
}

fn check(field: &Field, value: &Value, path: &str) -> Result<Value, Wrong> {
    scalar(field.check, value, path).map_err(|wrong| match wrong {
        Wrong::Field(name, _, problem) if name.is_empty() => {
            Wrong::Field(field.name.to_owned(), display(value), problem)
        }
        other => other,
    })
}

/// A field may not have a value: the name is filled in by [`check`].
fn wrong<T>(problem: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Field(String::new(), String::new(), problem.into()))
}

fn scalar(check: Check, value: &Value, path: &str) -> Result<Value, Wrong> {
    match check {
        Check::Text(most) => text(value, most),
        Check::Form(form) => {
            let text = text(value, 255)?;
            let fits =
                Regex::new(form).is_ok_and(|form| form.is_match(text.as_str().unwrap_or("")));
            if fits { Ok(text) } else { wrong(format!("Value should match the pattern {form}")) }
        }
        Check::Bool => boolean(value),
        Check::Int(least, most) => integer(value, least, most),
        Check::Number => integer(value, i64::MIN, i64::MAX),
        Check::Uuid => {
            let text = value.as_str().unwrap_or_default();
            let id = uuid::Uuid::parse_str(text);
            id.map(|id| json!(id.to_string())).or_else(|_| wrong("Value should be UUID format"))
        }
        Check::Ip => {
            let fits = value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok());
            if fits { Ok(value.clone()) } else { wrong("Value should be IPv4 or IPv6 format") }
        }
        Check::Words(words) => {
            one_of(value, words.iter().map(|word| json!(word)), &words.join(", "))
        }
        Check::Numbers(numbers) => {
            let list: Vec<String> = numbers.iter().map(i64::to_string).collect();
            let value = integer(value, i64::MIN, i64::MAX)?;
            one_of(&value, numbers.iter().map(|number| json!(number)), &list.join(", "))
        }
        Check::HttpVersion => {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            match number {
                Some(number) if (number - 1.0).abs() < 1e-9 => Ok(json!(1.0)),
                Some(number) if (number - 1.1).abs() < 1e-9 => Ok(json!(1.1)),
                _ => wrong("Value should be one of: 1.0, 1.1"),
            }
        }
        Check::Texts(most) => texts(value, most),
        Check::Alpn => {
            let known = ["http/1.0", "http/1.1", "h2"];
            let list = list(value)?;
            if list.iter().all(|item| known.iter().any(|known| item == known)) {
                Ok(value.clone())
            } else {
                wrong("Value should be a valid ALPN protocol ID")
            }
        }
        Check::Cidrs => cidrs(value),
        Check::Headers => headers(value),
        Check::Url => {
            let fits = value.as_str().is_some_and(is_url);
            if fits { Ok(value.clone()) } else { wrong("Value must be a valid URL string") }
        }
        Check::UrlPath => {
            let fits = value.as_str().is_some_and(|text| {
                text.starts_with('/') && !text.contains(|c: char| c.is_whitespace() || c == '?')
            });
            if fits { Ok(value.clone()) } else { wrong("Value must be a valid URL Path string") }
        }
        Check::Persistence => persistence(value, path),
        Check::Vips => {
            let list = list(value)?;
            list.iter()
                .map(|vip| vip.as_object().map(|_| vip.clone()).ok_or_else(|| no_keys(vip).into()))
                .collect()
        }
        Check::Part(kind) => object(value, kind, Purpose::Within, path).map(Value::Object),
        Check::Parts(kind) => {
            let parts = list(value)?.iter();
            parts.map(|part| object(part, kind, Purpose::Within, path).map(Value::Object)).collect()
        }
    }
}

fn text(value: &Value, most: usize) -> Result<Value, Wrong> {
    match value.as_str() {
        None => wrong("Value should be string"),
        Some(text) if text.chars().count() > most => {
            wrong(format!("Value should have a maximum character requirement of {most}"))
        }
        Some(_) => Ok(value.clone()),
    }
}

fn boolean(value: &Value) -> Result<Value, Wrong> {
    let truth = match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    truth
        .map(|truth| json!(truth))
        .ok_or_else(|| Wrong::Body(format!("Value not an unambiguous boolean: {}", display(value))))
}

fn integer(value: &Value, least: i64, most: i64) -> Result<Value, Wrong> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::Bool(truth) => Some(i64::from(*truth)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        let shown = python::repr(value);
        return Err(Wrong::Body(format!("invalid literal for int() with base 10: {shown}")));
    };
    if number < least {
        return wrong(format!("Value should be greater or equal to {least}"));
    }
    if number > most {
        return wrong(format!("Value should be lower or equal to {most}"));
    }
    Ok(json!(number))
}

fn one_of(value: &Value, known: impl Iterator<Item = Value>, names: &str) -> Result<Value, Wrong> {
    let mut known = known;
    if known.any(|known| known == *value) {
        Ok(value.clone())
    } else {
        wrong(format!("Value should be one of: {names}"))
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, Wrong> {
    value
        .as_array()
        .ok_or_else(|| Wrong::Body(format!("Value not a valid list: {}", display(value))))
}

fn texts(value: &Value, most: usize) -> Result<Value, Wrong> {
    list(value)?.iter().map(|item| text(item, most)).collect()
}

fn cidrs(value: &Value) -> Result<Value, Wrong> {
    let items = list(value)?.iter();
    items
        .map(|item| {
            let text = item.as_str().unwrap_or_default();
            let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
            let address: Option<IpAddr> = address.parse().ok();
            let widest = if address.is_some_and(|it| it.is_ipv6()) { 128 } else { 32 };
            let prefix = if prefix.is_empty() { Ok(widest) } else { prefix.parse::<u8>() };
            match (address, prefix) {
                (Some(address), Ok(prefix)) if prefix <= widest => {
                    Ok(json!(format!("{}/{prefix}", network(address, prefix))))
                }
                _ => wrong("Value should be IPv4 or IPv6 CIDR format"),
            }
        })
        .collect()
}

/// The first address of a network.
fn network(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}

fn headers(value: &Value) -> Result<Value, Wrong> {
    let Some(fields) = value.as_object() else {
        let shown = display(value);
        return Err(Wrong::Body(format!("Value not a valid dict: {shown}")));
    };
    let checked = fields.iter().map(|(name, value)| Ok((name.clone(), text(value, 255)?)));
    checked.collect::<Result<Map<_, _>, Wrong>>().map(Value::Object)
}

fn persistence(value: &Value, path: &str) -> Result<Value, Wrong> {
    const KNOWN: [(&str, Check); 4] = [
        ("type", Check::Words(&["SOURCE_IP", "HTTP_COOKIE", "APP_COOKIE"])),
        ("cookie_name", Check::Form(r"^[^\s,;\\]+$")),
        ("persistence_timeout", Check::Number),
        ("persistence_granularity", Check::Ip),
    ];
    let fields = value.as_object().ok_or_else(|| no_keys(value))?;
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|name| !KNOWN.iter().any(|(known, _)| known == name))
        .collect();
    refuse_unknown(path, &unknown)?;
    let mut says = Map::new();
    for (name, form) in KNOWN {
        let value = match fields.get(name) {
            None | Some(Value::Null) => Value::Null,
            Some(value) => scalar(form, value, path).map_err(|wrong| match wrong {
                Wrong::Field(_, _, problem) => {
                    Wrong::Field(name.to_owned(), display(value), problem)
                }
                other => other,
            })?,
        };
        says.insert(name.to_owned(), value);
    }
    Ok(Value::Object(says))
}

fn is_url(text: &str) -> bool {
    static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^https?://[A-Za-z0-9._~:@!$&'()*+,;=%\[\]-]+([/?#]\S*)?$").ok()
    });
    URL.as_ref().is_some_and(|url| url.is_match(text))
}
