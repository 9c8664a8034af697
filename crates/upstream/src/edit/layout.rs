//! Where the values of a file stand in its text, in bytes.
//!
//! The tree of `lotse_core::declared` knows lines and columns, which is enough to point at a place;
//! to replace a value, its exact ends are needed, and how it is written.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// A single value.
    Scalar {
        /// Without anchor and tag; for block scalars the content without its header.
        range: Range<usize>,
        style: ScalarStyle,
        /// Whether brackets stand around it somewhere, where commas end a value.
        flow: bool,
    },
    /// A list.
    Sequence { items: Vec<Self>, flow: bool, end: usize },
    /// Keys with their places, and values.
    Mapping { entries: Vec<Key>, flow: bool, end: usize },
    /// What stands elsewhere.
    Alias { end: usize },
}

/// A key of a mapping with its value.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) start: usize,
    pub(super) value: Piece,
}

impl Piece {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.keys().iter().find(|entry| entry.name == key).map(|entry| &entry.value)
    }

    pub(super) fn keys(&self) -> &[Key] {
        if let Self::Mapping { entries, .. } = self { entries } else { &[] }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Self::Sequence { items, .. } = self { items } else { &[] }
    }

    pub(super) const fn is_flow(&self) -> bool {
        match self {
            Self::Scalar { flow, .. }
            | Self::Sequence { flow, .. }
            | Self::Mapping { flow, .. } => *flow,
            Self::Alias { .. } => false,
        }
    }

    /// Where its last character is.
    pub(super) const fn end(&self) -> usize {
        match self {
            Self::Scalar { range, .. } => range.end,
            Self::Sequence { end, .. } | Self::Mapping { end, .. } | Self::Alias { end } => *end,
        }
    }
}

/// A collection that has begun.
struct Open {
    flow: bool,
    start: usize,
    items: Vec<Piece>,
    entries: Vec<Key>,
    key: Option<(String, Range<usize>)>,
    mapping: bool,
}

/// The layout of a text that the declared parser accepts; none where it is none.
pub(super) fn layout(text: &str) -> Option<Piece> {
    let skipped = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let body = text.get(skipped..)?;
    // The parser counts characters.
    let mut places: Vec<usize> = body.char_indices().map(|(at, _)| at + skipped).collect();
    places.push(text.len());
    let at = |index: usize| places.get(index).copied().unwrap_or(text.len());
    let mut stack: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(body) {
        let (event, span) = event.ok()?;
        let range = at(span.start.index())..at(span.end.index());
        let flow = stack.last().is_some_and(|open| open.flow);
        let (piece, name) = match event {
            Event::Scalar(value, style, ..) => {
                let range = bare(text, range, style);
                (Piece::Scalar { range, style, flow }, Some(value.into_owned()))
            }
            Event::Alias(_) => (Piece::Alias { end: range.end }, None),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let mapping = matches!(event, Event::MappingStart(..));
                let flow = flow || text.get(range.clone()).is_some_and(|text| !text.is_empty());
                let start = range.start;
                let (items, entries) = (Vec::new(), Vec::new());
                stack.push(Open { flow, start, items, entries, key: None, mapping });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => (closed(stack.pop()?, range.end), None),
            _ => continue,
        };
        match stack.last_mut() {
            None => root = root.or(Some(piece)),
            Some(open) if !open.mapping => open.items.push(piece),
            Some(open) => match open.key.take() {
                None => {
                    let place = if let Piece::Scalar { range, .. } = &piece {
                        range.clone()
                    } else {
                        piece.end()..piece.end()
                    };
                    open.key = Some((name.unwrap_or_default(), place));
                }
                Some((name, place)) => {
                    let value = after_key(piece, &place);
                    open.entries.push(Key { name, start: place.start, value });
                }
            },
        }
    }
    root
}

fn closed(open: Open, end: usize) -> Piece {
    let last = open.items.last().map(Piece::end);
    let last = last.max(open.entries.last().map(|entry| entry.value.end()));
    // The end of a block collection is reported where the next thing begins.
    let end = if open.flow { end } else { last.unwrap_or(open.start) };
    if open.mapping {
        Piece::Mapping { entries: open.entries, flow: open.flow, end }
    } else {
        Piece::Sequence { items: open.items, flow: open.flow, end }
    }
}

/// A value that is not there ends behind the colon of its key.
fn after_key(piece: Piece, key: &Range<usize>) -> Piece {
    match piece {
        Piece::Scalar { range, style: ScalarStyle::Plain, flow } if range.is_empty() => {
            Piece::Scalar { range: key.end + 1..key.end + 1, style: ScalarStyle::Plain, flow }
        }
        other => other,
    }
}

/// The range without anchor and tag in front and without the blanks behind block scalars.
fn bare(text: &str, range: Range<usize>, style: ScalarStyle) -> Range<usize> {
    let Some(mut raw) = text.get(range.clone()) else { return range };
    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        return range.start..range.start + raw.trim_end().len();
    }
    while raw.starts_with(['&', '!']) {
        let Some(end) = raw.find(char::is_whitespace) else { return range };
        raw = raw.get(end..).unwrap_or_default().trim_start();
    }
    let start = range.end - raw.len();
    let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    // The parser counts a comment behind the closing quote in.
    let length = if quoted { quoted_length(raw) } else { Some(raw.len()) };
    start..length.map_or(range.end, |length| start + length)
}

/// How long the quoted scalar is that a text begins with.
fn quoted_length(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut inner = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inner.next() {
        let doubled = || text.get(at + 1..).is_some_and(|rest| rest.starts_with('\''));
        match (quote, c) {
            ('"', '\\') => drop(inner.next()),
            ('\'', '\'') if doubled() => drop(inner.next()),
            (_, c) if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}
