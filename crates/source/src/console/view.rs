//! The page of the estate, as its template writes it.

use askama::Template;
use lotse_web::text::shown;
use lotse_web::{Layout, When};

use crate::history::{Happening, What};
use crate::model::{Revision, SignatureState};
use crate::status::{Fault, Status, Verdict};

/// The longest text of one field. Most are shorter already; addresses and paths are not.
const LONGEST: usize = 400;

/// The page, with the frame of all pages.
#[derive(Debug, Template)]
#[template(path = "estate.html")]
pub(super) struct EstatePage {
    pub(super) layout: Layout,
    pub(super) estate: EstateView,
}

/// What is within the frame, a template of its own.
#[derive(Debug, Template)]
#[template(path = "estate_view.html")]
pub(super) struct EstateView {
    class: &'static str,
    verdict: &'static str,
    source: String,
    reference: Option<String>,
    path: Option<String>,
    last_look: Option<When>,
    last_reached: Option<When>,
    good: Option<GoodView>,
    since: Option<When>,
    fault: Option<FaultView>,
    history: Vec<HappeningView>,
}

#[derive(Debug)]
struct GoodView {
    commit: String,
    subject: String,
    author: String,
    signature: String,
}

/// What is wrong with the head or the folder, or why nothing is known of the head.
#[derive(Debug)]
struct FaultView {
    commit: Option<String>,
    subject: Option<String>,
    since: When,
    message: String,
    hints: Vec<String>,
    places: Vec<PlaceView>,
}

#[derive(Debug)]
struct PlaceView {
    place: String,
    message: String,
    line: String,
    help: Option<String>,
}

#[derive(Debug)]
struct HappeningView {
    when: When,
    what: &'static str,
    class: &'static str,
    commit: Option<String>,
    text: String,
    place: Option<String>,
}

impl EstateView {
    /// The page of a source with this status and this history, newest first.
    pub(super) fn of(status: &Status, history: &[Happening]) -> Self {
        let (class, verdict) = verdict(status);
        let text = |text: &Option<String>| text.as_ref().map(|text| shown(text, LONGEST));
        Self {
            class,
            verdict,
            source: shown(&status.source, LONGEST),
            reference: text(&status.reference),
            path: text(&status.path),
            last_look: status.last_look.map(When::from),
            last_reached: status.last_reached.map(When::from),
            good: status.good.as_ref().map(GoodView::from),
            since: status.since.map(When::from),
            fault: FaultView::of(status),
            history: history.iter().map(HappeningView::from).collect(),
        }
    }
}

fn verdict(status: &Status) -> (&'static str, &'static str) {
    let followed = status.reference.is_some();
    match (status.verdict, followed, status.good.is_some()) {
        (Verdict::Starting, ..) => ("open", "Nothing was looked at yet."),
        (Verdict::Good, true, _) => ("good", "The newest commit is in use."),
        (Verdict::Good, false, _) => ("good", "The folder is a valid estate."),
        (Verdict::Broken, false, _) => ("bad", "The folder is not a valid estate."),
        (Verdict::Broken, true, true) => {
            ("bad", "The newest commit is broken. The last good one stays in use.")
        }
        (Verdict::Broken, true, false) => {
            ("bad", "The newest commit is broken, and there was no good one yet.")
        }
        (Verdict::Unreachable, _, true) => {
            ("bad", "The repository cannot be read. The last good commit stays in use.")
        }
        (Verdict::Unreachable, _, false) => {
            ("bad", "The repository cannot be read, and there was no good commit yet.")
        }
    }
}

impl From<&Revision> for GoodView {
    fn from(revision: &Revision) -> Self {
        let signature = match &revision.signature {
            SignatureState::NotAsked => "not asked for".to_owned(),
            SignatureState::Good { signer, key } => {
                format!("{} with the key {}", shown(signer, LONGEST), shown(key, LONGEST))
            }
        };
        Self {
            commit: revision.commit.to_string(),
            subject: revision.subject.clone(),
            author: revision.author.clone(),
            signature,
        }
    }
}

impl FaultView {
    fn of(status: &Status) -> Option<Self> {
        let (since, fault) = match (&status.trouble, &status.broken) {
            (Some(trouble), _) => (trouble.since, &trouble.fault),
            (None, Some(broken)) => (broken.since, &broken.fault),
            (None, None) => return None,
        };
        // While the repository cannot be read, that is what is wrong; not what was there before.
        let broken = status.broken.as_ref().filter(|_| status.trouble.is_none());
        let revision = broken.and_then(|broken| broken.revision.as_ref());
        Some(Self {
            commit: broken.map(|broken| broken.commit.to_string()),
            subject: revision.map(|revision| revision.subject.clone()),
            since: When::from(since),
            message: fault.message.clone(),
            hints: fault.hints.clone(),
            places: places(fault),
        })
    }
}

fn places(fault: &Fault) -> Vec<PlaceView> {
    let places = fault.diagnostics.iter().map(|diagnostic| PlaceView {
        place: format!("{}:{}:{}", diagnostic.file, diagnostic.span.line, diagnostic.span.column),
        message: diagnostic.message.clone(),
        line: shown(diagnostic.line_text.trim(), LONGEST),
        help: diagnostic.help.as_ref().map(|help| shown(help, LONGEST)),
    });
    places.collect()
}

impl From<&Happening> for HappeningView {
    fn from(happening: &Happening) -> Self {
        let (what, class) = match happening.what {
            What::InUse => ("in use", "good"),
            What::Broken => ("broken", "bad"),
            What::Unreachable => ("unreachable", "bad"),
            What::Recovered => ("well again", "good"),
        };
        let words = [&happening.subject, &happening.message].into_iter().flatten();
        let words: Vec<_> = words.map(|words| shown(words, LONGEST)).collect();
        Self {
            when: When::from(happening.at),
            what,
            class,
            commit: happening.commit.as_ref().map(|commit| commit.short().to_owned()),
            text: words.join(": "),
            place: happening.place.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lotse_core::declared::Span;
    use lotse_core::error::ErrorKind;
    use lotse_core::time::Timestamp;

    use super::*;
    use crate::history::History;
    use crate::status::Seen;

    fn revision(number: u8, subject: &str) -> Revision {
        Revision {
            commit: format!("{number:040x}").parse().unwrap(),
            subject: subject.to_owned(),
            author: "Ada".to_owned(),
            committed: None,
            signature: SignatureState::NotAsked,
        }
    }

    fn broken(number: u8, subject: &str, line_text: &str) -> Seen {
        let diagnostic = lotse_core::declared::Diagnostic {
            file: "images/debian.yml".to_owned(),
            span: Span { line: 3, column: 5, length: 1 },
            line_text: line_text.to_owned(),
            message: "not a format".to_owned(),
            help: Some("write qcow2".to_owned()),
            also: Vec::new(),
        };
        let fault = Fault {
            kind: ErrorKind::Declaration,
            message: "images/debian.yml:3:5: not a format".to_owned(),
            hints: Vec::new(),
            diagnostics: vec![diagnostic],
        };
        let revision = revision(number, subject);
        Seen::Broken { commit: revision.commit.clone(), revision: Some(revision), fault }
    }

    /// The page after these looks.
    fn after(looks: Vec<Seen>) -> String {
        let mut status =
            Status::new("/srv/estate".to_owned(), Some("refs/heads/main".into()), None);
        let mut history = History::default();
        for seen in looks {
            status = status.after(seen, Timestamp::UNIX_EPOCH);
            history.note(&status);
        }
        EstateView::of(&status, &history.newest_first()).render().unwrap()
    }

    #[test]
    fn a_broken_commit_is_shown_with_its_place_beside_the_one_in_use() {
        let page = after(vec![Seen::New(revision(1, "first")), broken(2, "second", "x: y")]);
        for text in [
            "The newest commit is broken. The last good one stays in use.",
            "<strong>images/debian.yml:3:5</strong>",
            "write qcow2",
            "<dd><code>0000000000000000000000000000000000000001</code></dd>",
            "<span class=\"state bad\">broken</span>",
            "<span class=\"state good\">in use</span>",
            "1970-01-01 00:00:00 UTC",
        ] {
            assert!(page.contains(text), "{text} in {page}");
        }
    }

    #[test]
    fn before_the_first_look_there_is_a_page_as_well() {
        let page = after(Vec::new());
        assert!(
            page.contains("Nothing was looked at yet.") && page.contains("No good revision yet.")
        );
        assert!(!page.contains("What is wrong"), "{page}");
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "<script>alert(1)</script>\u{202e}\"'&";
        let page = after(vec![Seen::New(revision(1, hostile)), broken(2, hostile, hostile)]);
        assert!(!page.contains("<script") && page.contains("&#60;script&#62;"), "{page}");
    }
}
