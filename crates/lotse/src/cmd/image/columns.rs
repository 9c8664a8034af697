//! A few columns of text for people.

/// Rows below a heading, every column as wide as its widest value. What an image says of itself must
/// not move the cursor of a terminal, so control characters are shown as what they are not.
pub(super) fn columns<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let clean = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    };
    let mut widths = heading.map(|word| word.chars().count());
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|one| clean(one))).collect();
    for row in &rows {
        for (width, value) in widths.iter_mut().zip(row) {
            *width = (*width).max(value.chars().count());
        }
    }
    let line = |values: [&str; N]| {
        let mut line = String::new();
        for (value, width) in values.iter().zip(widths) {
            line.push_str(value);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(value.chars().count()) + 2));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(heading);
    for row in &rows {
        text.push_str(&line(row.each_ref().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_value() {
        let rows = [["a".to_owned(), "1".to_owned()], ["\u{1b}[31mlong".to_owned(), String::new()]];
        assert_eq!(columns(["NAME", "N"], &rows), "NAME       N\na          1\n\u{fffd}[31mlong\n");
    }
}
