//! Mails: what they look like, and that nothing gets into their headers.

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::model::{Delivery, Item, Notice, State, Tone, delivery_id};
use crate::render::Message;

fn delivery() -> Delivery {
    let id = EventId::from_uuid(uuid::Uuid::from_u128(7));
    let at = Timestamp::from_second(1_790_000_000).unwrap();
    let event = Event {
        id,
        topic: "notify.test".to_owned(),
        subject: "ops".to_owned(),
        at,
        body: serde_json::Value::Null,
    };
    let notice = Notice {
        tone: Tone::Information,
        title: "t".to_owned(),
        paragraphs: Vec::new(),
        list: Vec::new(),
        link: None,
    };
    Delivery {
        id: delivery_id(id, "ops", "a@example.org"),
        channel: "ops".to_owned(),
        recipient: "a@example.org".to_owned(),
        repeats: String::new(),
        items: vec![Item { notice, event }],
        omitted: 0,
        state: State::Waiting,
        attempts: 1,
        created: at,
        opened: at,
        due: at,
        ended: None,
        said: None,
    }
}

fn composed(subject: &str, text: &str, from: &str) -> String {
    let (delivery, now) = (delivery(), Timestamp::from_second(1_790_000_060).unwrap());
    let message = Message {
        subject: subject.to_owned(),
        text: text.to_owned(),
        fields: Vec::new(),
        html: format!("<p>{text}</p>"),
    };
    let parcel = Parcel { delivery: &delivery, message: &message, now };
    let to: Mailbox = "a@example.org".parse().unwrap();
    String::from_utf8(mail(parcel, &from.parse().unwrap(), &to)).unwrap()
}

/// The names of the header fields, unfolded.
fn fields(mail: &str) -> Vec<&str> {
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    let lines = head.split("\r\n").filter(|line| !line.starts_with(' '));
    lines.map(|line| line.split_once(':').map_or(line, |(name, _)| name)).collect()
}

const FIELDS: [&str; 8] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];

#[test]
fn a_mail_is_what_mail_programs_expect() {
    let text = "Grüße an alle,\n\n.eine Zeile = noch eine \nFrom hier\n";
    let mail = composed("[Lotse] prod: 2 Änderungen an images", text, "Lotse <l@cloud.example>");
    insta::assert_snapshot!(mail.replace("\r\n", "\n"), @r#"
    Date: Mon, 21 Sep 2026 14:14:20 -0000
    From: "Lotse" <l@cloud.example>
    To: a@example.org
    Subject: =?utf-8?B?W0xvdHNlXSBwcm9kOiAyIMOEbmRlcnVuZ2VuIGFuIGltYWdlcw==?=
    Message-ID: <4f305ec8-92c1-5e17-9122-98d25305d1fc@cloud.example>
    Auto-Submitted: auto-generated
    MIME-Version: 1.0
    Content-Type: multipart/alternative; boundary="=_4f305ec892c15e17912298d25305d1fc_="

    --=_4f305ec892c15e17912298d25305d1fc_=
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    Gr=C3=BC=C3=9Fe an alle,

    =2Eeine Zeile =3D noch eine=20
    =46rom hier

    --=_4f305ec892c15e17912298d25305d1fc_=
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    <p>Gr=C3=BC=C3=9Fe an alle,

    =2Eeine Zeile =3D noch eine=20
    =46rom hier
    </p>

    --=_4f305ec892c15e17912298d25305d1fc_=--
    "#);
}

#[test]
fn a_mail_that_is_sent_again_has_the_same_id() {
    let id =
        |mail: &str| mail.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
    let first = composed("a", "b", "l@cloud.example");
    assert_eq!(id(&first), id(&composed("a", "b", "l@cloud.example")));
    assert!(id(&first).ends_with("@cloud.example>"), "{first}");
}

#[test]
fn addresses_that_could_be_more_than_one_are_refused() {
    for text in [
        "",
        "nobody",
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "A <a@example.org>\r\nBcc: b@example.org",
        "\"a b\"@example.org",
        "<a@example.org> b",
        "ä@example.org",
    ] {
        assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
    }
    let named: Mailbox = "Ops \"Team\" <ops@example.org>".parse().unwrap();
    assert_eq!(named.address(), "ops@example.org");
}

proptest! {
    #[test]
    fn no_subject_and_no_name_adds_a_header_field(subject in "(?s).{0,200}", name in "(?s).{0,60}") {
        let mail = composed(&subject, "text", "l@cloud.example");
        prop_assert_eq!(fields(&mail), FIELDS);
        if let Ok(from) = format!("{name} <l@cloud.example>").parse::<Mailbox>() {
            prop_assert_eq!(from.address(), "l@cloud.example");
            let header = from.header();
            let folded = header.split("\r\n ").all(|part| !part.contains(['\r', '\n']));
            prop_assert!(folded && header.is_ascii(), "{:?}", header);
        }
    }

    #[test]
    fn mails_are_ascii_in_short_lines(subject in "(?s).{0,300}", text in "(?s).{0,400}") {
        let mail = composed(&subject, &text, "l@cloud.example");
        prop_assert!(mail.is_ascii());
        for line in mail.split("\r\n") {
            prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n']), "{:?}", line);
        }
    }

    #[test]
    fn quoted_printable_text_is_read_back(text in "(?s)[ -~=.\\n\u{e4}\u{1f6a2}]{0,300}") {
        let encoded = quoted_printable(&text);
        prop_assert!(encoded.split("\r\n").all(|line| line.len() <= LINE));
        let joined = encoded.replace("=\r\n", "").replace("\r\n", "\n");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte == b'=' {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[2..];
            } else {
                bytes.push(byte);
            }
        }
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), format!("{}\n", text.strip_suffix('\n').unwrap_or(&text)));
    }
}
