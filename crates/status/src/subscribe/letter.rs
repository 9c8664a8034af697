//! Mails as they are read: news, why it came, how to end it. Data to data.

use std::fmt::Write as _;

use super::model::{State, Subscriber};
use crate::feeds::escaped as escape;
use crate::pages::Language;

/// One piece of news on its way into a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// One line.
    pub title: &'a str,
    /// A paragraph each.
    pub paragraphs: &'a [String],
    /// A line each.
    pub list: &'a [String],
    /// Where there is more.
    pub link: Option<&'a str>,
}

/// A mail as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text with line feeds.
    pub text: String,
    /// A whole HTML document, without anything that is loaded from elsewhere.
    pub html: String,
    /// More fields of its header: how to end the subscription (RFC 2369, RFC 8058).
    pub fields: Vec<(&'static str, String)>,
}

struct Phrases {
    why: &'static str,
    settings: &'static str,
    end: &'static str,
    more: &'static str,
    confirm: &'static str,
    confirm_text: &'static str,
    confirm_ignore: &'static str,
    known: &'static str,
    known_text: &'static str,
    several: &'static str,
}

const ENGLISH: Phrases = Phrases {
    why: "You get this because you asked to be told.",
    settings: "Change what you are told",
    end: "Unsubscribe",
    more: "more are not shown",
    confirm: "Please confirm your subscription",
    confirm_text: "Somebody, probably you, asked that this address be told when something changes. \
                   Confirm it within two days:",
    confirm_ignore: "If it was not you, do nothing: no more will come.",
    known: "You are subscribed already",
    known_text: "Somebody, probably you, asked that this address be told when something changes. It \
                 is already. Here you can change what you are told, or end it:",
    several: "messages",
};

const GERMAN: Phrases = Phrases {
    why: "Sie bekommen dies, weil Sie darum gebeten haben.",
    settings: "Ändern, was Ihnen mitgeteilt wird",
    end: "Abbestellen",
    more: "weitere werden nicht gezeigt",
    confirm: "Bitte bestätigen Sie Ihre Anmeldung",
    confirm_text: "Jemand, vermutlich Sie, hat darum gebeten, dass diese Adresse Änderungen mitgeteilt \
                   bekommt. Bestätigen Sie es innerhalb von zwei Tagen:",
    confirm_ignore: "Wenn Sie es nicht waren, tun Sie nichts: dann kommt nichts mehr.",
    known: "Sie sind bereits angemeldet",
    known_text: "Jemand, vermutlich Sie, hat darum gebeten, dass diese Adresse Änderungen mitgeteilt \
                 bekommt. Das wird sie schon. Hier können Sie ändern, was Ihnen mitgeteilt wird, oder es \
                 beenden:",
    several: "Meldungen",
};

const fn phrases(language: Language) -> &'static Phrases {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

/// The pages of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Where they say yes, change what they want, and end it.
    pub manage: String,
    /// What mail programs call to end it at once (RFC 8058).
    pub one_click: String,
}

impl Links {
    /// The pages of a subscriber on the page at `base` (without a slash at its end).
    pub fn of(base: &str, subscriber: &Subscriber) -> Self {
        let (language, token) = (subscriber.settings.language().code(), subscriber.token());
        Self {
            manage: format!("{base}/{language}/subscription/{token}"),
            one_click: format!("{base}/unsubscribe/{token}"),
        }
    }
}

/// What asks somebody to say yes: title and paragraphs; or tells that they have.
pub fn question(subscriber: &Subscriber) -> (String, Vec<String>) {
    let phrases = phrases(subscriber.settings.language());
    let (title, text) = match subscriber.state {
        State::Pending => (phrases.confirm, vec![phrases.confirm_text, phrases.confirm_ignore]),
        State::Active => (phrases.known, vec![phrases.known_text]),
    };
    (title.to_owned(), text.into_iter().map(str::to_owned).collect())
}

/// A mail to this subscriber of the page that is called `site`; `omitted` pieces are not in it.
pub fn letter(
    site: &str,
    links: &Links,
    subscriber: &Subscriber,
    pieces: &[Piece<'_>],
    omitted: u32,
) -> Letter {
    let phrases = phrases(subscriber.settings.language());
    let title = pieces.first().map_or("", |piece| piece.title);
    let total = pieces.len() + omitted as usize;
    let subject = match total {
        0 | 1 => format!("[{site}] {title}"),
        n => format!("[{site}] {n} {}: {title}, …", phrases.several),
    };
    let is_active = subscriber.state == State::Active;
    let one_click = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
    let fields = vec![("List-Unsubscribe", format!("<{}>", links.one_click)), one_click];
    Letter {
        text: text(phrases, links, pieces, omitted, is_active),
        html: html(phrases, links, pieces, omitted, is_active, subscriber.settings.language()),
        fields: if is_active { fields } else { Vec::new() },
        subject,
    }
}

fn text(
    phrases: &Phrases,
    links: &Links,
    pieces: &[Piece<'_>],
    omitted: u32,
    is_active: bool,
) -> String {
    let mut text = String::new();
    for piece in pieces {
        // Writing to a string cannot fail.
        writeln!(text, "{}\n", piece.title).ok();
        for paragraph in piece.paragraphs {
            writeln!(text, "{paragraph}\n").ok();
        }
        for line in piece.list {
            writeln!(text, "- {line}").ok();
        }
        if !piece.list.is_empty() {
            text.push('\n');
        }
        if let Some(link) = piece.link {
            writeln!(text, "{link}\n").ok();
        }
    }
    if omitted > 0 {
        writeln!(text, "{omitted} {}\n", phrases.more).ok();
    }
    if is_active {
        let Links { manage, one_click } = links;
        let Phrases { why, settings, end, .. } = phrases;
        writeln!(text, "-- \n{why}\n{settings}: {manage}\n{end}: {one_click}").ok();
    }
    text
}

fn html(
    phrases: &Phrases,
    links: &Links,
    pieces: &[Piece<'_>],
    omitted: u32,
    is_active: bool,
    language: Language,
) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: sans-serif; line-height: 1.5; max-width: 42em\">\n",
        language.code(),
        escape(pieces.first().map_or("", |piece| piece.title)),
    );
    for piece in pieces {
        // Writing to a string cannot fail.
        writeln!(html, "<h1 style=\"font-size: 1.25em\">{}</h1>", escape(piece.title)).ok();
        for paragraph in piece.paragraphs {
            writeln!(html, "<p style=\"white-space: pre-line\">{}</p>", escape(paragraph)).ok();
        }
        if !piece.list.is_empty() {
            html.push_str("<ul>\n");
            for line in piece.list {
                writeln!(html, "<li>{}</li>", escape(line)).ok();
            }
            html.push_str("</ul>\n");
        }
        if let Some(link) = piece.link {
            let link = escape(link);
            writeln!(html, "<p><a href=\"{link}\">{link}</a></p>").ok();
        }
    }
    if omitted > 0 {
        writeln!(html, "<p>{omitted} {}</p>", phrases.more).ok();
    }
    if is_active {
        let (manage, end) = (escape(&links.manage), escape(&links.one_click));
        writeln!(
            html,
            "<hr>\n<p><small>{} <a href=\"{manage}\">{}</a> · <a href=\"{end}\">{}</a></small></p>",
            phrases.why, phrases.settings, phrases.end
        )
        .ok();
    }
    html.push_str("</body>\n</html>\n");
    html
}
