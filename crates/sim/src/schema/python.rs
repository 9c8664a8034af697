//! JSON values as Python writes them in its messages.

use serde_json::Value;

/// A value as `repr()` shows it.
pub(crate) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(value, &mut out);
    out
}

fn write_repr(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                write_repr(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (place, (name, inner)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                write_text(name, out);
                out.push_str(": ");
                write_repr(inner, out);
            }
            out.push('}');
        }
    }
}

/// Single quotes, unless the text has some and no double ones.
fn write_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                let code = u32::from(c);
                out.push_str("\\x");
                out.extend(
                    [code / 16, code % 16].into_iter().filter_map(|it| char::from_digit(it, 16)),
                );
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_in_python() {
        let value = json!({"a": [null, true, 1, 1.5], "it's": "x\ny"});
        assert_eq!(repr(&value), "{'a': [None, True, 1, 1.5], \"it's\": 'x\\ny'}");
        assert_eq!(repr(&json!("a'b\"c")), "'a\\'b\"c'");
    }
}
