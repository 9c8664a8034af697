//! Texts with `{names}` in them.
//!
//! A name is lower-case letters, digits and underscores and begins with a letter; other braces (the
//! `{8}` of a regular expression) are left alone.

use std::collections::BTreeMap;

/// What names stand for.
pub(crate) type Values = BTreeMap<String, String>;

/// The names in a text with the places of their braces, in order.
fn places(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let open = from + text.get(from..)?.find('{')?;
            from = open + 1;
            let rest = text.get(from..)?;
            let length =
                rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
            let (name, after) = rest.split_at(length);
            // `\p{greek}` is a class of a regular expression.
            let class = text.get(..open)?.ends_with(r"\p") || text.get(..open)?.ends_with(r"\P");
            if after.starts_with('}')
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && !class
            {
                return Some((open, from + length + 1, name));
            }
        }
    })
}

/// The names in a text.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    places(text).map(|(_, _, name)| name)
}

/// The text with every name replaced by what `value` says; the name for which it says nothing.
fn replaced(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (open, close, name) in places(text) {
        out.push_str(text.get(done..open).unwrap_or_default());
        out.push_str(&value(name).ok_or(name)?);
        done = close;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(out)
}

/// The text with every name replaced.
///
/// # Errors
/// The first name that stands for nothing.
pub(crate) fn expand<'a>(text: &'a str, values: &Values) -> Result<String, &'a str> {
    replaced(text, |name| values.get(name).cloned())
}

/// A regular expression with every name replaced by what matches exactly its value.
///
/// # Errors
/// The first name that stands for nothing.
pub(crate) fn expand_pattern<'a>(text: &'a str, values: &Values) -> Result<String, &'a str> {
    replaced(text, |name| values.get(name).map(|value| regex::escape(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        [("base", "https://h/"), ("v", "1.2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    #[test]
    fn names_are_replaced_and_repetitions_stay() {
        assert_eq!(expand("{base}x/{v}", &values()).unwrap(), "https://h/x/1.2");
        assert_eq!(
            expand_pattern(r"^\d{8}-{v}\p{greek}$", &values()).unwrap(),
            r"^\d{8}-1\.2\p{greek}$"
        );
        assert_eq!(expand("{base}{none}", &values()), Err("none"));
        assert_eq!(expand("a{ b{} {B} {", &values()).unwrap(), "a{ b{} {B} {");
        assert_eq!(names("{a}{8,9}{b_1}").collect::<Vec<_>>(), ["a", "b_1"]);
    }
}
