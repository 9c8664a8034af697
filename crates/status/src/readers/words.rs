//! What the pages of readers say, in each language.

use crate::pages::Language;

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) own_pages: &'static str,
    pub(crate) signed_in_as: &'static str,
    pub(crate) pages: &'static str,
    pub(crate) no_pages: &'static str,
    pub(crate) not_here: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) not_signed_in: &'static str,
    pub(crate) left: &'static str,
    pub(crate) left_text: &'static str,
    pub(crate) went_wrong: &'static str,
    pub(crate) again: &'static str,
    pub(crate) too_often: &'static str,
}

impl Words {
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

static ENGLISH: Words = Words {
    own_pages: "My pages",
    signed_in_as: "You are signed in as",
    pages: "Pages for your groups:",
    no_pages: "There is no page for your groups beside the one for everybody.",
    not_here: "There is no such page for you.",
    sign_out: "Sign out",
    not_signed_in: "You are not signed in",
    left: "You are signed out",
    left_text: "At the identity provider you may still be signed in.",
    went_wrong: "What went wrong:",
    again: "Sign in again",
    too_often: "Too many sign-ins were begun from your network. Please wait a minute.",
};

static GERMAN: Words = Words {
    own_pages: "Meine Seiten",
    signed_in_as: "Sie sind angemeldet als",
    pages: "Seiten für Ihre Gruppen:",
    no_pages: "Für Ihre Gruppen gibt es keine Seite neben der für alle.",
    not_here: "Eine solche Seite gibt es für Sie nicht.",
    sign_out: "Abmelden",
    not_signed_in: "Sie sind nicht angemeldet",
    left: "Sie sind abgemeldet",
    left_text: "Beim Identitätsanbieter sind Sie vielleicht noch angemeldet.",
    went_wrong: "Was schiefging:",
    again: "Noch einmal anmelden",
    too_often: "Aus Ihrem Netz wurden zu viele Anmeldungen begonnen. Bitte warten Sie eine Minute.",
};
