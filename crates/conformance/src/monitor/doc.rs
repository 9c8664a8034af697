//! What a page says, apart from how it is written: as HTML for browsers, or as Markdown.
//!
//! Everything that comes from outside is text in here, and is escaped when it is written.

use std::fmt::Write as _;

use lotse_core::time::Timestamp;
use lotse_web::When;
use lotse_web::text::shown;

use crate::model::Verdict;
use crate::report::page::escaped;

/// The longest text from outside, in characters.
const LONGEST: usize = 500;

/// Something within a line.
#[derive(Clone, Debug)]
pub(crate) enum Inline {
    /// Text.
    Text(String),
    /// Names and lines of logs.
    Code(String),
    /// A link: address and text.
    Link(String, String),
    /// A state: `good`, `bad` or `open`, and its word.
    State(&'static str, String),
    /// An instant.
    Time(Timestamp),
}

impl Inline {
    /// Text that may come from outside.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(shown(text.as_ref(), LONGEST))
    }

    /// A verdict as a state.
    pub(crate) fn verdict(verdict: Verdict) -> Self {
        let (class, word) = match verdict {
            Verdict::Pass => ("good", "passed"),
            Verdict::Fail => ("bad", "failed"),
            Verdict::Abort => ("open", "aborted"),
            Verdict::Missing => ("open", "missing"),
        };
        Self::State(class, word.to_owned())
    }

    fn html(&self, text: &mut String) {
        // Writing to a string cannot fail.
        match self {
            Self::Text(plain) => text.push_str(&escaped(plain)),
            Self::Code(plain) => write!(text, "<code>{}</code>", escaped(plain)).unwrap_or(()),
            Self::Link(href, plain) => {
                write!(text, "<a href=\"{}\">{}</a>", escaped(href), escaped(plain)).unwrap_or(());
            }
            Self::State(class, word) => {
                write!(text, "<span class=\"state {class}\">{}</span>", escaped(word))
                    .unwrap_or(());
            }
            Self::Time(at) => {
                let When { machine, human } = When::from(*at);
                write!(text, "<time datetime=\"{machine}\">{human}</time>").unwrap_or(());
            }
        }
    }

    fn markdown(&self, text: &mut String) {
        match self {
            Self::Text(plain) => text.push_str(&marked(plain)),
            Self::Code(plain) => write!(text, "`{}`", plain.replace('`', "'")).unwrap_or(()),
            Self::Link(href, plain) => write!(text, "[{}]({href})", marked(plain)).unwrap_or(()),
            Self::State(_, word) => write!(text, "**{}**", marked(word)).unwrap_or(()),
            Self::Time(at) => text.push_str(&When::from(*at).human),
        }
    }
}

/// Text whose signs mean nothing in Markdown.
fn marked(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    for mark in plain.chars() {
        if matches!(mark, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&') {
            text.push('\\');
        }
        text.push(mark);
    }
    text
}

/// A line.
pub(crate) type Line = Vec<Inline>;

/// Something that stands below what was before.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// A heading of the second level.
    Heading(String),
    /// A paragraph.
    Paragraph(Line),
    /// A list.
    List(Vec<Line>),
    /// A table: what it shows, the heads of its columns, its rows. The first cell heads its row.
    Table(String, Vec<&'static str>, Vec<Vec<Line>>),
    /// Something that can be folded: its summary, whether it is open, what is in it.
    Fold(Line, bool, Vec<Self>),
    /// HTML of our own making: forms. Not in Markdown.
    Form(String),
}

/// Blocks as HTML.
pub(crate) fn html(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        block.html(&mut text);
    }
    text
}

/// Blocks as Markdown, with a title.
pub(crate) fn markdown(title: &str, blocks: &[Block]) -> String {
    let mut text = format!("# {}\n", marked(title));
    for block in blocks {
        block.markdown(&mut text);
    }
    text
}

fn line(parts: &[Inline], text: &mut String) {
    for part in parts {
        part.html(text);
    }
}

impl Block {
    fn html(&self, text: &mut String) {
        match self {
            Self::Heading(plain) => writeln!(text, "<h2>{}</h2>", escaped(plain)).unwrap_or(()),
            Self::Paragraph(parts) => {
                text.push_str("<p>");
                line(parts, text);
                text.push_str("</p>\n");
            }
            Self::List(lines) => {
                text.push_str("<ul class=\"plain\">\n");
                for parts in lines {
                    text.push_str("<li>");
                    line(parts, text);
                    text.push_str("</li>\n");
                }
                text.push_str("</ul>\n");
            }
            Self::Table(caption, heads, rows) => table(caption, heads, rows, text),
            Self::Fold(summary, open, blocks) => {
                text.push_str(if *open { "<details open>" } else { "<details>" });
                text.push_str("<summary>");
                line(summary, text);
                text.push_str("</summary>\n");
                for block in blocks {
                    block.html(text);
                }
                text.push_str("</details>\n");
            }
            Self::Form(written) => text.push_str(written),
        }
    }

    fn markdown(&self, text: &mut String) {
        let write_line = |parts: &[Inline], text: &mut String| {
            for part in parts {
                part.markdown(text);
            }
        };
        match self {
            Self::Heading(plain) => writeln!(text, "\n## {}", marked(plain)).unwrap_or(()),
            Self::Paragraph(parts) => {
                text.push('\n');
                write_line(parts, text);
                text.push('\n');
            }
            Self::List(lines) => {
                text.push('\n');
                for parts in lines {
                    text.push_str("- ");
                    write_line(parts, text);
                    text.push('\n');
                }
            }
            Self::Table(_, heads, rows) => {
                writeln!(text, "\n| {} |\n|{}", heads.join(" | "), " --- |".repeat(heads.len()))
                    .unwrap_or(());
                for row in rows {
                    text.push('|');
                    for cell in row {
                        text.push(' ');
                        write_line(cell, text);
                        text.push_str(" |");
                    }
                    text.push('\n');
                }
            }
            Self::Fold(summary, _, blocks) => {
                text.push_str("\n## ");
                write_line(summary, text);
                text.push('\n');
                for block in blocks {
                    block.markdown(text);
                }
            }
            Self::Form(_) => {}
        }
    }
}

fn table(caption: &str, heads: &[&str], rows: &[Vec<Line>], text: &mut String) {
    write!(text, "<table>\n<caption>{}</caption>\n<thead><tr>", escaped(caption)).unwrap_or(());
    for head in heads {
        write!(text, "<th scope=\"col\">{}</th>", escaped(head)).unwrap_or(());
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        text.push_str("<tr>");
        for (index, (cell, head)) in row.iter().zip(heads).enumerate() {
            if index == 0 {
                text.push_str("<th scope=\"row\">");
            } else {
                write!(text, "<td data-label=\"{}\">", escaped(head)).unwrap_or(());
            }
            line(cell, text);
            text.push_str(if index == 0 { "</th>" } else { "</td>" });
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text_in_both_forms() {
        let evil = "<script>|`[x](y)";
        let blocks = [
            Block::Heading(evil.to_owned()),
            Block::Table(
                evil.to_owned(),
                vec!["a", "b"],
                vec![vec![
                    vec![Inline::text(evil)],
                    vec![
                        Inline::Code(evil.to_owned()),
                        Inline::Link("/a\"b".to_owned(), evil.to_owned()),
                    ],
                ]],
            ),
        ];
        let written = html(&blocks);
        assert!(!written.contains("<script>") && written.contains("/a&quot;b"), "{written}");
        let written = markdown(evil, &blocks);
        assert!(
            written.contains("\\<script\\>\\|") && written.contains("`<script>|'"),
            "{written}"
        );
    }

    #[test]
    fn tables_have_heads_for_rows_and_labels_for_phones() {
        let row = vec![vec![Inline::text("x")], vec![Inline::verdict(Verdict::Abort)]];
        let written = html(&[Block::Table("c".to_owned(), vec!["one", "two"], vec![row])]);
        assert!(written.contains("<th scope=\"row\">x</th><td data-label=\"two\">"), "{written}");
        assert!(written.contains("state open\">aborted"), "{written}");
    }
}
