//! Subscribers, their ways and wishes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lotse_core::id::ComponentId;
use lotse_core::time::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use crate::error::Error;
use crate::pages::Language;

/// How many bytes a secret has.
const SECRET: usize = 24;
/// The longest address or URL, in bytes.
const LONGEST: usize = 1000;
/// The longest mail address (RFC 5321, section 4.5.3.1).
const LONGEST_MAIL: usize = 254;
/// Digests are sent at this hour (UTC).
const HOUR: i64 = 7;

const DAY: i64 = 24 * 60 * 60;

/// What a webhook wants to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Events for programs, signed.
    #[default]
    Standard,
    /// An incoming webhook of Mattermost.
    Mattermost,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow webhook of Microsoft Teams.
    Teams,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Mattermost, Self::Slack, Self::Teams];

    /// Its name on the command line and in forms.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Mattermost => "mattermost",
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }
}

/// How a subscriber is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By mail to this address.
    Mail(String),
    /// By a POST to this address.
    Webhook(Url),
    /// By a channel of the section `notify`, by its name.
    Channel(String),
}

impl Way {
    /// Mail to what somebody typed.
    ///
    /// # Errors
    /// It is no mail address.
    pub fn mail(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let wrong = || Error::invalid("address", "this is no mail address");
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        // What is meant by quotes and comments is nobody's address.
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && !text.ends_with('.')
                && text.chars().all(|c| c.is_ascii_graphic() && !"\"<>()[],;:\\@".contains(c))
        };
        if text.len() > LONGEST_MAIL || !plain(local) || !plain(domain) {
            return Err(wrong());
        }
        // Domains are the same in every case; local parts need not be.
        Ok(Self::Mail(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// A webhook at what somebody typed.
    ///
    /// # Errors
    /// It is no address of the web.
    pub fn webhook(text: &str) -> Result<Self, Error> {
        let url = text.trim().parse::<Url>().ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.as_str().len() < LONGEST
        });
        let wrong = || Error::invalid("address", "this is no address of the form https://…");
        Ok(Self::Webhook(url.ok_or_else(wrong)?))
    }

    /// The word for the kind.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
            Self::Channel(_) => "channel",
        }
    }

    /// Where it leads.
    pub fn target(&self) -> &str {
        match self {
            Self::Mail(address) => address,
            Self::Webhook(url) => url.as_str(),
            Self::Channel(name) => name,
        }
    }

    /// Where it leads, for people: the paths of webhooks are secrets.
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook(url) => {
                format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default())
            }
            other => other.target().to_owned(),
        }
    }
}

/// How often somebody wants to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Digest {
    /// At once.
    #[default]
    None,
    /// Every morning at seven (UTC).
    Daily,
    /// Every Monday morning at seven (UTC).
    Weekly,
}

impl Digest {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Daily, Self::Weekly];

    /// Its name on the command line and in forms.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// When what happens now is told.
    pub fn due(self, now: Timestamp) -> Timestamp {
        let days = match self {
            Self::None => return now,
            Self::Daily => 1,
            Self::Weekly => 7,
        };
        let today = (now.as_second() - HOUR * 3600).div_euclid(DAY);
        // Day 4 of the epoch was a Monday.
        let past = if days == 7 { (today - 4).rem_euclid(7) } else { 0 };
        let next = (today - past + days) * DAY + HOUR * 3600;
        Timestamp::from_second(next).unwrap_or(now)
    }
}

/// What somebody wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// These components; all when there are none.
    pub components: Vec<ComponentId>,
    /// Components with these values of the label `region`; all when there are none.
    pub regions: Vec<String>,
    /// Incidents with at least this severity.
    pub least: u8,
    /// Planned work as well.
    pub maintenance: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self { components: Vec::new(), regions: Vec::new(), least: 0, maintenance: true }
    }
}

/// What a subscriber may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What they want to hear of.
    pub filter: Filter,
    /// How often.
    pub digest: Digest,
    /// What a webhook is sent.
    pub shape: Shape,
    /// The code of their language.
    pub language: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            digest: Digest::None,
            shape: Shape::Standard,
            language: Language::English.code().to_owned(),
        }
    }
}

impl Settings {
    /// Their language.
    pub fn language(&self) -> Language {
        Language::of_code(&self.language).unwrap_or(Language::English)
    }
}

/// Whether the other end has said yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not yet.
    Pending,
    /// Yes.
    Active,
}

impl State {
    /// The word for it, as it is kept.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
        }
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Pending, Self::Active]
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or_else(|| format!("{word:?} is no state of a subscription"))
    }
}

/// What links in messages carry, and what webhooks are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A fresh one.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; SECRET];
        let none = |_| Error::Conflict { reason: "there are no random numbers".to_owned() };
        SystemRandom::new().fill(&mut bytes).map_err(none)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// One that was kept.
    pub const fn of_text(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for links and signatures.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is this secret, without telling by the time it takes how much of it.
    pub fn matches(&self, text: &str) -> bool {
        Sha256::digest(text) == Sha256::digest(&self.0)
    }
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Identity.
    pub id: Uuid,
    /// How they are reached.
    pub way: Way,
    /// What they want.
    pub settings: Settings,
    /// Whether they have said yes.
    pub state: State,
    /// What their links carry.
    pub secret: Secret,
    /// When it was asked for.
    pub created: Timestamp,
    /// When they were asked to say yes, or told that they have, last.
    pub asked: Timestamp,
}

impl Subscriber {
    /// What stands in the addresses of their pages.
    pub fn token(&self) -> String {
        format!("{}{}", self.id.simple(), self.secret.expose())
    }

    /// What messages to their webhook are signed with, as the Standard Webhooks convention writes it.
    /// Who knows it can do nothing with the subscription itself.
    pub fn signing_secret(&self) -> String {
        let mut hasher = Sha256::new_with_prefix(b"lotse status webhook v1\n");
        hasher.update(self.secret.expose());
        format!("whsec_{}", STANDARD.encode(hasher.finalize()))
    }

    /// Whether a pending subscription has waited for too long.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.state == State::Pending && now.duration_since(self.asked) > PATIENCE
    }
}

/// How long it is waited for a yes.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(48);

/// The two parts of a token: who, and what they have to know.
pub(crate) fn parts_of(token: &str) -> Option<(Uuid, &str)> {
    let (id, secret) = token.split_at_checked(32)?;
    Some((Uuid::try_parse(id).ok()?, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_people_have_are_taken() {
        let mail = |text: &str| Way::mail(text).map(|way| way.target().to_owned()).ok();
        assert_eq!(mail(" Ada@Example.ORG ").as_deref(), Some("Ada@example.org"));
        for bad in
            ["", "ada", "@x", "a@", "a b@x.org", "\"a\"@x", "a@b@c", "a@x\r\nBcc: b@x", "ä@x"]
        {
            assert_eq!(mail(bad), None, "{bad:?}");
        }
        assert_eq!(mail(&format!("{}@x.org", "a".repeat(300))), None);
    }

    #[test]
    fn webhooks_are_addresses_of_the_web_and_their_paths_are_not_shown() {
        let way = Way::webhook("https://hooks.example.org/T0/secret").unwrap();
        assert_eq!(way.shown(), "https://hooks.example.org/…");
        for bad in ["", "ftp://x", "javascript:alert(1)", "/hook", "https:///x y"] {
            assert!(Way::webhook(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digests_come_at_seven_the_weekly_one_on_mondays() {
        let due = |digest: Digest, now: &str| digest.due(now.parse().unwrap()).to_string();
        // 2026-11-22 is a Sunday.
        assert_eq!(due(Digest::Daily, "2026-11-22T06:59:59Z"), "2026-11-22T07:00:00Z");
        assert_eq!(due(Digest::Daily, "2026-11-22T07:00:00Z"), "2026-11-23T07:00:00Z");
        assert_eq!(due(Digest::Weekly, "2026-11-22T12:00:00Z"), "2026-11-23T07:00:00Z");
        assert_eq!(due(Digest::Weekly, "2026-11-23T07:00:00Z"), "2026-11-30T07:00:00Z");
        assert_eq!(due(Digest::Weekly, "2026-11-23T06:00:00Z"), "2026-11-23T07:00:00Z");
        assert_eq!(due(Digest::None, "2026-11-22T12:00:00Z"), "2026-11-22T12:00:00Z");
    }

    #[test]
    fn a_token_is_taken_apart_and_secrets_are_not_shown() {
        let secret = Secret::generate().unwrap();
        let id = Uuid::now_v7();
        let token = format!("{}{}", id.simple(), secret.expose());
        let (found, rest) = parts_of(&token).unwrap();
        assert!(found == id && secret.matches(rest) && !secret.matches("x"));
        assert!(parts_of("short").is_none() && parts_of(&"ä".repeat(40)).is_none());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
