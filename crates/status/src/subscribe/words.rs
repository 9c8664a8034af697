//! What the pages of subscribers say, in each language.

use super::model::Digest;
use crate::pages::Language;

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) subscribe: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) way: &'static str,
    pub(crate) by_mail: &'static str,
    pub(crate) mail_address: &'static str,
    pub(crate) by_webhook: &'static str,
    pub(crate) webhook_address: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) standard: &'static str,
    pub(crate) what: &'static str,
    pub(crate) components: &'static str,
    pub(crate) none_is_all: &'static str,
    pub(crate) regions: &'static str,
    pub(crate) least: &'static str,
    pub(crate) every_severity: &'static str,
    pub(crate) maintenance: &'static str,
    pub(crate) how_often: &'static str,
    pub(crate) digests: [&'static str; 3],
    pub(crate) feeds: &'static str,
    pub(crate) asked: &'static str,
    pub(crate) asked_text: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) confirm_text: &'static str,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) manage: &'static str,
    pub(crate) told_by: &'static str,
    pub(crate) save: &'static str,
    pub(crate) saved: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) left: &'static str,
    pub(crate) left_text: &'static str,
    pub(crate) wrong_address: &'static str,
    pub(crate) signed_with: &'static str,
    pub(crate) too_often: &'static str,
}

impl Words {
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    pub(crate) const fn digest(&self, digest: Digest) -> &'static str {
        let [none, daily, weekly] = self.digests;
        match digest {
            Digest::None => none,
            Digest::Daily => daily,
            Digest::Weekly => weekly,
        }
    }
}

static ENGLISH: Words = Words {
    subscribe: "Subscribe",
    intro: "Be told when something changes. We ask the address first whether it wants that.",
    way: "How",
    by_mail: "By mail",
    mail_address: "Mail address",
    by_webhook: "By webhook, to a program or a chat",
    webhook_address: "Address of the webhook",
    shape: "What it understands",
    standard: "A program (signed JSON)",
    what: "What",
    components: "Only these components",
    none_is_all: "None chosen means all.",
    regions: "Only these regions",
    least: "Incidents that are at least",
    every_severity: "of any severity",
    maintenance: "Planned maintenance, too",
    how_often: "How often",
    digests: ["At once", "Once a day, gathered", "Once a week, gathered"],
    feeds: "Without an address: feeds and a calendar",
    asked: "Look for our message",
    asked_text: "If this address can be used, a message is on its way to it. It has a link to confirm the \
                 subscription within two days. Until then, nothing is sent.",
    confirm: "Confirm your subscription",
    confirm_text: "Shall this address be told when something changes?",
    yes: "Yes, tell me",
    no: "No, forget the address",
    manage: "Your subscription",
    told_by: "You are told at",
    save: "Save",
    saved: "Saved.",
    leave: "Unsubscribe",
    left: "You are unsubscribed",
    left_text: "Nothing more is sent, and the address is forgotten.",
    wrong_address: "This address cannot be used. Please check it.",
    signed_with: "Messages are signed (Standard Webhooks) with the secret",
    too_often: "There were too many requests. Please try again in a minute.",
};

static GERMAN: Words = Words {
    subscribe: "Abonnieren",
    intro: "Lassen Sie sich mitteilen, wenn sich etwas ändert. Wir fragen die Adresse vorher, ob sie das \
            möchte.",
    way: "Wie",
    by_mail: "Per Mail",
    mail_address: "Mailadresse",
    by_webhook: "Per Webhook, an ein Programm oder einen Chat",
    webhook_address: "Adresse des Webhooks",
    shape: "Was dort verstanden wird",
    standard: "Ein Programm (signiertes JSON)",
    what: "Was",
    components: "Nur diese Komponenten",
    none_is_all: "Ohne Auswahl: alle.",
    regions: "Nur diese Regionen",
    least: "Störungen, die mindestens so schwer sind",
    every_severity: "egal wie schwer",
    maintenance: "Auch geplante Wartung",
    how_often: "Wie oft",
    digests: ["Sofort", "Einmal am Tag, gesammelt", "Einmal in der Woche, gesammelt"],
    feeds: "Ohne Adresse: Feeds und ein Kalender",
    asked: "Achten Sie auf unsere Nachricht",
    asked_text: "Wenn diese Adresse verwendet werden kann, ist eine Nachricht zu ihr unterwegs. Sie enthält \
                 einen Link, mit dem die Anmeldung innerhalb von zwei Tagen bestätigt wird. Bis dahin wird \
                 nichts verschickt.",
    confirm: "Anmeldung bestätigen",
    confirm_text: "Soll diese Adresse mitgeteilt bekommen, wenn sich etwas ändert?",
    yes: "Ja, gern",
    no: "Nein, Adresse vergessen",
    manage: "Ihr Abonnement",
    told_by: "Mitteilungen gehen an",
    save: "Speichern",
    saved: "Gespeichert.",
    leave: "Abbestellen",
    left: "Sie sind abgemeldet",
    left_text: "Es wird nichts mehr verschickt, und die Adresse ist vergessen.",
    wrong_address: "Diese Adresse kann nicht verwendet werden. Bitte prüfen Sie sie.",
    signed_with: "Mitteilungen sind signiert (Standard Webhooks) mit dem Geheimnis",
    too_often: "Das waren zu viele Anfragen. Bitte versuchen Sie es in einer Minute noch einmal.",
};
