//! From the text to the tree.
//!
//! The scanner's events are put together without recursion. What a file may cost is bounded: bytes
//! ([`MAX_BYTES`]), depth ([`MAX_DEPTH`]) and, because aliases repeat what they name, the weight of
//! the tree after all aliases ([`MAX_WEIGHT`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::diagnostic::{Diagnostic, lines};
use super::scalar::{self, Scalar};
use super::tree::{Entry, Node, Value};
use super::{MAX_BYTES, MAX_COMPLAINTS, SourceFile, Span};

/// How deep collections may be nested.
pub(super) const MAX_DEPTH: usize = 64;
/// How heavy the tree may be: one for each node and one for each 16 bytes of text.
pub(super) const MAX_WEIGHT: usize = 1 << 20;

/// Reads one YAML document.
///
/// An empty file is a null. Never panics; time and memory are bounded by the limits of the module.
///
/// # Errors
/// The complaints, in the order of the file: syntax (which ends the reading), keys given twice,
/// scalars that look like dates or numbers and are none, unknown tags, a second document.
pub fn parse(file: &SourceFile) -> Result<Node, Vec<Diagnostic>> {
    let start = Span { line: 1, column: 1, length: 1 };
    if file.text.len() > MAX_BYTES {
        let message =
            format!("the file has {} bytes, more than the {MAX_BYTES} allowed", file.text.len());
        return Err(vec![file.complain(start, message)]);
    }
    // A NUL ends the scanner's input silently; nothing after it would be seen.
    if let Some(at) = file.text.find('\0') {
        let before = file.text.get(..at).unwrap_or_default();
        let span = Span { line: 1 + count(before.matches('\n').count()), column: 1, length: 1 };
        return Err(vec![file.complain(span, "the file contains a NUL character")]);
    }
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let mut builder = Builder::new(file, text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                let stop = builder.event(event, span).is_break();
                if stop || builder.wrong.len() >= MAX_COMPLAINTS {
                    break;
                }
            }
            Err(error) => {
                let span = builder.span(error.marker(), error.marker());
                builder.wrong.push(
                    file.complain(span, format!("this is not valid YAML: {}", error.info()))
                        .with_help(syntax_help(error.info())),
                );
                break;
            }
        }
    }
    builder.finish(start)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn syntax_help(info: &str) -> String {
    let help = if info.contains("tab") {
        "indent with spaces, not with tabs"
    } else if info.contains("mapping values are not allowed") {
        "text that contains `: ` or ends with `:` must stand in quotes; \
         otherwise check the indentation of this line"
    } else if info.contains("anchor") {
        "an alias `*name` needs an anchor `&name` before it"
    } else {
        "check the indentation of this line and the one above, and that quotes and brackets are \
         closed"
    };
    help.to_owned()
}

/// A collection that has begun and not ended.
struct Open {
    span: Span,
    anchor: usize,
    weight: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        merges: Vec<Node>,
        seen: HashMap<Arc<str>, Span>,
        key: Option<Key>,
    },
}

enum Key {
    /// An ordinary key.
    Plain(Arc<str>, Span),
    /// `<<`
    Merge,
    /// A key that was complained about; its value is dropped.
    Wrong,
}

struct Builder<'a> {
    file: &'a SourceFile,
    /// Length of each line in characters.
    lines: Vec<u32>,
    stack: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    root: Option<Node>,
    documents: usize,
    weight: usize,
    wrong: Vec<Diagnostic>,
}

type Flow = std::ops::ControlFlow<()>;

impl<'a> Builder<'a> {
    fn new(file: &'a SourceFile, text: &str) -> Self {
        Self {
            file,
            lines: lines(text).map(|line| count(line.chars().count())).collect(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            documents: 0,
            weight: 0,
            wrong: Vec::new(),
        }
    }

    fn span(&self, from: &saphyr_parser::Marker, to: &saphyr_parser::Marker) -> Span {
        let line = count(from.line()).max(1);
        let column = count(from.col()) + 1;
        let width = self.lines.get(line as usize - 1).copied().unwrap_or(0);
        let wanted = count(to.index().saturating_sub(from.index()));
        let length = wanted.min((width + 1).saturating_sub(column)).max(1);
        Span { line, column, length }
    }

    fn complain(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        let complaint = self.file.complain(span, message);
        let at = self.wrong.len();
        self.wrong.push(complaint);
        &mut self.wrong[at]
    }

    fn event(&mut self, event: Event<'_>, at: saphyr_parser::Span) -> Flow {
        let span = self.span(&at.start, &at.end);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.complain(
                        span,
                        "a second document begins here; one file holds one document",
                    )
                    .help = Some("put it into a file of its own".to_owned());
                    return Flow::Break(());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), span);
                return self.value(node, anchor, 1 + text.len() / 16, style == ScalarStyle::Plain);
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::SequenceStart(anchor, tag) => {
                return self.open(Content::Sequence(Vec::new()), anchor, tag.as_deref(), span);
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Mapping {
                    entries: Vec::new(),
                    merges: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                };
                return self.open(content, anchor, tag.as_deref(), span);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Flow::Continue(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let suffix = tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str()));
        let resolved = match suffix {
            None if style == ScalarStyle::Plain => scalar::resolve(text),
            None | Some((true, "str") | (false, "")) => Ok(Scalar::Text),
            Some((true, wanted @ ("null" | "bool" | "int" | "float" | "timestamp"))) => {
                let resolved = scalar::resolve(text);
                if !resolved.as_ref().is_ok_and(|scalar| has_tag(scalar, wanted)) {
                    self.complain(span, format!("\"{text}\" is no !!{wanted}"));
                }
                resolved.or(Ok(Scalar::Text))
            }
            Some((_, other)) => {
                self.complain(span, format!("the tag \"{other}\" is not supported")).help =
                    Some("write the value without a tag".to_owned());
                Ok(Scalar::Text)
            }
        };
        let scalar = resolved.unwrap_or_else(|error| {
            self.complain(span, format!("`{text}` cannot be read: {error}")).help =
                Some(format!("write \"{text}\" if the text is meant"));
            Scalar::Text
        });
        Node {
            span,
            value: Value::Scalar(scalar),
            raw: text.into(),
            explicit: style != ScalarStyle::Plain || tag.is_some(),
        }
    }

    fn open(&mut self, content: Content, anchor: usize, tag: Option<&Tag>, span: Span) -> Flow {
        if self.stack.len() >= MAX_DEPTH {
            self.complain(span, format!("this is nested more than {MAX_DEPTH} levels deep"));
            return Flow::Break(());
        }
        let wanted = if matches!(content, Content::Sequence(_)) { "seq" } else { "map" };
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == wanted)) {
            let message = format!("the tag \"{}\" is not supported", tag.suffix);
            self.complain(span, message).help = Some("write the value without a tag".to_owned());
        }
        self.stack.push(Open { span: Span { length: 1, ..span }, anchor, weight: 1, content });
        Flow::Continue(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Flow {
        let Some((_, weight)) = self.anchors.get(&anchor) else {
            // The scanner knows the anchor, but what it names has not ended yet.
            self.complain(span, "this alias is inside the value that it names");
            return Flow::Break(());
        };
        // Weighed before it is copied: that is what an alias bomb cannot get around.
        if self.weight.saturating_add(*weight) > MAX_WEIGHT {
            self.complain(span, "the aliases of this file expand to too much");
            return Flow::Break(());
        }
        let weight = *weight;
        let Some(node) = self.anchors.get(&anchor).map(|(node, _)| node.clone()) else {
            return Flow::Break(());
        };
        self.value(node, 0, weight, false)
    }

    fn close(&mut self) -> Flow {
        let Some(open) = self.stack.pop() else { return Flow::Break(()) };
        let value = match open.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { entries, merges, .. } => Value::Mapping(merged(entries, merges)),
        };
        let node = Node { span: open.span, value, raw: "".into(), explicit: false };
        // The children have been weighed already.
        self.weight = self.weight.saturating_sub(open.weight - 1);
        self.value(node, open.anchor, open.weight, false)
    }

    /// Puts a complete value where it belongs.
    fn value(&mut self, mut node: Node, anchor: usize, weight: usize, plain: bool) -> Flow {
        self.weight += weight;
        if self.weight > MAX_WEIGHT {
            self.complain(node.span, "the file holds too many values");
            return Flow::Break(());
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(open) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return Flow::Continue(());
        };
        open.weight += weight;
        let Content::Mapping { entries, merges, seen, key } = &mut open.content else {
            if let Content::Sequence(items) = &mut open.content {
                items.push(node);
            }
            return Flow::Continue(());
        };
        match key.take() {
            None => {
                let span = node.span;
                let (next, complaint) = key_of(self.file, &node, plain, seen);
                *key = Some(next);
                if entries.is_empty() && merges.is_empty() {
                    open.span = span;
                }
                self.wrong.extend(complaint);
            }
            Some(Key::Plain(key, key_span)) => {
                if plain && node.raw.is_empty() {
                    node.span = key_span;
                }
                entries.push(Entry { key, key_span, value: node });
            }
            Some(Key::Merge) => {
                if let Err(span) = mergeable(&node) {
                    let found = node.describe();
                    self.complain(
                        span,
                        format!("`<<` takes a mapping or a list of mappings, not {found}"),
                    );
                } else if let Content::Mapping { merges, .. } = &mut open.content {
                    merges.push(node);
                }
            }
            Some(Key::Wrong) => {}
        }
        Flow::Continue(())
    }

    fn finish(mut self, start: Span) -> Result<Node, Vec<Diagnostic>> {
        if !self.wrong.is_empty() {
            self.wrong.sort_by_key(|complaint| complaint.span);
            return Err(self.wrong);
        }
        Ok(self.root.take().unwrap_or_else(|| Node {
            span: start,
            value: Value::Scalar(Scalar::Null),
            raw: "".into(),
            explicit: false,
        }))
    }
}

fn has_tag(scalar: &Scalar, tag: &str) -> bool {
    match scalar {
        Scalar::Null => tag == "null",
        Scalar::Bool(_) => tag == "bool",
        Scalar::Int(_) => tag == "int",
        Scalar::Float(_) => tag == "float",
        Scalar::Date(_) | Scalar::DateTime(_) => tag == "timestamp",
        Scalar::Text => false,
    }
}

/// Takes a node as a key, or complains.
fn key_of(
    file: &SourceFile,
    node: &Node,
    plain: bool,
    seen: &mut HashMap<Arc<str>, Span>,
) -> (Key, Option<Diagnostic>) {
    if !matches!(node.value, Value::Scalar(_)) {
        return (
            Key::Wrong,
            Some(file.complain(node.span, format!("a key cannot be {}", node.describe()))),
        );
    }
    if plain && &*node.raw == "<<" {
        return (Key::Merge, None);
    }
    if plain && node.raw.is_empty() {
        return (Key::Wrong, Some(file.complain(node.span, "a key is missing before `:`")));
    }
    if let Some(first) = seen.get(&node.raw) {
        let complaint = file
            .complain(
                node.span,
                format!("the key \"{}\" is given twice; first in line {}", node.raw, first.line),
            )
            .with_help("keep one of the two")
            .with_also(file.place(*first, "first given here"));
        return (Key::Wrong, Some(complaint));
    }
    seen.insert(Arc::clone(&node.raw), node.span);
    (Key::Plain(Arc::clone(&node.raw), node.span), None)
}

/// Whether `<<` can take this; otherwise the place that is wrong.
fn mergeable(node: &Node) -> Result<(), Span> {
    match &node.value {
        Value::Mapping(_) => Ok(()),
        Value::Sequence(items) => {
            match items.iter().find(|item| !matches!(item.value, Value::Mapping(_))) {
                Some(wrong) => Err(wrong.span),
                None => Ok(()),
            }
        }
        Value::Scalar(_) => Err(node.span),
    }
}

/// Own keys win over merged ones; of merged mappings the first in a list wins, and of several `<<`
/// the last: PyYAML's order.
fn merged(own: Vec<Entry>, merges: Vec<Node>) -> Vec<Entry> {
    if merges.is_empty() {
        return own;
    }
    let mut known: HashSet<Arc<str>> = own.iter().map(|entry| Arc::clone(&entry.key)).collect();
    let mut added = Vec::new();
    for merge in merges.into_iter().rev() {
        let sources = match merge.value {
            Value::Sequence(items) => items,
            _ => vec![merge],
        };
        for source in sources {
            if let Value::Mapping(entries) = source.value {
                added.extend(
                    entries.into_iter().filter(|entry| known.insert(Arc::clone(&entry.key))),
                );
            }
        }
    }
    added.extend(own);
    added
}
