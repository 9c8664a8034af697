//! The tree of a declared file.

use std::sync::Arc;

use serde_json::{Number, Value as Json};

use super::Span;
use super::scalar::Scalar;

/// A value in a declared file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins. For what an alias or a merge key brought in, where it was written.
    pub span: Span,
    /// What it is.
    pub value: Value,
    /// The text of a scalar as written, without quotes and after folding; empty for collections.
    pub raw: Arc<str>,
    /// Whether a scalar stands in quotes, is a block scalar, or carries a tag: then its type is
    /// meant.
    pub explicit: bool,
}

/// The content of a [`Node`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order of the file, keys without repetition.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, always as written: `no: 1` has the key `no`.
    pub key: Arc<str>,
    /// The place of the key.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What it is, as people call it, with article.
    pub const fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The value of this key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Key and value, if this is a mapping that has the key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The entries of a mapping; none for everything else.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Mapping(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none for everything else.
    pub fn items(&self) -> &[Self] {
        if let Value::Sequence(items) = &self.value { items } else { &[] }
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        matches!(self.value, Value::Scalar(Scalar::Text)).then_some(&*self.raw)
    }

    /// The node that a JSON pointer (RFC 6901) names; the empty pointer names this node.
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        self.locate(pointer).map(|(node, _)| node)
    }

    /// The place to point at for a JSON pointer: for a collection under a key the key, else the
    /// value. When the pointer leads further than the file does, the last place on the way.
    pub fn span_of(&self, pointer: &str) -> Span {
        let mut rest = pointer;
        loop {
            if let Some((_, span)) = self.locate(rest) {
                return span;
            }
            rest = rest.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }

    fn locate(&self, pointer: &str) -> Option<(&Self, Span)> {
        let mut found = (self, self.span);
        let Some(path) = pointer.strip_prefix('/') else {
            return pointer.is_empty().then_some(found);
        };
        for token in path.split('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            found = match &found.0.value {
                Value::Mapping(entries) => {
                    let entry = entries.iter().find(|entry| *entry.key == *token)?;
                    (&entry.value, entry.place())
                }
                Value::Sequence(items) => {
                    let item = items.get(token.parse::<usize>().ok()?)?;
                    (item, item.span)
                }
                Value::Scalar(_) => return None,
            };
        }
        Some(found)
    }

    /// The same as JSON. Dates become ISO 8601 text; numbers that JSON cannot hold, their raw text.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Sequence(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.to_string(), entry.value.to_json()))
                    .collect(),
            ),
            Value::Scalar(scalar) => match scalar {
                Scalar::Null => Json::Null,
                Scalar::Bool(value) => Json::Bool(*value),
                Scalar::Int(value) => Number::from_i128(*value)
                    .map_or_else(|| Json::String(self.raw.to_string()), Json::Number),
                Scalar::Float(value) => Number::from_f64(*value)
                    .map_or_else(|| Json::String(self.raw.to_string()), Json::Number),
                Scalar::Date(date) => Json::String(date.to_string()),
                Scalar::DateTime(at) => Json::String(at.iso('T')),
                Scalar::Text => Json::String(self.raw.to_string()),
            },
        }
    }
}

impl Entry {
    /// The place to point at: the key for collections and for nothing, the value for what stands
    /// there.
    pub fn place(&self) -> Span {
        match self.value.value {
            Value::Scalar(Scalar::Null) if self.value.raw.is_empty() => self.key_span,
            Value::Scalar(_) => self.value.span,
            Value::Sequence(_) | Value::Mapping(_) => self.key_span,
        }
    }
}

/// A JSON pointer (RFC 6901) made of these tokens.
pub fn pointer<T: AsRef<str>>(tokens: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for token in tokens {
        text.push('/');
        text.push_str(&token.as_ref().replace('~', "~0").replace('/', "~1"));
    }
    text
}
