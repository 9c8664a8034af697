//! The plan for people: steps with their fields, then notes, then the sum.

use anstyle::{AnsiColor, Style};

use super::Look;
use super::text::{clean, pad, shorten, shorten_pair, value, width, wrap};
use crate::model::{Action, Change, NoteKind, Plan, Step, Summary};

/// Below this width before and after stand on lines of their own.
const NARROW: usize = 70;

/// Nothing before the text.
pub(super) const PLAIN: (Style, &str) = (Style::new(), "");

/// The plan as text, with a line end at its end.
pub fn table<T>(plan: &Plan<T>, look: &Look) -> String {
    let mut page = Page { look: *look, text: String::new() };
    for step in plan.steps() {
        page.step(step);
    }
    page.notes(plan);
    let cloud = clean(plan.cloud());
    if plan.is_empty() {
        page.line(0, PLAIN, &format!("No differences: cloud \"{cloud}\" is as declared."));
    } else {
        page.line(0, PLAIN, &format!("Plan for cloud \"{cloud}\": {}.", sum(plan.summary())));
    }
    page.text
}

/// `2 to create, 1 to update`.
fn sum(summary: Summary) -> String {
    let parts: Vec<String> = [
        (summary.create, "to create"),
        (summary.update, "to update"),
        (summary.replace, "to replace"),
        (summary.destroy, "to destroy"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    parts.join(", ")
}

pub(super) const fn colour(action: Action) -> Style {
    let colour = match action {
        Action::Create => AnsiColor::Green,
        Action::Update => AnsiColor::Yellow,
        Action::Replace => AnsiColor::Magenta,
        Action::Destroy => AnsiColor::Red,
    };
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

/// Text being laid out.
pub(super) struct Page {
    pub(super) look: Look,
    pub(super) text: String,
}

impl Page {
    /// The text in this style, if colours are wanted.
    pub(super) fn painted(&self, style: Style, text: &str) -> String {
        if self.look.colour && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// A paragraph, wrapped, `first` in its style before it; further lines stand below the text.
    pub(super) fn line(&mut self, indent: usize, (style, first): (Style, &str), text: &str) {
        let hang = indent + width(first);
        let lead = self.painted(style, first);
        for (number, part) in
            wrap(text, self.look.columns().saturating_sub(hang)).iter().enumerate()
        {
            if number == 0 {
                self.raw(indent, &lead, part);
            } else {
                self.raw(hang, "", part);
            }
        }
    }

    fn raw(&mut self, indent: usize, first: &str, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(first);
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn step<T>(&mut self, step: &Step<T>) {
        let style = colour(step.action).bold();
        let head = format!("{} {} {}", step.action.symbol(), step.action, clean(&step.kind));
        let room = self.look.columns().saturating_sub(width(&head) + 1);
        let name = shorten(&clean(&step.name), room);
        let head = self.painted(style, &head);
        let name = self.painted(Style::new().bold(), &name);
        self.raw(0, "", &format!("{head} {name}"));
        for line in wrap(&clean(&step.reason), self.look.columns() - 4) {
            let line = self.painted(Style::new().dimmed(), &line);
            self.raw(4, "", &line);
        }
        self.changes(step.action, &step.changes);
        self.text.push('\n');
    }

    fn changes(&mut self, action: Action, changes: &[Change]) {
        let longest = changes.iter().map(|change| width(&clean(&change.field))).max();
        let column = longest.unwrap_or(0).min(self.look.columns() / 3);
        for change in changes {
            let field = shorten(&clean(&change.field), self.look.columns() / 3);
            let (before, after) = (value(&change.before), value(&change.after));
            match (before, after) {
                (Some(before), Some(after)) => self.both(&pad(&field, column), &before, &after),
                // Where there was nothing before, an arrow would only be noise.
                (None, Some(after)) => {
                    let sign = if action == Action::Create { "" } else { "+ " };
                    self.one(&pad(&field, column), sign, &after);
                }
                (Some(before), None) => self.one(&pad(&field, column), "- ", &before),
                (None, None) => {}
            }
        }
    }

    fn one(&mut self, field: &str, sign: &str, value: &str) {
        let room = self.look.columns().saturating_sub(6 + width(field) + 2 + sign.len());
        let style = match sign {
            "- " => colour(Action::Destroy),
            "+ " => colour(Action::Create),
            _ => Style::new(),
        };
        let value = self.painted(style, &format!("{sign}{}", shorten(value, room)));
        self.raw(6, "", &format!("{field}  {value}"));
    }

    fn both(&mut self, field: &str, before: &str, after: &str) {
        let (old, new) = (colour(Action::Destroy), colour(Action::Create));
        if self.look.columns() < NARROW {
            let (before, after) = shorten_pair(before, after, self.look.columns() - 10);
            self.raw(6, "", field.trim_end());
            let before = self.painted(old, &format!("- {before}"));
            let after = self.painted(new, &format!("+ {after}"));
            self.raw(8, "", &before);
            self.raw(8, "", &after);
            return;
        }
        let room = self.look.columns().saturating_sub(6 + width(field) + 2 + 3);
        // A short side leaves its room to the long one.
        let half = room / 2;
        let most = if width(before) < half {
            room - width(before)
        } else if width(after) < half {
            room - width(after)
        } else {
            half
        };
        let (before, after) = shorten_pair(before, after, most);
        let before = self.painted(old, &before);
        let after = self.painted(new, &after);
        self.raw(6, "", &format!("{field}  {before} → {after}"));
    }

    fn notes<T>(&mut self, plan: &Plan<T>) {
        for (kind, title) in [
            (NoteKind::Refused, "Refused"),
            (NoteKind::Warning, "Warnings"),
            (NoteKind::Waiting, "Waiting for"),
            (NoteKind::NotHandled, "Not handled"),
            (NoteKind::Fact, "Good to know"),
        ] {
            let notes: Vec<_> = plan.notes().iter().filter(|note| note.kind == kind).collect();
            if notes.is_empty() {
                continue;
            }
            let title = self.painted(Style::new().bold(), title);
            self.raw(0, "", &title);
            for note in notes {
                let text = format!("{}: {}", clean(&note.subject), clean(&note.text));
                self.line(2, PLAIN, &text);
            }
            self.text.push('\n');
        }
    }
}
