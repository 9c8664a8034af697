//! Writing YAML that every reader understands alike: blocks, and all text in quotes.

use serde_json::Value;

/// The value as a document of YAML, with the line that begins it.
pub fn document(value: &Value) -> String {
    let mut text = "---".to_owned();
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                line(text, depth);
                text.push_str(&quoted(key));
                text.push(':');
                write(text, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                line(text, depth);
                text.push('-');
                write(text, item, depth + 1);
            }
        }
        Value::Object(_) => text.push_str(" {}"),
        Value::Array(_) => text.push_str(" []"),
        Value::String(plain) => {
            text.push(' ');
            text.push_str(&quoted(plain));
        }
        other => {
            text.push(' ');
            text.push_str(&other.to_string());
        }
    }
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

/// Text in double quotes: what JSON escapes, YAML escapes alike. What YAML takes for the end of a line
/// and JSON does not, is escaped besides.
fn quoted(plain: &str) -> String {
    let json = Value::String(plain.to_owned()).to_string();
    let special = |mark: char| {
        matches!(
            mark,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
    };
    if !json.contains(special) {
        return json;
    }
    let escape = |mark: char| {
        if special(mark) { format!("\\u{:04x}", u32::from(mark)) } else { mark.to_string() }
    };
    json.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use lotse_core::declared::{SourceFile, parse};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn structure_becomes_blocks_and_text_stays_text() {
        let value = json!({ "a": ["no", { "b": null }, []], "2026-01-01": { "c": -1 }, "d": {} });
        assert_eq!(
            document(&value),
            "---\n\"a\":\n  - \"no\"\n  -\n    \"b\": null\n  - []\n\"2026-01-01\":\n  \"c\": -1\n\"d\": {}\n"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(texts in proptest::collection::vec("\\PC{0,12}|[\\x01-\\x7f\u{85}\u{2028}]{0,6}", 0..4)) {
            let value = json!({ "texts": texts });
            let file = SourceFile::new("report.yaml", document(&value));
            let tree = parse(&file).map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?;
            prop_assert_eq!(tree.to_json(), value);
        }
    }
}
